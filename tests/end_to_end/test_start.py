"""How processes start: they wait for a Redis that is away, and refuse what can never work."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.installation import Installation
from tests.processes import ROOT, celery
from tests.servers import free_port

WEB = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy/gunicorn.py"), "--log-level",
       "critical", "dispatch_api.wsgi:app"]  # fmt: skip


def test_worker_and_beat_wait_for_a_redis_that_is_away(new_redis, tmp_path):
    server = new_redis()
    installation = Installation(server, tmp_path)
    server.stop()
    processes = [installation.worker(wait=False), installation.beat(wait=False)]
    for process in processes:
        installation.until(lambda one=process: one.logs().count("Trying again") >= 2)
    server.start()
    run = installation.run("add", payload={"x": 1})
    assert run.status == "succeeded"
    installation.close()


@pytest.mark.parametrize(
    "command",
    [celery("dispatch_app", "worker", "-c", "1"), celery("dispatch_app", "beat"), WEB],
    ids=["worker", "beat", "web"],
)
def test_a_broker_that_is_not_the_store_is_refused_in_one_line(command, tmp_path):
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "CELERY_BROKER_URL": "redis://127.0.0.1:2/0",
            "SERVER_PORT": str(free_port()),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
    )
    assert ended.returncode != 0
    assert "broker_url: the broker (127.0.0.1:2/0) and the store (127.0.0.1:1/0)" in ended.stdout
    assert "Traceback" not in ended.stdout
