"""Definitions: create, read, replace, change, cancel; run now, pause, run a window; the result."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, url_for

from dispatch_api.access import caller
from dispatch_api.idempotency import REPLAYED, IdempotencyHeader, idempotency_of, replayed
from dispatch_api.resources.backfills.schemas import BackfillSchema
from dispatch_api.resources.runs.routes import made
from dispatch_api.resources.runs.schemas import RunPage, RunSchema, RunsOfTaskQuery
from dispatch_api.resources.tasks.results import wait_for_result
from dispatch_api.resources.tasks.schemas import (
    EXAMPLE,
    BackfillBody,
    CancelQuery,
    PauseBody,
    ResultQuery,
    ResultSchema,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskSchema,
    TriggerBody,
)
from dispatch_api.smorest import (
    LOCATION,
    NEXT,
    RETRY,
    TAG,
    Blueprint,
    Conditions,
    Nothing,
    dispatch,
    etag_of,
    link_to,
    wanted_revision,
)
from dispatch_app.domain.backfill import Backfill
from dispatch_app.domain.run import Run
from dispatch_app.domain.task import StoredTask, Task
from dispatch_app.operations import backfills, tasks
from dispatch_app.store.pages import Page
from dispatch_app.store.runs import RunFilter
from dispatch_app.store.tasks import TaskFilter

Tagged = tuple[StoredTask, dict[str, str]]

blp = Blueprint(
    "tasks",
    __name__,
    url_prefix="/tasks",
    description="Definitions: what to run, when and how.",
)


@blp.post("")
@blp.arguments(IdempotencyHeader, location="headers")
@blp.arguments(TaskSchema, example=EXAMPLE)
@blp.response(201, TaskSchema, headers=LOCATION | TAG | REPLAYED)
@blp.problems(409)
def create_task(headers: dict[str, Any], body: dict[str, Any]) -> Tagged:
    """Create a task.

    Without a schedule it runs now. A one-time `start_time` that has passed means now, too.
    """
    idempotency, enabled = idempotency_of(headers), body.pop("enabled")
    stored = tasks.create(dispatch, Task(**body), enabled=enabled, idempotency=idempotency)
    location = {"Location": url_for("tasks.get_task", task_id=stored.id)}
    return stored, location | etag_of(stored.revision) | replayed(idempotency)


@blp.get("")
@blp.arguments(TaskQuery, location="query")
@blp.response(200, TaskPage, headers=NEXT)
def list_tasks(query: dict[str, Any]) -> tuple[Page[StoredTask], dict[str, str]]:
    """List tasks, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    page = dispatch.store.tasks.list(TaskFilter(**query), limit, cursor)
    return page, link_to(page.next)


@blp.get("/<task_id>")
@blp.response(200, TaskSchema, headers=TAG)
@blp.problems(404)
def get_task(task_id: str) -> Tagged:
    """Read a task."""
    return _tagged(dispatch.store.tasks.get(task_id))


@blp.put("/<task_id>")
@blp.arguments(Conditions, location="headers")
@blp.arguments(TaskSchema, example=EXAMPLE)
@blp.response(200, TaskSchema, headers=TAG)
@blp.alt_response(201, schema=TaskSchema, headers=TAG, success=True)
@blp.problems(409, 412)
def replace_task(headers: dict[str, Any], body: dict[str, Any], task_id: str) -> Any:
    """Create a task under your own id, or replace it whole.

    For definitions that are kept elsewhere, such as in git. The same definition again changes
    nothing; another one for a task that has ended starts it anew.
    """
    stored, created = tasks.replace(
        dispatch,
        task_id,
        Task(**{name: value for name, value in body.items() if name != "enabled"}),
        enabled=body["enabled"],
        revision=_wanted(headers, task_id),
    )
    return stored, 201 if created else 200, etag_of(stored.revision)


@blp.patch("/<task_id>")
@blp.arguments(Conditions, location="headers")
@blp.arguments(TaskChange(partial=True), example={"priority": "low", "timeout": 30})
@blp.response(200, TaskSchema, headers=TAG)
@blp.problems(404, 409, 412)
def change_task(headers: dict[str, Any], body: dict[str, Any], task_id: str) -> Tagged:
    """Change some fields, for occurrences that are not dispatched yet.

    Each field that is given replaces the old one whole: a `retry` or a `schedule` with all that is
    in it.
    """
    enabled = body.pop("enabled", None)
    return _tagged(
        tasks.change(
            dispatch,
            task_id,
            lambda task: msgspec.structs.replace(task, **body),
            enabled=enabled,
            revision=_wanted(headers, task_id),
        )
    )


@blp.delete("/<task_id>")
@blp.arguments(Conditions, location="headers")
@blp.arguments(CancelQuery, location="query")
@blp.response(200, TaskSchema, headers=TAG)
@blp.alt_response(204, description="Purged", success=True)
@blp.problems(404, 409, 412)
def cancel_task(headers: dict[str, Any], query: dict[str, Any], task_id: str) -> Any:
    """Cancel a task, or remove it.

    Future occurrences are dropped, and runs that have not begun are cancelled. Those that run are
    asked to end, as by `POST /runs/{id}/cancel`; with `terminate=true` they are ended at once. Once
    more does no harm. With `purge=true` the task is removed together with its history.
    """
    wanted = _wanted(headers, task_id)
    if query["purge"]:
        tasks.purge(dispatch, task_id, wanted)
        return Response(status=204)
    return _tagged(tasks.cancel(dispatch, task_id, wanted, terminate=query["terminate"]))


@blp.get("/<task_id>/result")
@blp.arguments(ResultQuery, location="query")
@blp.response(200, ResultSchema)
@blp.alt_response(202, schema=ResultSchema, description="Not yet", headers=RETRY, success=True)
@blp.problems(404)
def get_result(query: dict[str, Any], task_id: str) -> Any:
    """Read the result of the latest run.

    202 with `Retry-After` while it has not finished; `wait` says how long to wait for it.
    """
    result = wait_for_result(dispatch.store, task_id, query["wait"])
    return result if result.is_final else (result, 202, {"Retry-After": "1"})


@blp.post("/<task_id>/trigger")
@blp.arguments(IdempotencyHeader, location="headers")
@blp.arguments(TriggerBody, required=False)
@blp.response(201, RunSchema, headers=LOCATION | REPLAYED)
@blp.problems(404, 409)
def trigger_task(
    headers: dict[str, Any], body: dict[str, Any], task_id: str
) -> tuple[Run, dict[str, str]]:
    """Run a task now, beside its schedule.

    Where an overlap policy says no, the answer is a run of status `skipped`.
    """
    idempotency = idempotency_of(headers)
    run = tasks.trigger(
        dispatch, task_id, body.get("payload"), body.get("overlap"), idempotency=idempotency
    )
    return made(run, idempotency)


@blp.post("/<task_id>/pause")
@blp.arguments(PauseBody, required=False)
@blp.response(200, TaskSchema, headers=TAG)
@blp.problems(404, 409)
def pause_task(body: dict[str, Any], task_id: str) -> Tagged:
    """Stop a schedule, with a note why."""
    return _tagged(tasks.pause(dispatch, task_id, body["note"], caller()))


@blp.post("/<task_id>/resume")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(200, TaskSchema, headers=TAG)
@blp.problems(404, 409)
def resume_task(task_id: str) -> Tagged:
    """Let a schedule go on; its `misfire` says what becomes of what it missed."""
    return _tagged(tasks.resume(dispatch, task_id))


@blp.post("/<task_id>/backfill")
@blp.arguments(IdempotencyHeader, location="headers")
@blp.arguments(BackfillBody)
@blp.response(201, BackfillSchema, headers=LOCATION | REPLAYED)
@blp.problems(404, 409)
def backfill_task(
    headers: dict[str, Any], body: dict[str, Any], task_id: str
) -> tuple[Backfill, dict[str, str]]:
    """Run the occurrences of a window, whether or not they ran before.

    Schedulers make the runs, in pieces; `GET /backfills/{id}` shows how far it is.
    """
    idempotency = idempotency_of(headers)
    backfill = backfills.start(dispatch, task_id, **body, idempotency=idempotency)
    location = url_for("backfills.get_backfill", backfill_id=backfill.id)
    return backfill, {"Location": location} | replayed(idempotency)


@blp.get("/<task_id>/runs")
@blp.arguments(RunsOfTaskQuery, location="query")
@blp.response(200, RunPage, headers=NEXT)
@blp.problems(404)
def list_runs_of_task(query: dict[str, Any], task_id: str) -> tuple[Page[Run], dict[str, str]]:
    """List the runs of a task, newest first."""
    dispatch.store.tasks.get(task_id)
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    page = dispatch.store.runs.list(RunFilter(task_id=task_id, **query), limit, cursor)
    return page, link_to(page.next)


def _tagged(stored: StoredTask) -> Tagged:
    return stored, etag_of(stored.revision)


def _wanted(headers: dict[str, Any], task_id: str) -> int | None:
    def current() -> int:
        return dispatch.store.tasks.get(task_id).revision

    return wanted_revision(headers.get("if_match"), current)
