"""Whether this process is alive, whether tasks would be run, and figures."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dispatch_api.problems import problem
from dispatch_api.smorest import Blueprint, Schema, dispatch
from dispatch_app.monitor import health, metrics

blp = Blueprint("health", __name__, description="For machines that watch this one.")


class HealthSchema(Schema):
    """That all is well."""

    status = fields.String(metadata={"example": "ok"})


class ReadySchema(HealthSchema):
    """That tasks would be run."""

    notes = fields.List(
        fields.String(),
        metadata={
            "description": "What is worth knowing all the same: that everything is paused, or that "
            "a worker takes nothing although it could."
        },
    )


@blp.get("/healthz")
@blp.response(200, HealthSchema)
@blp.doc(security=[])
def healthz() -> dict[str, str]:
    """Say that this process is alive; open to all, and says nothing else."""
    return {"status": "ok"}


@blp.get("/readyz")
@blp.response(200, ReadySchema)
def readyz() -> Any:
    """Say whether tasks would be run now, and if not, what is wrong."""
    wrong = health.check(dispatch.store)
    if wrong:
        return problem("not-ready", 503, " ".join(wrong), problems=wrong)
    notes = health.notes(dispatch.store)
    return {"status": "ok", "notes": notes} if notes else {"status": "ok"}


@blp.get("/metrics")
@blp.response(200, {"type": "string"}, content_type="text/plain")
def get_metrics() -> Response:
    """Give figures in Prometheus' text format.

    `dispatch_dead_letters` is the one to be woken for: runs that failed for good.
    """
    return Response(metrics.exposition(dispatch.store), content_type=CONTENT_TYPE_LATEST)
