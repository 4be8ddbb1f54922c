"""The same with a server in a container, as pytest-celery would have it. Needs Docker and asks for
it: `DISPATCH_TEST_DOCKER=1`."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.skipif(
    os.environ.get("DISPATCH_TEST_DOCKER") != "1", reason="asks for DISPATCH_TEST_DOCKER=1"
)


def test_runs_over_a_server_in_a_container(celery_redis_broker, tmp_path):
    server = SimpleNamespace(url=celery_redis_broker.config()["host_url"])
    installation = Installation(server, tmp_path)
    try:
        installation.beat(wait=False)
        installation.worker()
        assert installation.run("add", payload={"x": 1}).result == 2
        assert installation.run("counting_down", payload={"countdown": 0.1}).result == 1
    finally:
        installation.close()
