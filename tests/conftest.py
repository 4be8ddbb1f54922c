"""What all tests share: real servers, and a clean one for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.servers import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The server of this test run. Tests that stop, freeze or configure one ask `new_redis`."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of the shared server, emptied for this test."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def start_server() -> Callable[..., RedisServer]:
    """What `new_redis` starts its servers with."""
    return RedisServer


@pytest.fixture
def new_redis(
    start_server: Callable[..., RedisServer], tmp_path: Path
) -> Iterator[Callable[..., RedisServer]]:
    """Starts a server of the test's own: `new_redis("--maxmemory-policy", "allkeys-lru")`."""
    servers: list[RedisServer] = []

    def start(*options: str) -> RedisServer:
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(start_server(folder, *options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def new_installation(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes installations on servers of the test's own: `new_installation(server, KEY="value")`;
    their processes end with the test, however it ends."""
    made: list[Installation] = []

    def make(server: RedisServer, **environ: str) -> Installation:
        made.append(Installation(server, tmp_path, **environ))
        return made[-1]

    yield make
    for installation in made:
        installation.close()


@pytest.fixture
def installation(
    redis_server: RedisServer, redis_url: str, tmp_path: Path
) -> Iterator[Installation]:
    """An empty installation on the shared server, whose processes end with the test."""
    installation = Installation(redis_server, tmp_path)
    yield installation
    installation.close()


@pytest.fixture
def notes(installation: Installation) -> Callable[[str], list[list[object]]]:
    """What the user's functions noted about a run of `installation`, in order."""
    return installation.notes
