"""The documentation as a page, from files on this machine alone."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, abort, send_from_directory

blp = Blueprint("docs", __name__)

_OURS = files(__package__)
_PAGE = _OURS.joinpath("page.html").read_text(encoding="utf-8")
_SWAGGER_UI = str(files("flask_swagger_ui").joinpath("dist"))

#: Swagger UI writes style attributes; nothing else may come from anywhere but here.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_FOLDERS = {
    "start.js": str(_OURS),
    "swagger-ui.css": _SWAGGER_UI,
    "swagger-ui-bundle.js": _SWAGGER_UI,
    "favicon-32x32.png": _SWAGGER_UI,
}


@blp.get("/docs")
def page() -> Response:
    """The page itself."""
    return Response(_PAGE, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})


@blp.get("/docs/<name>")
def part(name: str) -> Response:
    """What the page loads."""
    if name not in _FOLDERS:
        abort(404)
    return send_from_directory(_FOLDERS[name], name)
