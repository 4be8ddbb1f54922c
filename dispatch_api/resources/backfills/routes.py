"""Read backfills, and stop one; `POST /tasks/{id}/backfill` starts one."""

from __future__ import annotations

from typing import Any

from dispatch_api.resources.backfills.schemas import BackfillPage, BackfillQuery, BackfillSchema
from dispatch_api.smorest import NEXT, Blueprint, Nothing, dispatch, link_to
from dispatch_app.domain.backfill import Backfill
from dispatch_app.operations import backfills
from dispatch_app.store.backfills import BackfillFilter
from dispatch_app.store.pages import Page

blp = Blueprint(
    "backfills",
    __name__,
    url_prefix="/backfills",
    description="Windows whose occurrences run again, or for the first time.",
)


@blp.get("")
@blp.arguments(BackfillQuery, location="query")
@blp.response(200, BackfillPage, headers=NEXT)
def list_backfills(query: dict[str, Any]) -> tuple[Page[Backfill], dict[str, str]]:
    """List backfills, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    page = dispatch.store.backfills.list(BackfillFilter(**query), limit, cursor)
    return page, link_to(page.next)


@blp.get("/<backfill_id>")
@blp.response(200, BackfillSchema)
@blp.problems(404)
def get_backfill(backfill_id: str) -> Backfill:
    """Read a backfill: how far it is.

    `GET /runs?backfill={id}` lists its runs.
    """
    return dispatch.store.backfills.get(backfill_id)


@blp.post("/<backfill_id>/cancel")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(200, BackfillSchema)
@blp.problems(404, 409)
def cancel_backfill(backfill_id: str) -> Backfill:
    """Stop a backfill: no more runs, and those that are not finished are cancelled; what runs
    is asked to end."""
    return backfills.cancel(dispatch, backfill_id)
