"""Runs `dispatch` as a terminal would, with no settings but those that a test names."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from dispatch_app.commands import main
from tests.commands.terminal import clean_environ


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A supervisor takes the signals of its process, which here is that of all tests."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def dispatch() -> Callable[..., Result]:
    """`dispatch("config", "show", WORKER_COUNT="2")`: what it said and its exit code."""

    def run(*words: str, **environ: str) -> Result:
        unset = dict.fromkeys(set(os.environ) - set(clean_environ()))
        return CliRunner(env={**unset, **environ}).invoke(main, words)

    return run


@pytest.fixture
def refused(dispatch: Callable[..., Result]) -> Callable[..., str]:
    """The one line with which a command is refused."""

    def run(*words: str, **environ: str) -> str:
        answer = dispatch(*words, **environ)
        assert (answer.exit_code, answer.stdout) == (1, "")
        (line,) = answer.stderr.splitlines()
        return line.removeprefix("Error: ")

    return run
