"""The task type `echo`: gives back what it got, to see that everything works."""

from __future__ import annotations

from typing import Any

from celery import shared_task

PAYLOAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "description": "Anything at all; it becomes the run's result.",
    "additionalProperties": True,
    "examples": [{"hello": "world"}],
}


@shared_task(name="echo", payload_schema=PAYLOAD)
def echo(**payload: Any) -> dict[str, Any]:
    """Give back the payload."""
    return payload
