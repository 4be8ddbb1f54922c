"""A look at a schedule before anything is stored."""

from __future__ import annotations

from typing import Any

from dispatch_api.fields import LAST_MOMENT, text_of
from dispatch_api.resources.schedules.schemas import PreviewBody, PreviewSchema
from dispatch_api.smorest import Blueprint, dispatch
from dispatch_app.domain.schedule import Interval, notes_for, occurrences

blp = Blueprint(
    "schedules", __name__, url_prefix="/schedules", description="Schedules, before they are stored."
)


@blp.post("/preview")
@blp.arguments(
    PreviewBody,
    example={
        "schedule": {"type": "cron", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
        "after": "2026-03-27T00:00:00Z",
        "count": 3,
    },
)
@blp.response(200, PreviewSchema)
def preview_schedule(body: dict[str, Any]) -> dict[str, Any]:
    """Say when a schedule is due next, in words too; nothing is stored.

    An interval without `start_time` counts from `after`, as if the task were created then.
    """
    after = body["after"] if "after" in body else dispatch.store.now()
    schedule, count = body["schedule"], body["count"]
    if isinstance(schedule, Interval):
        schedule = schedule.anchored(after)
    if getattr(schedule, "max_runs", None):
        count = min(count, schedule.max_runs)
    return {
        "description": schedule.describe(),
        "occurrences": [
            {"at": text_of(moment, schedule.timezone), "note": notes_for(schedule, moment)}
            for moment in occurrences(schedule, after, count)
            if moment <= LAST_MOMENT
        ],
    }
