"""Redis Sentinel for tests: a primary, a replica, and three that watch them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import redis

from tests.servers import RedisServer
from tests.waiting import wait_for

#: ms without an answer after which a sentinel takes the primary for dead
DOWN_AFTER = 1_000


class Sentinel(RedisServer):
    """A server program run as a sentinel; its folder has a sentinel.conf."""

    def _command(self) -> list[str]:
        program, *options = super()._command()
        conf = str(self.folder / "sentinel.conf")
        return [program, conf, "--sentinel", *options[: options.index("--save")]]


class Watched:
    """Two servers that replace each other.

    Attributes:
        primary, replica: as they were at the start.
        url: of the database, as `REDIS_URL` takes it.
    """

    def __init__(self, new_redis: Callable[..., RedisServer], folder: Path, *options: str) -> None:
        fast = ("--repl-diskless-sync-delay", "0", *options)
        self.primary = new_redis(*fast)
        self.replica = new_redis("--replicaof", "127.0.0.1", str(self.primary.port), *fast)
        wait_for(self._is_replicated, 20, "the replica to have all")
        self._sentinels = [self._sentinel(folder / f"sentinel-{n}") for n in range(3)]
        wait_for(lambda: all(map(self._sees_all, self._sentinels)), 30, "sentinels to meet")
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self._sentinels)
        self.url = f"sentinel://{hosts}/main/0"

    def address(self) -> int:
        """The port of the primary, as the first sentinel knows it."""
        with self._sentinels[0].client() as client:
            return int(client.sentinel_get_master_addr_by_name("main")[1])

    def fail_over(self) -> None:
        """As an operator does it, to replace a primary that is well."""
        with self._sentinels[0].client() as client:
            client.execute_command("SENTINEL", "FAILOVER", "main")

    def is_replica(self, server: RedisServer) -> bool:
        """Whether a server follows another one, and has caught up."""
        try:
            with server.client(socket_timeout=1) as client:
                found = client.info("replication")
        except redis.RedisError:
            return False
        return found["role"] == "slave" and found["master_link_status"] == "up"

    def close(self) -> None:
        """End the sentinels; the servers are the fixture's."""
        for sentinel in self._sentinels:
            sentinel.stop()

    def _is_replicated(self) -> bool:
        return self.is_replica(self.replica)

    def _sentinel(self, folder: Path) -> Sentinel:
        folder.mkdir()
        (folder / "sentinel.conf").write_text(
            textwrap.dedent(f"""\
                sentinel monitor main 127.0.0.1 {self.primary.port} 2
                sentinel down-after-milliseconds main {DOWN_AFTER}
                sentinel failover-timeout main 6000
                """)
        )
        return Sentinel(folder)

    def _sees_all(self, sentinel: Sentinel) -> bool:
        with sentinel.client() as client:
            main = client.sentinel_master("main")
            return main["num-slaves"] == 1 and main["num-other-sentinels"] == 2
