"""The task type `sleep`: takes its time, to see how runs wait, time out and are cancelled."""

from __future__ import annotations

import time

from celery import shared_task

from dispatch_app.domain.errors import Discard

#: Longest sleep, seconds: a day.
LONGEST = 86_400

PAYLOAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "seconds": {
            "type": "number",
            "minimum": 0,
            "maximum": LONGEST,
            "description": "How long to sleep, in seconds, up to a day.",
        }
    },
    "required": ["seconds"],
    "additionalProperties": False,
    "examples": [{"seconds": 1.5}],
}


@shared_task(name="sleep", payload_schema=PAYLOAD)
def sleep(seconds: float) -> dict[str, float]:
    """Sleep for so many seconds.

    Raises:
        Discard: `seconds` is not a time from 0 to a day.
    """
    if not 0 <= seconds <= LONGEST:
        raise Discard(f"seconds: expected 0 to {LONGEST}, got {seconds}.")
    time.sleep(seconds)
    return {"slept": seconds}
