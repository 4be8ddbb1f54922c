"""Backfills with a real beat and worker: one after another, all of them, and stopped on the way."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dispatch_app.domain.schedule import Cron
from dispatch_app.operations import backfills
from dispatch_app.store.runs import RunFilter
from tests.domain.moments import HOUR

HOURLY = Cron(cron="0 * * * *")


@pytest.fixture
def task_id(installation) -> str:
    """A task of an hour, whose runs take a moment; a beat and a worker that carry it out."""
    installation.worker()
    installation.beat()
    return installation.create("sleep", payload={"seconds": 0.1}, schedule=HOURLY)


def runs_of(installation, backfill) -> list:
    where = RunFilter(backfill_id=backfill.id)
    return installation.store.runs.list(where, 100).items[::-1]


def test_a_window_runs_one_after_another(installation, task_id):
    backfill = backfills.start(installation.dispatch, task_id, 0, 5 * HOUR, "buffer_all")
    installation.until(
        lambda: installation.store.backfills.get(backfill.id).status == "done",
        "the backfill to be done",
        timeout=30,
    )
    found = installation.store.backfills.get(backfill.id)
    assert (found.progress, found.counts) == (1, {"succeeded": 6})
    runs = runs_of(installation, backfill)
    assert [run.scheduled_for for run in runs] == [n * HOUR for n in range(6)]
    assert all(before.finished_at <= run.started_at for before, run in pairwise(runs))


def test_it_is_stopped_on_its_way(installation, task_id):
    backfill = backfills.start(installation.dispatch, task_id, 0, 50 * HOUR, "buffer_all")
    installation.until(
        lambda: installation.store.backfills.get(backfill.id).over >= 2, "two runs to be over"
    )
    stopped = backfills.cancel(installation.dispatch, backfill.id)
    assert stopped.status == "cancelled"
    # the one that runs is asked to end, nothing else is left to do
    assert {run.status for run in runs_of(installation, backfill)} <= {
        "succeeded",
        "cancelled",
        "running",
    }
    runs = installation.until(
        lambda: (
            (found := runs_of(installation, backfill))
            and all(run.is_finished for run in found)
            and found
        ),
        "all of them to be over",
    )
    assert {run.status for run in runs} == {"succeeded", "cancelled"}
    done = [run for run in runs if run.status == "succeeded"]
    assert 2 <= len(done) < 51
