"""The group `dispatch`: light, because every `celery` command line loads it."""

from __future__ import annotations

import subprocess
import sys

from dispatch_app import __version__

#: what takes long to load, or belongs to another door
HEAVY = {"celery", "kombu", "redis", "flask", "marshmallow", "honcho", "pytz"}


def loaded_by(statement: str) -> set[str]:
    """What a fresh Python has loaded after a statement."""
    script = f"import sys\nfrom dispatch_app import commands\n{statement}\nprint(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    return set(answer.stdout.splitlines()[-1].split())


def test_loading_it_loads_no_command_and_nothing_heavy():
    loaded = loaded_by("")
    assert not HEAVY & loaded
    assert not {"dispatch_app.config", "dispatch_app.commands.up"} & loaded


def test_looking_at_the_settings_does_not_wait_for_celery_to_load():
    loaded = loaded_by("commands.main(['config', 'show'], standalone_mode=False)")
    assert "dispatch_app.config" in loaded
    assert not HEAVY & loaded


def test_its_help_names_every_command_with_a_line_about_it(dispatch):
    answer = dispatch("--help")
    assert answer.exit_code == 0
    lines = answer.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split(None, 1)[0] for line in lines] == ["config", "doctor", "up"]
    assert all(len(line.split()) > 3 for line in lines)


def test_it_says_its_version(dispatch):
    assert dispatch("--version").stdout == f"dispatch, version {__version__}\n"


def test_a_command_that_there_is_not_is_refused(dispatch):
    answer = dispatch("upp")
    assert answer.exit_code == 2
    assert "No such command 'upp'" in answer.stderr
