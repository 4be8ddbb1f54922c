"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _pairs(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for key, sign, _ in pairs:
        if not sign:
            raise click.BadParameter(f"{key!r} has to look like worker.count=2")
    return {key: value for key, _, value in pairs}


def settings(command: F) -> F:
    """Adds `--set KEY=VALUE`, which the command gets as `settings`, a dict of texts."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_pairs,
        help="A setting, such as worker.count=2; wins over environment and file. Repeatable.",
    )(command)
