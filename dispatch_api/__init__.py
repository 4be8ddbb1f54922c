"""The door of HTTP: one app, made from a Dispatch."""

from __future__ import annotations

from flask import Flask, Response

import dispatch_app
from dispatch_api import access, resources
from dispatch_api.bodies import MAX_BYTES
from dispatch_api.smorest import Api, Json
from dispatch_app.dispatch import Dispatch

_ABOUT = """
Schedules, runs and shows Celery tasks. A *task* says what to run, when and how; a *run* is one
execution of it, with one *attempt* or several.

Moments are RFC 3339 with an offset, durations are seconds. Fields and query arguments that nobody
knows are refused by name. Errors are `application/problem+json` (RFC 9457): `type` is stable,
`errors` names each wrong field.

Where keys are configured, send `Authorization: Bearer SECRET`; without any, only programs on the
same machine are served.
"""

_SETTINGS = {
    # one more than a body may have, so that one that is cut off there is seen to be too long
    "MAX_CONTENT_LENGTH": MAX_BYTES + 1,
    "API_TITLE": "dispatch",
    "API_VERSION": f"v{dispatch_app.__version__}",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "API_SPEC_OPTIONS": {
        "info": {"description": _ABOUT.strip()},
        "security": [{"key": []}, {}],
        "servers": [{"url": "/"}],
    },
}


def create_app(dispatch: Dispatch) -> Flask:
    """The WSGI application that serves an installation."""
    app = Flask(__name__, static_folder=None)
    app.config.update(_SETTINGS)
    app.json = Json(app)
    app.extensions["dispatch"] = dispatch
    access.guard(app, dispatch.config.dispatch.api_keys)
    app.after_request(_never_store)
    api = Api(app)
    for blueprint in resources.VERSIONED:
        api.register_blueprint(blueprint, url_prefix=f"/api/v1{blueprint.url_prefix}")
    for blueprint in resources.PLAIN:
        api.register_blueprint(blueprint)
    for page in resources.PAGES:
        app.register_blueprint(page)
    return app


def _never_store(answer: Response) -> Response:
    """Keep what is true for a moment out of caches."""
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    return answer
