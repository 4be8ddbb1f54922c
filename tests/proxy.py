"""A bad line between a client and a server: a TCP proxy that delays, cuts and loses on demand."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

_CHUNK = 65_536


class Proxy:
    """Listens on a port of 127.0.0.1 and passes all on to another, in a thread of its own.

    Attributes:
        port: where it listens.
        delay_s: how long each chunk from a client waits before it is passed on; as a call of Redis
            is one chunk, that many seconds a call.
        refuse: whether new connections are closed at once.
        drop_replies: whether what the server says is thrown away. A connection that has missed
            something is closed by `heal`, as the two no longer mean the same.
        lost: how many replies `lose` has taken.
    """

    def __init__(self, upstream_port: int) -> None:
        self._upstream = upstream_port
        self.delay_s = 0.0
        self.refuse = self.drop_replies = False
        self.lost = 0
        self._marker, self._to_lose = b"", 0
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Close all connections."""
        self._call(self._close(lambda line: True))

    def lose(self, marker: str, times: int = 1) -> None:
        """Close the connection instead of passing on the reply to the next requests in which this
        text stands: the server has done what it was asked for, and the client cannot know."""
        self._marker, self._to_lose = marker.encode(), times

    def heal(self) -> None:
        """Be a good line again."""
        self.delay_s = 0.0
        self.refuse = self.drop_replies = False
        self._to_lose = 0
        self._call(self._close(lambda line: line.missed))

    def close(self) -> None:
        """End it, with all connections."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def takes_reply_to(self, request: bytes) -> bool:
        """Whether the reply to this request is to be lost, as `lose` has asked for."""
        if not self._to_lose or self._marker not in request:
            return False
        self._to_lose -= 1
        return True

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = None
        try:
            if self.refuse:
                return
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
            line = _Line(self, (reader, writer), (up_reader, up_writer))
            self._lines.add(line)
            await line.pass_on()
        except OSError:
            pass  # the server is away, or one side has gone: so has the other, then
        finally:
            writer.close()
            if line:
                self._lines.discard(line)

    async def _close(self, which: Callable[[_Line], bool]) -> None:
        for line in [line for line in self._lines if which(line)]:
            line.close()

    async def _stop(self) -> None:
        self._server.close()
        await self._close(lambda line: True)
        while self._lines:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)


class _Line:
    """One connection of a client, and the one to the server that belongs to it.

    Attributes:
        missed: whether a reply was thrown away on it.
    """

    def __init__(self, proxy: Proxy, client: Any, server: Any) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._losing = self.missed = False

    async def pass_on(self) -> None:
        """Until one side has had enough, or `close`."""
        ways = [asyncio.ensure_future(way) for way in (self._requests(), self._replies())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.close()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def close(self) -> None:
        """Close both."""
        for _, writer in (self._client, self._server):
            with contextlib.suppress(OSError, RuntimeError):
                writer.transport.abort()

    async def _requests(self) -> None:
        while data := await self._client[0].read(_CHUNK):
            if self._proxy.delay_s:
                await asyncio.sleep(self._proxy.delay_s)
            self._losing = self._losing or self._proxy.takes_reply_to(data)
            self._server[1].write(data)
            await self._server[1].drain()

    async def _replies(self) -> None:
        while data := await self._server[0].read(_CHUNK):
            if self._losing:
                self._proxy.lost += 1
                return
            if self._proxy.drop_replies:
                self.missed = True
                continue
            self._client[1].write(data)
            await self._client[1].drain()
