"""A look at a schedule before anything is stored."""

from __future__ import annotations

from typing import Any

from dispatch_api.fields import LAST_MOMENT, text_of
from dispatch_api.resources.schedules.schemas import PreviewBody, PreviewSchema
from dispatch_api.smorest import Blueprint, dispatch
from dispatch_app.domain.schedule import notes_for, occurrences, settle

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

    What counts from a task's creation (an interval without `start_time`, a `delay`) counts from
    `after` here.
    """
    language = body["language"]
    after = body["after"] if "after" in body else dispatch.store.now()
    schedule, count = settle(body["schedule"], body.get("task_id", ""), after), body["count"]
    count = min(count, getattr(schedule, "max_runs", None) or count)
    return {
        "description": schedule.describe(language),
        "occurrences": [
            {
                "at": text_of(moment, schedule.timezone),
                "note": notes_for(schedule, moment, language),
            }
            for moment in occurrences(schedule, after, count)
            if moment <= LAST_MOMENT
        ],
    }
