"""Figures for Prometheus: one table of what is measured, and where it is read.

Names and units follow https://prometheus.io/docs/practices/naming/. Nothing is counted for this: it
is read in a few round trips, whatever the number of tasks and runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch_app.monitor.health import idle_workers
from dispatch_app.store import Store


class Figure(NamedTuple):
    """A metric: its kind, what it tells, and the name of its label (None: it has none)."""

    kind: type[GaugeMetricFamily] | type[CounterMetricFamily]
    help: str
    label: str | None = None


#: How a figure of the auditor begins that says how much of a kind was mended.
_FOUND = "found:"
#: Name -> what it is; `values` has the same names.
FIGURES = {
    "dispatch_dead_letters": Figure(
        GaugeMetricFamily, "Runs that failed for good and wait for a person."
    ),
    "dispatch_runs": Figure(GaugeMetricFamily, "Runs that have not finished.", "status"),
    "dispatch_agenda_members": Figure(
        GaugeMetricFamily, "What waits for its moment: tasks, retries, ends of grace."
    ),
    "dispatch_lateness_seconds": Figure(
        GaugeMetricFamily, "By how much the first that is due is late; 0: nothing is due."
    ),
    "dispatch_processes": Figure(GaugeMetricFamily, "Processes that live.", "kind"),
    "dispatch_idle_workers": Figure(
        GaugeMetricFamily, "Workers that take nothing although runs are ready for them."
    ),
    "dispatch_audit_mended": Figure(
        CounterMetricFamily, "What the auditor found out of step, and mended.", "kind"
    ),
}


def values(store: Store, patience: int = 60_000) -> dict[str, Mapping[str, float]]:
    """What each metric is now, by the value of its label ("" where it has none).

    Args:
        patience: ms after which a worker that takes nothing is called idle.

    Raises:
        StoreUnavailable: Redis is away.
    """
    now, audited = store.stats.now(), store.audits.figures()
    return {
        "dispatch_dead_letters": {"": now.dead_letters},
        "dispatch_runs": now.unfinished,
        "dispatch_agenda_members": {"": now.agenda},
        "dispatch_lateness_seconds": {"": now.late / 1000},
        "dispatch_processes": now.processes,
        "dispatch_idle_workers": {"": len(idle_workers(store, patience))},
        "dispatch_audit_mended": {
            name.removeprefix(_FOUND): count
            for name, count in audited.items()
            if name.startswith(_FOUND)
        },
    }


def exposition(store: Store) -> bytes:
    """All metrics in Prometheus' text format.

    Raises:
        StoreUnavailable: Redis is away.
    """
    registry = CollectorRegistry()
    registry.register(_Collected(values(store)))
    return generate_latest(registry)


class _Collected(Collector):
    """Metrics that were read already, in the shape that the client library asks for."""

    def __init__(self, found: Mapping[str, Mapping[str, float]]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        for name, (kind, text, label) in FIGURES.items():
            family = kind(name, text, labels=[label] if label else [])
            for value, number in sorted(self._found[name].items()):
                family.add_metric([value] if label else [], number)
            yield family
