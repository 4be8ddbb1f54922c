"""`Idempotency-Key` and `Idempotent-Replayed`, as Stripe's API has them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from flask import request

from dispatch_api import bodies
from dispatch_api.fields import Word
from dispatch_api.smorest import Schema
from dispatch_app.store.answers import Idempotency


class IdempotencyHeader(Schema):
    """The header that makes a request safe to repeat."""

    key = Word(
        r"[\x21-\x7e]{1,255}",
        "1 to 255 printable ASCII characters without spaces",
        data_key="Idempotency-Key",
        metadata={
            "description": "A name of your own for this request. The same key with the same body "
            "again does nothing, and gives the answer that the first one got, for a day."
        },
    )


#: The header of an answer that was given before, for the document.
REPLAYED = {
    "Idempotent-Replayed": {
        "description": "`true`: a request with this `Idempotency-Key` was carried out before, and "
        "this is its answer.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def idempotency_of(headers: dict[str, Any]) -> Idempotency | None:
    """The key of this request, if it has one, with what makes it the same again: its path, and
    what its body says."""
    if "key" not in headers:
        return None
    body = request.get_data()
    said = msgspec.json.encode(bodies.parse(body) if body else {}, order="sorted")
    fingerprint = hashlib.sha256(request.path.encode() + b"\n" + said).hexdigest()
    return Idempotency(headers["key"], fingerprint)


def replayed(idempotency: Idempotency | None) -> dict[str, str]:
    """The header of an answer that was given before; nothing for any other."""
    return {"Idempotent-Replayed": "true"} if idempotency and idempotency.replayed else {}
