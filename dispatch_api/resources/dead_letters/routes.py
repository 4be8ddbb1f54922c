"""Look at what has failed for good; run it again, or drop it."""

from __future__ import annotations

from typing import Any

from flask import Response

from dispatch_api.idempotency import REPLAYED, IdempotencyHeader, idempotency_of
from dispatch_api.resources.dead_letters.schemas import (
    DeadLetterPage,
    DeadLetterQuery,
    DeadLetterSchema,
    DroppedSchema,
    DropQuery,
    ReplayBody,
    ReplayedSchema,
    ReplayManyBody,
)
from dispatch_api.resources.runs.routes import made
from dispatch_api.resources.runs.schemas import RunSchema
from dispatch_api.smorest import LOCATION, NEXT, Blueprint, dispatch, link_to
from dispatch_app.domain.run import Run
from dispatch_app.operations import dead_letters
from dispatch_app.operations.dead_letters import Dropped, Replayed

blp = Blueprint(
    "dead_letters",
    __name__,
    url_prefix="/dead-letters",
    description="Runs that have failed for good and wait for a person.",
)


@blp.get("")
@blp.arguments(DeadLetterQuery, location="query")
@blp.response(200, DeadLetterPage, headers=NEXT)
def list_dead_letters(query: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """List dead letters, the youngest first.

    There are listings by type and by task. Other filters look at some 2,000 letters a page, which
    may be short, or empty, while `next` says that there are more.
    """
    store = dispatch.store.dead_letters
    page = store.list(query["where"], query["limit"], query.get("cursor"))
    shown = {"items": page.items, "next": page.next, "total": store.count()}
    return shown, link_to(page.next)


@blp.get("/<run_id>")
@blp.response(200, DeadLetterSchema)
@blp.problems(404)
def get_dead_letter(run_id: str) -> Run:
    """Read a dead letter: the run with all its attempts and their errors."""
    return dispatch.store.dead_letters.get(run_id)


@blp.post("/<run_id>/replay")
@blp.arguments(IdempotencyHeader, location="headers")
@blp.arguments(ReplayBody, required=False)
@blp.response(201, RunSchema, headers=LOCATION | REPLAYED)
@blp.problems(404, 409)
def replay_dead_letter(
    headers: dict[str, Any], body: dict[str, Any], run_id: str
) -> tuple[Run, dict[str, str]]:
    """Run it again, as a new run that names it (`retry_of`). It is no dead letter any more.

    Where its task has an overlap policy the new run waits for the others of its task.
    """
    idempotency = idempotency_of(headers)
    run = dead_letters.replay(dispatch, run_id, **body, idempotency=idempotency)
    return made(run, idempotency)


@blp.post("/replay")
@blp.arguments(ReplayManyBody, required=False)
@blp.response(200, ReplayedSchema)
def replay_dead_letters(body: dict[str, Any]) -> Replayed:
    """Run many again: those that pass the filter, the youngest first, at most `limit` of them.

    With a `rate` the messages are sent by and by. Those that cannot be replayed stay, and the
    answer says why.
    """
    return dead_letters.replay_many(dispatch, **body)


@blp.delete("/<run_id>")
@blp.response(204)
@blp.problems(404)
def drop_dead_letter(run_id: str) -> Response:
    """Drop a dead letter. Its run stays in the history of its task for as long as any other."""
    dead_letters.drop(dispatch, run_id)
    return Response(status=204)


@blp.delete("")
@blp.arguments(DropQuery, location="query")
@blp.response(200, DroppedSchema)
def drop_dead_letters(query: dict[str, Any]) -> Dropped:
    """Drop many: those that pass the filter, the youngest first, at most `limit` of them.

    Without a filter it needs `all=true`.
    """
    return dead_letters.drop_many(dispatch, **query)
