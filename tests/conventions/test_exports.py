"""What users may import, and what an import loads and does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dispatch_app
from tests.conventions.repository import ROOT


def loaded_by(module: str) -> set[str]:
    """The modules that a new process has after importing this one."""
    program = f"import sys, {module}; print('\\n'.join(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(answer.stdout.split())


def test_users_import_four_names():
    assert dispatch_app.__all__ == ["Discard", "Dispatch", "RetryAfter", "__version__"]


@pytest.mark.parametrize("name", dispatch_app.__all__)
def test_each_of_them_is_there_and_documented(name):
    thing = getattr(dispatch_app, name)
    assert isinstance(thing, str) or thing.__doc__


def test_no_other_name_is_made_up():
    with pytest.raises(AttributeError, match="has no attribute 'Disptach'"):
        dispatch_app.Disptach  # noqa: B018


@pytest.mark.parametrize("module", ["dispatch_app", "dispatch_app.domain.errors"])
def test_errors_cost_nothing_to_import(module):
    heavy = {"celery", "redis", "flask", "kombu", "msgspec", "pytz", "marshmallow"}
    assert loaded_by(module) & heavy == set()


@pytest.mark.parametrize(
    "module",
    [
        "dispatch_app.domain",
        "dispatch_app.domain.task",
        "dispatch_app.domain.run",
        "dispatch_app.domain.planning",
        "dispatch_app.domain.schedule",
    ],
)
def test_the_domain_loads_neither_celery_nor_redis_nor_flask(module):
    assert loaded_by(module) & {"celery", "kombu", "redis", "flask", "marshmallow"} == set()


def test_the_store_loads_no_celery():
    assert loaded_by("dispatch_app.store") & {"celery", "kombu", "flask"} == set()


def test_the_api_loads_no_worker_no_beat_no_type_and_no_command():
    found = loaded_by("dispatch_api.wsgi")
    doors = ("worker", "scheduler", "builtin", "commands")
    strangers = tuple(f"dispatch_app.{door}" for door in doors)
    assert sorted(name for name in found if name.startswith(strangers)) == []
    assert "dispatch_app.celery" in found


def test_every_celery_command_can_afford_our_commands():
    """The module is loaded by each `celery` call in the environment, whatever the call is about."""
    found = loaded_by("dispatch_app.commands")
    heavy = {"celery", "kombu", "redis", "flask", "honcho", "msgspec", "httpx", "gunicorn"}
    assert found & heavy == set()
    ours = {name for name in found if name.startswith("dispatch_app.commands.")}
    assert ours == set(), "a command is loaded when it is called"
