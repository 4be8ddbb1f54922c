"""Dead letters: replayed, one or many, and dropped."""

from __future__ import annotations

import os
import signal

import msgspec
import pytest

from dispatch_app.domain.errors import Conflict, InvalidInput, NotFound
from dispatch_app.domain.run import Failure
from dispatch_app.domain.schedule import Cron
from dispatch_app.domain.task import Task
from dispatch_app.operations import dead_letters, tasks
from dispatch_app.store.dead_letters import LetterFilter
from dispatch_app.store.runs import Outcome, RunFilter
from tests.store.books import disagreements

HOURLY = Task(type="echo", payload={"n": 1}, schedule=Cron(cron="0 * * * *"))
ALL = LetterFilter()


@pytest.fixture
def task_id(dispatch) -> str:
    return tasks.create(dispatch, HOURLY).id


def dead(dispatch, task_id: str, error: str = "ValueError") -> str:
    """The id of a run that has failed for good."""
    run = tasks.trigger(dispatch, task_id, overlap="allow_all")
    dispatch.store.runs.start(run.id, 1, token="t", worker="w", lease=60_000)
    what = Failure(type=error, message="no")
    outcome = Outcome(status="failed", outcome="failed", error=what, failures=1)
    dispatch.store.runs.finish(run.id, "t", outcome)
    return run.id


def listed(dispatch, **where) -> list[str]:
    return [run.id for run in dispatch.store.dead_letters.list(LetterFilter(**where), 500).items]


def runs_of(dispatch, task_id: str) -> list:
    return dispatch.store.runs.list(RunFilter(task_id=task_id), 500).items


def test_a_replay_is_a_new_run_that_names_it_and_a_letter_less(dispatch, task_id, sent):
    letter = dead(dispatch, task_id)
    assert dispatch.store.dead_letters.get(letter).attempts[0].error.type == "ValueError"
    run = dead_letters.replay(dispatch, letter)
    assert (run.origin, run.retry_of, run.status) == ("retry", letter, "queued")
    assert sent()[-1] == run.id
    assert (listed(dispatch), dispatch.store.dead_letters.count()) == ([], 0)
    old = dispatch.store.runs.get(letter)
    assert (old.status, old.died_at) == ("failed", None)
    for again in (dead_letters.replay, dead_letters.drop):
        with pytest.raises(NotFound, match="no dead letter"):
            again(dispatch, letter)


def test_it_does_what_the_run_did_or_what_the_task_is_by_now(dispatch, task_id):
    letters = [dead(dispatch, task_id) for _ in range(3)]
    tasks.change(dispatch, task_id, lambda task: msgspec.structs.replace(task, payload={"n": 2}))
    one, two = (
        dead_letters.replay(dispatch, letter, word)
        for letter, word in zip(letters, ("original", "current"), strict=False)
    )
    dead_letters.replay_many(dispatch, ALL, 10, definition="current")
    assert [run.definition.payload["n"] for run in (one, two)] == [1, 2]
    assert runs_of(dispatch, task_id)[0].definition.payload == {"n": 2}


def test_a_policy_neither_skips_it_nor_ends_another_run_for_it(dispatch):
    for policy in ("skip", "terminate_other", "buffer_one"):
        task_id = tasks.create(dispatch, msgspec.structs.replace(HOURLY, overlap=policy)).id
        letters = [dead(dispatch, task_id) for _ in range(3)]
        done = dead_letters.replay_many(dispatch, LetterFilter(task_id=task_id), 10)
        runs = {run.id: run for run in runs_of(dispatch, task_id)}
        assert [runs[run_id].status for run_id in done.runs] == ["queued", "waiting", "waiting"]
        assert {runs[run_id].retry_of for run_id in done.runs} == set(letters)
        # the runs after it follow the policy again
        assert runs[done.runs[0]].definition.overlap == policy
    assert disagreements(dispatch.store) == []


def test_a_letter_of_a_cancelled_task_stays_until_it_is_dropped(dispatch, task_id):
    letter = dead(dispatch, task_id)
    tasks.cancel(dispatch, task_id)
    with pytest.raises(Conflict, match="its task is cancelled"):
        dead_letters.replay(dispatch, letter)
    done = dead_letters.replay_many(dispatch, ALL, 10)
    assert [(one.id, one.reason) for one in done.refused] == [(letter, "its task is cancelled")]
    assert (done.runs, listed(dispatch)) == ([], [letter])
    dead_letters.drop(dispatch, letter)
    assert listed(dispatch) == []
    assert dispatch.store.runs.get(letter).status == "failed"


def test_filters_tell_them_apart(dispatch, task_id):
    other = tasks.create(dispatch, Task(type="other", queue="q", schedule=HOURLY.schedule)).id
    one = dead(dispatch, task_id)
    two = dead(dispatch, task_id, "http.client.HTTPException")
    three = dead(dispatch, other)
    died = {run_id: dispatch.store.runs.get(run_id).died_at for run_id in (one, two, three)}
    assert listed(dispatch) == [three, two, one]
    assert listed(dispatch, task_id=task_id) == [two, one]
    assert listed(dispatch, type="other") == [three]
    assert listed(dispatch, type="other", task_id=task_id) == []
    assert listed(dispatch, queue="default") == [two, one]
    assert listed(dispatch, error="HTTPException") == [two]
    assert listed(dispatch, error="http.client.HTTPException") == [two]
    assert set(listed(dispatch, failed_after=died[two])) >= {two, three}
    assert three not in listed(dispatch, failed_before=died[three] - 1)
    assert listed(dispatch, failed_after=died[three] + 1) == []


def test_many_in_pieces_by_cursor_each_once(dispatch, task_id):
    letters = [dead(dispatch, task_id) for _ in range(7)]
    tasks.cancel(dispatch, refused := tasks.create(dispatch, HOURLY).id)
    seen, cursor = [], None
    while True:
        done = dead_letters.replay_many(dispatch, ALL, 3, cursor)
        assert len(done.runs) <= 3
        seen += [dispatch.store.runs.get(run_id).retry_of for run_id in done.runs]
        cursor = done.next
        if cursor is None:
            break
    assert seen == letters[::-1]
    assert runs_of(dispatch, refused) == []
    with pytest.raises(InvalidInput):
        dead_letters.replay_many(dispatch, ALL, 3, "garbage")


def test_many_are_dropped_in_pieces(dispatch, task_id):
    letters = [dead(dispatch, task_id) for _ in range(5)]
    other = tasks.create(dispatch, Task(type="other", schedule=HOURLY.schedule)).id
    kept = dead(dispatch, other)
    where = LetterFilter(type="echo")
    done = dead_letters.drop_many(dispatch, where, 3)
    assert (done.dropped, listed(dispatch)) == (3, [kept, *letters[1::-1]])
    done = dead_letters.drop_many(dispatch, where, 3, done.next)
    assert (done.dropped, done.next, listed(dispatch)) == (2, None, [kept])


def test_with_a_rate_the_messages_come_one_after_another(dispatch, task_id, sent):
    for _ in range(6):
        dead(dispatch, task_id)
    before = sent()
    first = dead_letters.replay_many(dispatch, ALL, 4, rate=0.2)
    second = dead_letters.replay_many(dispatch, ALL, 4, first.next, rate=0.2)
    assert sent() == before
    agenda = dispatch.store.client.zrange(dispatch.store.keys.agenda(), 0, -1, withscores=True)
    due = {member[2:]: moment for member, moment in agenda if member.startswith("r:")}
    moments = [due[run_id] for run_id in (*first.runs, *second.runs)]
    assert [later - moments[0] for later in moments] == [n * 5_000 for n in range(6)]
    run = dispatch.store.runs.get(first.runs[2])
    assert (run.status, run.scheduled_for) == ("queued", moments[2])
    assert disagreements(dispatch.store) == []


@pytest.mark.parametrize("after", [False, True], ids=["before the script", "before its answer"])
def test_who_is_killed_in_the_midst_of_a_replay_and_repeats_it_doubles_nothing(
    dispatch, task_id, monkeypatch, after
):
    monkeypatch.setattr(dead_letters, "PIECE", 10)
    letters = {dead(dispatch, task_id) for _ in range(100)}
    for call in range(3):
        left = dispatch.store.dead_letters.count()
        assert _killed(dispatch, call, after) == -signal.SIGKILL
        assert left - dispatch.store.dead_letters.count() == 10 * (call + after)
    dead_letters.replay_many(dispatch, ALL, 1_000, rate=100)
    assert listed(dispatch) == []
    replayed = [run.retry_of for run in runs_of(dispatch, task_id) if run.retry_of]
    assert (len(replayed), set(replayed)) == (100, letters)
    assert disagreements(dispatch.store) == []


def _killed(dispatch, call: int, after: bool) -> int:
    """A replay of all in a process of its own, which is killed at that call of the script, from 0;
    returns how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    replay, left = dispatch.store.dead_letters.replay, call

    def dying(*args):
        nonlocal left
        if left == 0:
            if after:
                replay(*args)
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return replay(*args)

    dispatch.store.dead_letters.replay = dying
    try:
        dead_letters.replay_many(dispatch, ALL, 1_000)
    finally:
        os._exit(1)
