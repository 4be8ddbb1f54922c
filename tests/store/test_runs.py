"""Runs, as the floors above see them."""

from __future__ import annotations

import uuid

import pytest

from dispatch_app.domain.errors import Conflict, CorruptRecord, InvalidInput, LeaseLost, NotFound
from dispatch_app.domain.run import Attempt, Failure
from dispatch_app.domain.task import Task
from dispatch_app.ids import new_id
from dispatch_app.store.codec import encode_task
from dispatch_app.store.runs import LOG_LINES, Lease, Outcome, RunFilter
from tests.store.scene import HOURLY, NOW, Scene, new_run

SUCCESS = Outcome(status="succeeded", outcome="succeeded", result="[1]")


@pytest.fixture(autouse=True)
def task(scene):
    return scene.task()


def start(scene: Scene, run_id: str = "r", attempt: int = 1, token: str = "token"):
    return scene.store.runs.start(run_id, attempt, token=token, worker="w@host", lease=10_000)


def test_a_lease_carries_all_that_an_attempt_needs(scene):
    scene.queued(origin="trigger")
    lease = start(scene)
    assert lease == Lease(
        run_id="r",
        token="token",
        attempt=1,
        task_id="t",
        definition=HOURLY,
        failures=0,
        lost=0,
        scheduled_for=NOW,
        origin="trigger",
        queued_at=NOW,
        started_at=int(scene.state()["run:r"]["started"]),
    )
    # its reply was lost: asked again, it is the same
    assert isinstance(start(scene), Lease)
    assert start(scene, token="other") == "HELD"
    assert start(scene, "unknown") == "NOT_FOUND"
    assert start(scene, attempt=2) == "STALE"


def test_a_run_from_its_making_to_its_end(scene):
    scene.queued(reason="because")
    queued = scene.store.runs.get("r")
    assert (queued.status, queued.reason, queued.attempts) == ("queued", "because", ())
    start(scene)
    scene.store.runs.report("r", "token", progress='{"done":1}', lines=["a line"])
    running = scene.store.runs.get("r")
    assert (running.status, running.progress, running.log) == ("running", {"done": 1}, ("a line",))
    assert running.attempts == (Attempt(number=1, worker="w@host", started_at=running.started_at),)
    scene.store.runs.finish("r", "token", SUCCESS)
    ended = scene.store.runs.get("r")
    assert (ended.status, ended.result, ended.is_finished) == ("succeeded", [1], True)
    assert ended.attempts[0].outcome == "succeeded"
    assert ended.queued_at <= ended.started_at <= ended.finished_at
    assert start(scene, token="other") == "FINISHED"


def test_a_retry_keeps_what_happened_before(scene):
    scene.queued()
    start(scene)
    failure = Failure(type="ValueError", message="no", traceback="...")
    retry = Outcome(status="retrying", outcome="retried", error=failure, delay=0, failures=1)
    changed = Task(type="echo", queue="default", payload={"n": 2})
    scene.store.runs.finish("r", "token", retry, changed)
    waiting = scene.store.runs.get("r")
    assert (waiting.status, waiting.failures, waiting.error) == ("retrying", 1, failure)
    assert waiting.definition == changed
    due = scene.store.agenda.due()
    assert [run.id for run in due.runs] == ["r"]
    assert waiting.retry_at == due.runs[0].due


def test_an_attempt_that_was_handed_back_stays_in_the_history_of_its_next_try(scene):
    scene.queued()
    outcome = Outcome(status="queued", outcome="handed_back")
    for token in ("first", "second"):
        start(scene, token=token)
        scene.store.runs.finish("r", token, outcome)
    start(scene, token="third")
    running = scene.store.runs.get("r")
    assert [attempt.outcome for attempt in running.attempts] == ["handed_back", "running"]
    scene.store.runs.finish("r", "third", SUCCESS)
    run = scene.store.runs.get("r")
    # of any number of times, one entry: what is kept of a run has a bound
    assert [(a.number, a.outcome) for a in run.attempts] == [(1, "handed_back"), (1, "succeeded")]
    assert (run.attempt, run.failures, run.lost) == (1, 0, 0)


def test_a_run_that_was_cancelled_while_it_ran_shows_that_it_did(scene):
    scene.queued()
    start(scene)
    scene.store.runs.cancel("r", "by hand")
    run = scene.store.runs.get("r")
    (attempt,) = run.attempts
    assert (attempt.number, attempt.worker, attempt.outcome) == (1, "w@host", "cancelled")
    assert run.started_at == attempt.started_at <= attempt.finished_at == run.finished_at
    with pytest.raises(LeaseLost):
        scene.store.runs.finish("r", "token", SUCCESS)
    assert scene.store.runs.get("r") == run


def test_who_holds_it_no_more_is_told_so(scene):
    scene.running()
    for lost in (
        lambda: scene.store.runs.finish("r", "other", SUCCESS),
        lambda: scene.store.runs.report("r", "other", progress=None, lines=["x"]),
        lambda: scene.store.runs.finish("unknown", "token", SUCCESS),
    ):
        with pytest.raises(LeaseLost):
            lost()
    assert scene.store.runs.renew([("r", "other"), ("r", "token")], lease=10_000) == (["r"], [])
    assert scene.store.runs.get("r").log == ()


def test_the_log_is_capped(scene):
    scene.running()
    for first in range(0, 2 * LOG_LINES, 500):
        lines = [f"line {n}" for n in range(first, first + 500)]
        scene.store.runs.report("r", "token", progress=None, lines=lines)
    log = scene.store.runs.get("r").log
    assert (len(log), log[-1]) == (LOG_LINES, f"line {2 * LOG_LINES - 1}")


def test_cancel(scene):
    scene.queued("r1")
    scene.finished("r2")
    scene.store.runs.cancel("r1", "by hand")
    scene.store.runs.cancel("r1", "once more")
    cancelled = scene.store.runs.get("r1")
    assert (cancelled.status, cancelled.reason) == ("cancelled", "by hand")
    with pytest.raises(Conflict, match="has already ended: it succeeded"):
        scene.store.runs.cancel("r2", "by hand")
    with pytest.raises(NotFound, match="There is no run 'unknown'"):
        scene.store.runs.cancel("unknown", "by hand")


def test_a_run_that_is_asked_to_end_says_since_when_and_why(scene):
    scene.queued()
    start(scene)
    scene.store.runs.cancel("r", "by hand", 60_000)
    asked = scene.store.runs.get("r")
    assert (asked.status, asked.reason, asked.cancel_reason) == ("running", None, "by hand")
    assert asked.started_at <= asked.cancel_requested_at
    assert scene.store.runs.renew([("r", "token")], lease=None) == ([], ["r"])
    assert scene.store.runs.finish("r", "token", SUCCESS) == "cancelled"
    ended = scene.store.runs.get("r")
    assert (ended.status, ended.reason, ended.result) == ("cancelled", "by hand", [1])
    assert ended.cancel_requested_at == asked.cancel_requested_at


def test_a_postponed_run_says_why_it_waits(scene):
    scene.queued()
    scene.store.runs.postpone("r", 1, delay=60_000, reason="nobody knows its type")
    assert scene.store.runs.get("r").reason == "nobody knows its type"
    assert scene.store.runs.get("r").status == "queued"


def test_a_run_that_is_not_there_or_cannot_be_read(scene):
    with pytest.raises(NotFound, match="There is no run 'unknown'"):
        scene.store.runs.get("unknown")
    scene.queued()
    scene.client.hset(scene.store.keys.run("r"), "def", "garbage")
    with pytest.raises(CorruptRecord):
        scene.store.runs.get("r")
    with pytest.raises(CorruptRecord):
        start(scene)
    scene.queued("s")
    # a listing goes on without it
    assert [run.id for run in scene.store.runs.list(RunFilter(), 10).items] == ["s"]


def test_the_latest_run_is_the_one_that_was_made_last(scene):
    assert scene.store.runs.latest("t") is None
    ids = [new_id() for _ in range(3)]
    for run_id in ids:
        scene.queued(run_id)
    assert scene.store.runs.latest("t").id == max(ids)
    assert scene.store.runs.latest("unknown") is None


# Listings


def run_id_at(moment: int, number: int) -> str:
    """A UUIDv7 of that millisecond."""
    return str(uuid.UUID(int=(moment << 80) | (7 << 76) | (2 << 62) | number))


@pytest.fixture
def listed(scene) -> Scene:
    """300 runs of two tasks, one a second, in four statuses; the second task's in a queue of
    its own."""
    other = Task(type="email", queue="mail")
    scene.task("u", other)
    for number in range(300):
        run_id = run_id_at(NOW + number * 1_000, number)
        if number % 3 == 0:
            run = new_run(run_id, **{"def": encode_task(other)})
            scene.call("trigger", id="u", type="email", runs=[run])
        else:
            (scene.queued, scene.running, scene.finished)[number % 3](run_id)
    return scene


def all_pages(scene: Scene, where: RunFilter, limit: int = 40) -> list[int]:
    """The numbers of the runs on all pages."""
    found, cursor = [], None
    while True:
        page = scene.store.runs.list(where, limit, cursor)
        assert len(page.items) <= limit
        found += [int(run.id[-12:], 16) for run in page.items]
        if page.next is None:
            return found
        cursor = page.next


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (RunFilter(), range(300)),
        (RunFilter(task_id="u"), range(0, 300, 3)),
        (RunFilter(type="email"), range(0, 300, 3)),
        (RunFilter(queue="mail"), range(0, 300, 3)),
        (RunFilter(status="queued"), range(0, 300, 3)),
        (RunFilter(status="running"), range(1, 300, 3)),
        (RunFilter(status="succeeded", task_id="t", type="echo"), range(2, 300, 3)),
        (RunFilter(status="succeeded", task_id="u"), []),
        (RunFilter(status="failed"), []),
        (RunFilter(after=NOW + 10_000, before=NOW + 12_000), [10, 11, 12]),
        (RunFilter(after=NOW + 298_001), [299]),
        (RunFilter(before=NOW + 999, task_id="u"), [0]),
    ],
    ids=str,
)
def test_every_run_that_passes_is_on_exactly_one_page(listed, where, numbers):
    assert all_pages(listed, where) == sorted(numbers, reverse=True)


def test_runs_that_come_and_go_between_two_pages_move_no_other(listed):
    first = listed.store.runs.list(RunFilter(), 100)
    for number in range(1_000, 1_010):
        listed.queued(run_id_at(NOW + number * 1_000, number))
    listed.store.tasks.purge("u")
    rest, cursor = [], first.next
    while cursor:
        page = listed.store.runs.list(RunFilter(), 100, cursor)
        rest += page.items
        cursor = page.next
    assert len(first.items) == 100
    assert [int(run.id[-12:], 16) for run in rest] == [n for n in range(199, -1, -1) if n % 3]


def test_a_bad_cursor_is_refused_by_name(scene):
    with pytest.raises(InvalidInput) as refusal:
        scene.store.runs.list(RunFilter(), 10, "garbage")
    assert list(refusal.value.fields) == ["cursor"]
