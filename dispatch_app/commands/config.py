"""dispatch config show: the effective settings, and where each came from."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from dispatch_app import config as configuration
from dispatch_app.commands import options


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@options.settings
def show(as_json: bool, settings: dict[str, str]) -> None:
    """Print every setting, secrets masked, with where its value came from."""
    effective = configuration.load(settings)
    rows = [
        (key.name, _shown(key, effective.value_of(key.name)), effective.origin_of(key.name))
        for key in configuration.KEYS.values()
    ]
    click.echo(_as_json(rows) if as_json else _as_table(rows))
    for hint in configuration.misspelt(os.environ):
        click.echo(hint, err=True)


def _shown(key: configuration.Key, value: Any) -> Any:
    """The value as the file has it, without secrets."""
    return key.kind.write(key.kind.mask(value) if key.secret else value)


def _as_json(rows: list[tuple[str, Any, str]]) -> str:
    return json.dumps({name: {"value": v, "origin": o} for name, v, o in rows}, indent=2)


def _as_table(rows: list[tuple[str, Any, str]]) -> str:
    texts = [(name, json.dumps(value, ensure_ascii=False), origin) for name, value, origin in rows]
    widths = [max(len(row[i]) for row in texts) for i in (0, 1)]
    return "\n".join(f"{n:<{widths[0]}}  {v:<{widths[1]}}  {o}" for n, v, o in texts)
