"""The door of the terminal: a light group that loads a command when it is called.

Every `celery` command line in this environment imports this module (entry point
`celery.commands`), so nothing heavy may be imported here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from dispatch_app import __version__
from dispatch_app.domain.errors import DispatchError

#: command -> module of this package that has a click command of that name
_COMMANDS = ("config", "doctor", "up")


class _LazyGroup(click.Group):
    """Loads the module of a command when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Show what a caller can be told in one line, without a traceback."""
        try:
            return super().invoke(ctx)
        except DispatchError as error:
            raise click.ClickException(error.message) from error


@click.group(name="dispatch", cls=_LazyGroup)
@click.version_option(__version__, prog_name="dispatch")
def main() -> None:
    """Jobs on Celery and Redis: schedules, runs, retries and history."""
