"""The figures for Prometheus, read as Prometheus reads them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dispatch_app.domain.run import Failure
from dispatch_app.domain.schedule import Once
from dispatch_app.monitor.metrics import FIGURES, exposition, values
from dispatch_app.store.runs import Outcome

FAILED = Outcome(
    status="failed", outcome="failed", error=Failure(type="ValueError", message="no"), failures=1
)


@pytest.fixture
def figures(installation):
    """Name and label of each figure -> its value now."""

    def read() -> dict[tuple[str, ...], float]:
        text = exposition(installation.store).decode()
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return read


def test_a_run_that_failed_for_good_is_counted_until_somebody_takes_care_of_it(
    installation, figures
):
    task_id = installation.create("add", payload={"x": 1})
    run = installation.latest(task_id)
    assert figures()["dispatch_dead_letters",] == 0
    installation.store.runs.start(run.id, 1, token="t", worker="w", lease=60_000)
    installation.store.runs.finish(run.id, "t", FAILED)
    assert figures()["dispatch_dead_letters",] == 1
    installation.store.dead_letters.drop([run.id])
    assert figures()["dispatch_dead_letters",] == 0


def test_what_has_not_finished_is_counted_by_status(installation, figures):
    first = installation.latest(installation.create("add", payload={"x": 1}))
    installation.create("add", payload={"x": 1})
    installation.store.runs.start(first.id, 1, token="t", worker="w", lease=60_000)
    shown = {label: value for (name, *label), value in figures().items() if "runs" in name
             for label in label}  # fmt: skip
    assert shown == {"queued": 1, "running": 1, "retrying": 0, "waiting": 0}


def test_who_is_late_and_what_waits(installation, figures):
    now = installation.store.now()
    task_id = installation.create("add", schedule=Once(start_time=now + 3_600_000))
    assert figures()["dispatch_agenda_members",] == 1
    assert figures()["dispatch_lateness_seconds",] == 0
    with installation.server.client() as client:
        client.zadd(installation.store.keys.agenda(), {f"t:{task_id}": now - 5_000})
    assert 5 <= figures()["dispatch_lateness_seconds",] < 60


def test_live_processes_are_counted(installation, figures):
    installation.store.workers.beat("worker", "a", {}, ttl=60_000)
    installation.store.workers.beat("worker", "b", {}, ttl=60_000)
    assert figures()["dispatch_processes", "worker"] == 2
    assert figures()["dispatch_processes", "scheduler"] == 0


def test_a_worker_that_takes_nothing_is_counted(installation, figures):
    """Row 5: the metric is red, too."""
    installation.create("add", payload={"x": 1})
    info = {"queues": ["default"], "idle_for": 11}
    installation.store.workers.beat("worker", "a", info, ttl=60_000)
    assert figures()["dispatch_idle_workers",] == 0
    installation.until(lambda: values(installation.store, 10)["dispatch_idle_workers"] == {"": 1})


def test_every_figure_has_a_help_and_is_there_from_the_start(installation):
    text = exposition(installation.store).decode()
    for name, figure in FIGURES.items():
        assert f" {figure.help}\n" in text
        assert f"# TYPE {name}" in text
