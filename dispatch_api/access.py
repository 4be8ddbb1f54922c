"""Who may call: holders of a key; without any key configured, programs on this machine only.

Without keys the caller's address alone proves little: a proxy beside us calls from loopback for the
whole world, and a web page can make its visitor's browser call a name that it points at 127.0.0.1
(DNS rebinding) or send a form across origins. So the Host has to be loopback as well, nothing may
say that the request was forwarded, and no other site's page may have sent it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Request, g, request

from dispatch_api.problems import NotAllowed

#: Who calls where no key is configured: a program on this machine, whoever has started it.
ANYBODY = "somebody on this machine"
#: Endpoints that answer everybody.
OPEN = frozenset({"health.healthz"})

_FORWARDED = ("X-Forwarded-", "Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Via")

_NO_KEYS = (
    "No key is configured, so only programs on this machine are served: from a loopback address, "
    "with localhost as Host, through no proxy, from no other site's page. To serve others, set "
    "DISPATCH_API_KEYS=NAME:SECRET (python -c 'import secrets; print(secrets.token_urlsafe(32))' "
    "makes a secret), start again, and send Authorization: Bearer SECRET."
)
_WRONG_KEY = "Send Authorization: Bearer SECRET, with a secret from DISPATCH_API_KEYS."


def guard(app: Flask, keys: Mapping[str, str]) -> None:
    """Refuse those who may not call, before anything else looks at what they sent.

    Args:
        keys: name -> secret; none: only local programs are served.
    """

    @app.before_request
    def check() -> None:
        if request.endpoint in OPEN:
            return
        if not keys and not is_local(request):
            raise NotAllowed(_NO_KEYS)
        g.caller = holder(request, keys) if keys else ANYBODY
        if g.caller is None:
            raise NotAllowed(_WRONG_KEY)


def caller() -> str:
    """Who makes this request: the name of the key that was sent, if there are keys."""
    return str(g.caller)


def holder(request: Request, keys: Mapping[str, str]) -> str | None:
    """The name of the key whose secret was sent. Takes the same time whichever it is."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    secret = given.strip().encode("utf-8", "surrogatepass")
    found = [name for name, key in keys.items() if hmac.compare_digest(secret, key.encode())]
    return found[0] if found and scheme.lower() == "bearer" else None


def is_local(request: Request) -> bool:
    """Whether the request was made on this machine, by nobody else's leave."""
    return (
        _is_loopback(request.remote_addr or "")
        and _is_loopback(_host_in(request.host))
        and not any(name.startswith(_FORWARDED) for name in request.headers.keys())  # noqa: SIM118
        and request.headers.get("Origin", request.host_url.rstrip("/")) == request.host_url[:-1]
    )


def _host_in(host: str) -> str:
    """`localhost` in `localhost:8080`, `::1` in `[::1]:8080`; empty where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
