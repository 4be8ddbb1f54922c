"""I2: a run's record and its message exist together, or neither does; also if the server dies."""

from __future__ import annotations

import threading
import time

from dispatch_app.domain.errors import StoreUnavailable
from dispatch_app.domain.schedule import Interval
from dispatch_app.domain.task import Misfire
from dispatch_app.operations import tasks
from tests.installation import Installation
from tests.invariants.broker import messages_of, queued_runs


def made(installation, task_id: str | None = None) -> int:
    keys = installation.store.keys
    with installation.server.client() as client:
        return client.zcard(keys.runs_by("task", task_id) if task_id else keys.runs())


def test_the_server_dies_while_clients_and_beats_make_runs(new_redis, new_installation, tmp_path):
    server = new_redis("--appendonly", "yes", "--appendfsync", "always")
    installation = new_installation(server)
    installation.beat()
    schedule = Interval(every=100)
    recurring = [
        installation.create("add", schedule=schedule, misfire=Misfire(policy="run_all"))
        for _ in range(10)
    ]
    done = threading.Event()

    def make_runs() -> None:
        client = Installation(server, tmp_path)
        while not done.is_set():
            try:
                client.create("add", payload={"x": 1})
            except StoreUnavailable:
                time.sleep(0.02)
        client.close()

    makers = [threading.Thread(target=make_runs) for _ in range(2)]
    for maker in makers:
        maker.start()
    for _ in range(4):
        before, by_beat = made(installation), made(installation, recurring[-1])
        installation.until(
            lambda n=before, m=by_beat: (
                made(installation) > n + 100 and made(installation, recurring[-1]) > m
            )
        )
        server.kill()
        server.start()
    done.set()
    for maker in makers:
        maker.join()
    for task_id in recurring:
        tasks.pause(installation.dispatch, task_id)
    runs = queued_runs(installation)
    assert len(runs) > 400
    assert messages_of(installation) == runs
    for task_id in recurring:
        moments = [run.scheduled_for for run in installation.runs_of(task_id)]
        assert moments == [*range(moments[0], moments[-1] + 1, 100)]
