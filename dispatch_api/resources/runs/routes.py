"""History: read runs, stop one, run one again."""

from __future__ import annotations

from typing import Any

from flask import url_for

from dispatch_api.idempotency import REPLAYED, IdempotencyHeader, idempotency_of, replayed
from dispatch_api.resources.runs.schemas import CancelBody, RunPage, RunQuery, RunSchema
from dispatch_api.smorest import LOCATION, NEXT, RETRY, Blueprint, Nothing, dispatch, link_to
from dispatch_app.domain.run import Run
from dispatch_app.operations import runs
from dispatch_app.store.answers import Idempotency
from dispatch_app.store.pages import Page
from dispatch_app.store.runs import RunFilter

blp = Blueprint(
    "runs",
    __name__,
    url_prefix="/runs",
    description="History: one execution each, with its attempts.",
)


@blp.get("")
@blp.arguments(RunQuery, location="query")
@blp.response(200, RunPage, headers=NEXT)
def list_runs(query: dict[str, Any]) -> tuple[Page[Run], dict[str, str]]:
    """List runs, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    page = dispatch.store.runs.list(RunFilter(**query), limit, cursor)
    return page, link_to(page.next)


@blp.get("/<run_id>")
@blp.response(200, RunSchema)
@blp.problems(404)
def get_run(run_id: str) -> Run:
    """Read a run: its attempts, result, error and log lines."""
    return dispatch.store.runs.get(run_id)


@blp.post("/<run_id>/cancel")
@blp.arguments(CancelBody, required=False)
@blp.response(200, RunSchema)
@blp.alt_response(202, schema=RunSchema, description="Not yet", headers=RETRY, success=True)
@blp.problems(404, 409)
def cancel_run(body: dict[str, Any], run_id: str) -> Any:
    """Stop a run.

    What has not started never will: 200. What runs is asked to end: 202, with `cancel_requested_at`
    and the status `running` until it has, or until its grace is over; then its process is ended,
    and whatever it still does counts for nothing.
    """
    run = runs.cancel(dispatch, run_id, **body)
    return run if run.is_finished else (run, 202, {"Retry-After": "1"})


@blp.post("/<run_id>/retry")
@blp.arguments(IdempotencyHeader, location="headers")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(201, RunSchema, headers=LOCATION | REPLAYED)
@blp.problems(404, 409)
def retry_run(headers: dict[str, Any], run_id: str) -> tuple[Run, dict[str, str]]:
    """Run a finished run again, as a new run that names it as its origin."""
    idempotency = idempotency_of(headers)
    return made(runs.retry(dispatch, run_id, idempotency=idempotency), idempotency)


def made(run: Run, idempotency: Idempotency | None) -> tuple[Run, dict[str, str]]:
    """A new run with the headers that say where it is, and whether it was made before."""
    return run, {"Location": url_for("runs.get_run", run_id=run.id)} | replayed(idempotency)
