"""Where requests of the type `http` may go, and for how long.

Whoever may create tasks must not reach, through our workers, what only our workers can reach
(server-side request forgery). So each connection, also that of a redirect, is made to the very
address that was checked after the name was resolved: a name that resolves to something else a
moment later (DNS rebinding) gains nothing. The check is httpcore's network backend, beneath
redirects, pools and TLS, which still sees the name. Proxies of the environment have to stay
unused (`trust_env=False` at the client), since they would resolve names themselves.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from dispatch_app.domain.errors import Discard

#: IPv6 in use (RFC 4291, 2.4). Forms that embed an IPv4 address lie outside, but for 6to4.
_UNICAST = ipaddress.ip_network("2000::/3")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
#: How a network without IPv4 writes IPv4 addresses (RFC 6052): in the last 32 bits.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Public by their number, yet answered by a cloud's own machinery.
_INTERNAL = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's platform
    ipaddress.ip_network("192.0.0.0/24"),  # Oracle's metadata; older Pythons call it global
)


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is one that anybody on the Internet could reach."""
    ip = ipaddress.ip_address(address)
    if ip in _NAT64:
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip.version == 6 and (ip not in _UNICAST or ip in _SIX_TO_FOUR):
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _INTERNAL)


class OutboundTransport(httpx.HTTPTransport):
    """httpx's transport, with connections to checked addresses, all over at a deadline.

    Args:
        deadline: on the monotonic clock, seconds.
        allow_private: whether every address is allowed.
    """

    def __init__(self, *, deadline: float, allow_private: bool) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        # httpx has no argument for a network backend. Should it ever rename its pool, this line
        # fails, and no request gets out unchecked
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, network_backend=_Backend(_Deadline(deadline), allow_private)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, the first or that of a redirect.

        Raises:
            Discard: its URL or its address is refused.
        """
        url = request.url
        if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65_535:
            raise Discard(f"{url} is refused: expected http:// or https:// with host and port.")
        return super().handle_request(request)


class _Deadline:
    def __init__(self, moment: float) -> None:
        self._moment = moment

    def left(self, error: type[httpcore.TimeoutException]) -> float:
        """Seconds until then; raises the error if there are none."""
        left = self._moment - time.monotonic()
        if left <= 0:
            raise error("The request was not over within its timeout.")
        return left


class _Backend(httpcore.SyncBackend):
    """Resolves, checks, and connects to what it has checked."""

    def __init__(self, deadline: _Deadline, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        addresses = self._resolve(host, port)
        for number, address in enumerate(addresses):
            # a dead address takes no more than its share of the time
            share = self._deadline.left(httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        kind = type(failure) if failure else httpcore.ConnectError
        raise kind(f"{host}, port {port}: {failure or 'it has no address'}")

    def _resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them allowed."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        # one bad address is enough: nobody needs a name that is half public
        if not self._allow_private and not all(is_public(address) for address in addresses):
            # which address it is stays untold: names of an internal network are no one's business
            raise Discard(
                f"{host} is refused: it is not, or not only, a public address; "
                "http.allow_private (HTTP_ALLOW_PRIVATE) allows others."
            )
        return addresses


class _Stream(httpcore.NetworkStream):
    """A connection on which nothing lasts longer than the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
