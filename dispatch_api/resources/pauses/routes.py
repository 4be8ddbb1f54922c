"""Pause and resume everything, a queue, a type; and what is paused."""

from __future__ import annotations

from typing import Any

from dispatch_api.access import caller
from dispatch_api.resources.pauses.schemas import PausePage, PauseSchema
from dispatch_api.resources.tasks.schemas import PauseBody
from dispatch_api.smorest import Blueprint, Nothing, dispatch
from dispatch_app.operations import pauses
from dispatch_app.store.pages import Page
from dispatch_app.store.pauses import ALL, Pause, queue_scope, type_scope

blp = Blueprint(
    "pauses",
    __name__,
    # its paths say what they pause
    url_prefix="",
    description="Everything, a queue or a type that is stopped. What comes due meanwhile and runs "
    "that have not begun are held; what runs goes on.",
)


@blp.get("/pauses")
@blp.response(200, PausePage)
def list_pauses() -> Page[Pause]:
    """List what is paused, by whom and why, and how much it holds."""
    return Page(dispatch.store.pauses.list(), None)


@blp.post("/pause")
@blp.arguments(PauseBody, required=False)
@blp.response(200, PauseSchema)
def pause_everything(body: dict[str, Any]) -> Pause:
    """Stop everything, with a note why."""
    return pauses.pause(dispatch, ALL, caller(), body["note"])


@blp.post("/resume")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(200, PauseSchema)
def resume_everything() -> Pause:
    """Let everything go on that no other pause holds.

    Runs go on where they stopped; `misfire` of each task says what becomes of what it missed.
    """
    return pauses.resume(dispatch, ALL)


@blp.post("/queues/<queue>/pause")
@blp.arguments(PauseBody, required=False)
@blp.response(200, PauseSchema)
def pause_queue(body: dict[str, Any], queue: str) -> Pause:
    """Stop a queue, with a note why, whether or not there is anything of it yet."""
    return pauses.pause(dispatch, queue_scope(queue), caller(), body["note"])


@blp.post("/queues/<queue>/resume")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(200, PauseSchema)
def resume_queue(queue: str) -> Pause:
    """Let a queue go on."""
    return pauses.resume(dispatch, queue_scope(queue))


@blp.post("/types/<type_name>/pause")
@blp.arguments(PauseBody, required=False)
@blp.response(200, PauseSchema)
def pause_type(body: dict[str, Any], type_name: str) -> Pause:
    """Stop a type, with a note why, whether or not there is anything of it yet."""
    return pauses.pause(dispatch, type_scope(type_name), caller(), body["note"])


@blp.post("/types/<type_name>/resume")
@blp.arguments(Nothing, required=False, as_kwargs=True)
@blp.response(200, PauseSchema)
def resume_type(type_name: str) -> Pause:
    """Let a type go on."""
    return pauses.resume(dispatch, type_scope(type_name))
