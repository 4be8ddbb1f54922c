"""dispatch doctor: looks at the whole installation, says what is wrong, mends what is out of step.

With an app of your own: `celery -A your_app dispatch doctor`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from dispatch_app.domain.errors import ConfigError, StoreUnavailable, StoreUnfit

#: Exit codes: something was found; it could not look.
_FOUND, _BLIND = 1, 2


@click.command()
@click.option("--dry-run", is_flag=True, help="Only look: nothing is mended.")
@click.pass_context
def doctor(ctx: click.Context, dry_run: bool) -> None:
    """Look for what is wrong, and mend what is out of step."""
    found = mended = 0
    try:
        dispatch = _dispatch(ctx)
        if misfits := dispatch.store.misfits():
            raise StoreUnfit("\nError: ".join(misfits))
        for line in _complaints(dispatch):
            click.echo(line)
            found += 1
        for line, is_mended in _audited(dispatch, mend=not dry_run):
            click.echo(line)
            found, mended = found + 1, mended + is_mended
    except (ConfigError, StoreUnavailable, StoreUnfit) as error:
        click.echo(f"Error: {error.message}", err=True)
        ctx.exit(_BLIND)
    click.echo(_summary(found, mended))
    ctx.exit(_FOUND if found else 0)


def _dispatch(ctx: click.Context) -> Any:
    """That of the app which `celery -A` names; else ours."""
    app: Any = getattr(ctx.obj, "app", None)
    if app is None:
        from dispatch_app.celery import app
    if not hasattr(app, "dispatch"):
        raise ConfigError("Call dispatch_app.Dispatch(app) on this Celery app first.")
    return app.dispatch


def _complaints(dispatch: Any) -> Iterator[str]:
    """What keeps tasks from being run."""
    from dispatch_app.monitor import doctor as monitor
    from dispatch_app.monitor import health

    dispatch.check_store()
    yield from health.check(dispatch.store)
    yield from health.notes(dispatch.store)
    yield from monitor.complaints(dispatch.store)


def _audited(dispatch: Any, *, mend: bool) -> Iterator[tuple[str, bool]]:
    """What is out of step, and whether it is mended."""
    from dispatch_app.operations.audit import whole

    for finding in whole(dispatch, mend=mend):
        is_mended = mend and finding.kind != "damaged"
        yield f"{finding}.{' Mended.' if is_mended else ''}", is_mended


def _summary(found: int, mended: int) -> str:
    if not found:
        return "Nothing is wrong."
    return f"{found} found, {mended} mended."
