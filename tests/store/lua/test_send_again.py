"""send_again.lua: which messages are lost, told by what comes next in their queue and by what
workers hold."""

from __future__ import annotations

import msgspec
import pytest

from tests.store.scene import NOW, Scene

UNACKED = "unacked"
HOUR = 3_600_000


def message(run_id: str, attempt: int = 1) -> str:
    headers = {"id": run_id, "dispatch_attempt": attempt}
    return msgspec.json.encode({"headers": headers, "body": "W10="}).decode()


FOREIGN = msgspec.json.encode({"headers": {"id": "somebody's"}}).decode()


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def queued(scene: Scene, run_id: str = "r", at: int = NOW) -> None:
    """A queued run; its message is for the test to place."""
    scene.queued(run_id, queue="elsewhere")
    scene.client.hset(scene.store.keys.run(run_id), "queued", at)
    scene.client.delete("elsewhere")


def lost(scene: Scene, run_id: str = "r", *, now: int = NOW + 60_000, mend: bool = True, **fields):
    entry = {"id": run_id, "attempt": 1, "queue": "mail", "tags": [f"{run_id}/1"], **fields}
    found = scene.call(
        "send_again", now=now, entries=[entry], unacked=UNACKED, untold=HOUR, mend=mend
    )
    return [each[2] for each in found] == [run_id]


def test_a_message_that_is_nowhere_is_sent_again_by_the_next_tick(scene):
    queued(scene)
    before = scene.state()
    assert lost(scene)
    assert scene.changes(before) == {
        "agenda": {"r:r": NOW + 60_000},
        "events": ["audit.mended t/r message"],
        "run:r": {"resent": "1"},
    }
    assert not lost(scene), "it is on its way"


def test_what_only_looks_changes_nothing(scene):
    queued(scene)
    before = scene.state()
    assert lost(scene, mend=False)
    assert scene.changes(before) == {}


def test_one_that_a_worker_holds_is_not_lost(scene):
    queued(scene)
    scene.client.hset(UNACKED, "r/1", "[]")
    assert not lost(scene)
    assert lost(scene, tags=["r/1/1"])


def test_one_that_comes_next_is_not_lost(scene):
    queued(scene)
    scene.client.lpush("mail", message("r"))
    assert not lost(scene)


def test_behind_an_older_one_it_may_still_come(scene):
    queued(scene, "old", NOW - 1)
    queued(scene)
    scene.client.lpush("mail", message("old"))
    assert not lost(scene)


def test_a_younger_one_that_comes_next_shows_that_it_is_gone(scene):
    queued(scene)
    queued(scene, "young", NOW + 1)
    scene.client.lpush("mail", message("young"))
    assert lost(scene)


def test_one_of_the_same_moment_shows_nothing(scene):
    queued(scene)
    queued(scene, "twin", NOW)
    scene.client.lpush("mail", message("twin"))
    assert not lost(scene)


def test_it_counts_from_when_its_message_was_sent_last(scene):
    queued(scene)
    queued(scene, "young", NOW + 1)
    scene.client.lpush("mail", message("young"))
    scene.client.hset(scene.store.keys.run("r"), "sent", NOW + 2)
    assert not lost(scene)


def test_messages_of_attempts_that_are_over_and_of_other_programs_are_passed_by(scene):
    queued(scene)
    queued(scene, "young", NOW + 1)
    queued(scene, "old", NOW - 1)
    for text in (message("old"), message("young"), message("old", 7), FOREIGN, "no JSON"):
        scene.client.lpush("mail", text)
    # from the end that is taken next: old, young, ...
    assert not lost(scene)
    assert scene.client.rpop("mail") == message("old")
    assert lost(scene)


def test_where_all_that_comes_next_is_foreign_it_waits_an_hour(scene):
    queued(scene)
    scene.client.lpush("mail", *[FOREIGN] * 20, message("r"))
    assert not lost(scene, now=NOW + HOUR)
    assert lost(scene, now=NOW + HOUR + 1)


@pytest.mark.parametrize("seed", ["running", "retrying", "finished", "held_run"])
def test_only_what_is_queued_has_a_message(scene, seed):
    getattr(scene, seed)()
    assert not lost(scene)


def test_of_another_attempt_nothing_is_said(scene):
    queued(scene)
    assert not lost(scene, attempt=2)


def test_20_000_in_pieces(scene):
    runs = [f"r{n:05d}" for n in range(20_000)]
    scene.many_queued(runs)
    found = 0
    for first in range(0, len(runs), 200):
        entries = [
            {"id": run_id, "attempt": 1, "queue": "mail", "tags": [run_id]}
            for run_id in runs[first : first + 200]
        ]
        found += len(
            scene.call("send_again", entries=entries, unacked=UNACKED, untold=HOUR, mend=True)
        )
    assert found == len(runs)
    assert scene.client.zcard(scene.store.keys.agenda()) == len(runs) + 1
