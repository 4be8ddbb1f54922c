"""A look at a schedule before anything is stored."""

from __future__ import annotations

from typing import Any

from dispatch_api.fields import LAST_MOMENT, text_of
from dispatch_api.resources.schedules.schemas import PreviewBody, PreviewSchema
from dispatch_api.smorest import Blueprint, dispatch
from dispatch_app.domain.schedule import notes_for
from dispatch_app.operations.timelines import Preview, preview

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
    language, found = body["language"], _preview(body)
    schedule = found.schedule
    zone = schedule.timezone
    answer: dict[str, Any] = {
        "description": schedule.describe(language),
        "occurrences": [
            {
                "at": text_of(moment, zone),
                **({"dispatched_at": text_of(due, zone)} if found.is_jittered else {}),
                "note": notes_for(schedule, moment, language),
            }
            for moment, due in found.occurrences
            if due <= LAST_MOMENT
        ],
    }
    if schedule.calendars:
        answer["left_out"] = [text_of(moment, zone) for moment in found.left_out]
    return answer


def _preview(body: dict[str, Any]) -> Preview:
    after = body["after"] if "after" in body else dispatch.store.now()
    return preview(dispatch, body["schedule"], body.get("task_id", ""), after, body["count"])
