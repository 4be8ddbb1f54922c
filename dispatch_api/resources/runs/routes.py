"""History: read runs, stop one, run one again."""

from __future__ import annotations

from typing import Any

from flask import url_for

from dispatch_api.resources.runs.schemas import RunPage, RunQuery, RunSchema
from dispatch_api.smorest import LOCATION, NEXT, Blueprint, Nothing, dispatch, link_to
from dispatch_app.domain.run import Run
from dispatch_app.operations import runs
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
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(200, RunSchema)
@blp.problems(404, 409)
def cancel_run(run_id: str) -> Run:
    """Stop a run.

    What has not started never will; what runs is told to stop, and whatever it still does counts
    for nothing.
    """
    return runs.cancel(dispatch, run_id)


@blp.post("/<run_id>/retry")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(201, RunSchema, headers=LOCATION)
@blp.problems(404, 409)
def retry_run(run_id: str) -> tuple[Run, dict[str, str]]:
    """Run a finished run again, as a new run that names it as its origin."""
    return made(runs.retry(dispatch, run_id))


def made(run: Run) -> tuple[Run, dict[str, str]]:
    """A new run with the header that says where it is."""
    return run, {"Location": url_for("runs.get_run", run_id=run.id)}
