"""What can be scheduled: what workers have announced."""

from __future__ import annotations

from dispatch_api.resources.types.schemas import TypePage
from dispatch_api.smorest import Blueprint, dispatch
from dispatch_app.store.pages import Page
from dispatch_app.store.types import TaskType

blp = Blueprint("types", __name__, url_prefix="/types", description="What can be scheduled.")


@blp.get("")
@blp.response(200, TypePage)
def list_types() -> Page[TaskType]:
    """List the types that workers know, with the schemas of their payloads."""
    return Page(dispatch.store.types.all(), None)
