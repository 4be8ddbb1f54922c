"""The API on a real server: through Flask's client mostly, over HTTP where that matters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import pytest
from celery import Celery
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server

from dispatch_api import create_app
from dispatch_app.config import load
from dispatch_app.dispatch import Dispatch
from tests.servers import RedisServer


def new_dispatch(redis_url: str, environ: Mapping[str, str] | None = None) -> Dispatch:
    """An installation on that server; close its store when done."""
    config = load(environ={"REDIS_URL": redis_url, **(environ or {})})
    return Dispatch(Celery("tests", set_as_current=False), config, default_queue="default")


@pytest.fixture(scope="session")
def dispatch(redis_server: RedisServer) -> Iterator[Dispatch]:
    """The installation that the tests share; `client` empties it."""
    dispatch = new_dispatch(redis_server.url)
    yield dispatch
    dispatch.store.close()


@pytest.fixture(scope="session")
def app(dispatch: Dispatch) -> Flask:
    return create_app(dispatch)


@pytest.fixture
def client(app: Flask, redis_url: str) -> FlaskClient:
    """A caller on this machine, of an installation without any task."""
    return app.test_client()


@pytest.fixture
def api(redis_url: str) -> Iterator[Callable[..., FlaskClient]]:
    """Makes a client of an app with settings of the test's own: `api(DISPATCH_API_KEYS="a:b")`."""
    made: list[Dispatch] = []

    def make(**environ: str) -> FlaskClient:
        made.append(new_dispatch(redis_url, environ))
        return create_app(made[-1]).test_client()

    yield make
    for dispatch in made:
        dispatch.store.close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args: object) -> None:
        pass


@contextmanager
def _serve(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def serve() -> Callable[[Flask], AbstractContextManager[str]]:
    """Serves an app over HTTP while the block runs, and gives its URL."""
    return _serve
