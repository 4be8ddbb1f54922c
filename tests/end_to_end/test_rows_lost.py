"""Rows 1, 3 and 14: what Redis or a worker loses comes back. Real servers, beats and workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatch_app.domain.run import FINISHED
from dispatch_app.domain.schedule import Interval
from dispatch_app.operations import tasks
from dispatch_app.operations.audit import whole
from tests.servers import RedisServer
from tests.store.books import disagreements
from tests.waiting import wait_for

#: Messages that nobody acknowledges come back after 2 s; queued runs are doubted after one.
APP = "tests.end_to_end.impatient_app"
HASTY = {"SCHEDULER_REDELIVER_AFTER": "1s"}
ON_DISK = ("--appendonly", "yes", "--aof-load-truncated", "yes")


@pytest.fixture
def hasty(redis_server, redis_url, new_installation):
    """An installation that misses messages soon."""
    return new_installation(redis_server, **HASTY)


def in_broker(installation) -> int:
    """Messages in queues and with workers."""
    with installation.server.client() as client:
        steps = ["default", *(f"default\x06\x16{step}" for step in (3, 6, 9))]
        return sum(client.llen(key) for key in steps) + client.hlen("unacked")


def is_listening(installation) -> bool:
    """Whether a worker waits for a message."""
    with installation.server.client() as client:
        return any("b" in each["flags"] for each in client.client_list())


def test_a_worker_that_dies_between_taking_a_message_and_writing_it_down_loses_nothing(hasty):
    """kombu takes a message off its list in one step and writes it down in another."""
    first = hasty.worker(app=APP)

    def swallowed() -> str | None:
        """A task whose message has left the list for a process that stands still."""
        hasty.until(lambda: is_listening(hasty), "a worker that waits")
        first.kill("SIGSTOP")
        if not is_listening(hasty):
            first.kill("SIGCONT")
            return None
        task_id = hasty.create("add", payload={"x": 1})
        if in_broker(hasty) == 0:
            return task_id
        first.kill("SIGCONT")
        hasty.finished(task_id)
        return None

    task_id = hasty.until(swallowed, "a message that a worker took and did not write down")
    first.kill("SIGKILL")
    assert hasty.latest(task_id).status == "queued"
    assert in_broker(hasty) == 0
    hasty.worker(app=APP)
    hasty.beat(app=APP)
    run = hasty.finished(task_id)
    assert (run.status, run.result, run.attempt) == ("succeeded", 2, 1)


def test_celery_purge_loses_no_run(hasty):
    created = [hasty.create("add", payload={"x": number}) for number in range(5)]
    purge = hasty.command("purge", "--force", app=APP)
    assert "5 messages" in purge.communicate(timeout=30)[0]
    assert in_broker(hasty) == 0
    hasty.worker(app=APP)
    hasty.beat(app=APP)
    assert [hasty.finished(task_id).result for task_id in created] == [1, 2, 3, 4, 5]


def test_a_task_taken_off_the_agenda_by_hand_goes_on_within_a_minute(installation):
    """Row 14, with the settings as they come."""
    installation.beat()
    task_id = installation.create("add", payload={"x": 1}, schedule=Interval(every=1_000))
    installation.until(lambda: installation.runs_of(task_id), "its first run")
    with installation.server.client() as client:
        wait_for(lambda: client.zrem(installation.store.keys.agenda(), f"t:{task_id}"))
    seen = len(installation.runs_of(task_id))
    installation.until(lambda: len(installation.runs_of(task_id)) > seen, "another run", timeout=60)
    assert installation.store.audits.figures()["found:agenda"] >= 1


class Load:
    """Tasks of all kinds on an installation of its own server, with a beat and two workers."""

    def __init__(self, installation) -> None:
        self.installation = installation
        installation.beat(app=APP)
        for _ in range(2):
            installation.worker(app=APP, wait=False)
        every_second = Interval(every=1_000)
        self.recurring = [
            installation.create("add", payload={"x": 1}, schedule=every_second, overlap=overlap)
            for overlap in ("allow_all", "skip", "buffer_all")
        ]
        self.once: list[str] = []

    def create(self, count: int) -> None:
        self.once += [self.installation.create("add", payload={"x": n}) for n in range(count)]

    def known(self) -> set[str]:
        """Those of the tasks that the server remembers."""
        status = self.installation.status_of
        return {task_id for task_id in (*self.recurring, *self.once) if status(task_id)}

    def comes_to_rest(self) -> None:
        """What recurs does so again, and then all runs end."""
        known = self.known()
        for task_id in known & set(self.recurring):
            seen = {run.id for run in self.installation.runs_of(task_id)}
            self.installation.until(
                lambda task_id=task_id, seen=seen: any(
                    run.id not in seen and run.status == "succeeded"
                    for run in self.installation.runs_of(task_id)
                ),
                f"another run of {task_id}",
                timeout=60,
            )
            tasks.pause(self.installation.dispatch, task_id)
        self.installation.until(
            lambda: all(
                run.status in FINISHED
                for task_id in known
                for run in self.installation.runs_of(task_id)
            ),
            "the end of all runs",
            timeout=60,
        )

    def is_sound(self) -> None:
        """All that is remembered has run, and nothing is out of step."""
        for task_id in self.known() & set(self.once):
            assert self.installation.latest(task_id).status == "succeeded"
        assert list(whole(self.installation.dispatch, mend=False)) == []
        assert disagreements(self.installation.store) == []


def cut(server: RedisServer, lost: int) -> None:
    """Take the last bytes of what the server wrote to disk, as if it had never written them."""
    (page,) = (path for path in Path(server.folder).rglob("*.aof") if "incr" in path.name)
    with page.open("r+b") as file:
        size = file.seek(0, 2)
        assert size > lost, "more was lost than there was"
        file.truncate(size - lost)


@pytest.mark.parametrize("lost", [1, 20_000, 100_001])
def test_a_server_that_lost_its_last_writes_and_all_that_it_remembers_goes_on(
    new_redis, new_installation, lost
):
    """Killed under load with `appendfsync everysec`; so much of the end did not reach the disk."""
    server = new_redis(*ON_DISK, "--appendfsync", "everysec")
    load = Load(new_installation(server, **HASTY))
    load.create(40)
    load.installation.until(lambda: load.installation.runs_of(load.recurring[0]), "a first run")
    load.create(40)
    server.kill()
    cut(server, lost)
    server.start()
    assert len(load.known()) >= 40
    load.comes_to_rest()
    load.is_sound()


def test_a_server_that_writes_each_change_before_it_answers_forgets_nothing(
    new_redis, new_installation
):
    server = new_redis(*ON_DISK, "--appendfsync", "always")
    load = Load(new_installation(server, **HASTY))
    load.create(40)
    load.installation.until(lambda: load.installation.runs_of(load.recurring[0]), "a first run")
    load.create(40)
    server.kill()
    server.start()
    assert load.known() == {*load.once, *load.recurring}
    load.comes_to_rest()
    load.is_sound()
