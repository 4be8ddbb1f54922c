"""Moments as people read them, for tests: RFC 3339 text and milliseconds."""

from __future__ import annotations

from datetime import datetime

from dispatch_app.domain.schedule.zones import local

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def ms(text: str) -> int:
    """An RFC 3339 text with an offset as milliseconds since 1970."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo, f"{text} names no offset"
    return round(moment.timestamp() * 1000)


def iso(moment: int, zone: str = "UTC") -> str:
    """A moment as RFC 3339 with the zone's offset."""
    return local(zone, moment).isoformat()
