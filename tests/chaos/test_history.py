"""The judge of chaos: each way in which a promise can be broken is seen."""

from __future__ import annotations

import msgspec
import pytest

from dispatch_app.domain.run import Attempt, Run
from dispatch_app.domain.task import Task
from tests.chaos.history import Acked, History, Note, read_ledger, violations

TASK = Acked(n=1, kind="interval", task_id="t", moments=(1_000, 2_000))


def attempt(number: int, outcome: str = "succeeded") -> Attempt:
    return Attempt(number=number, worker="w", started_at=1, finished_at=2, outcome=outcome)


def run(run_id: str, at: int, *attempts: Attempt, **fields) -> Run:
    attempts = attempts or (attempt(1),)
    last = attempts[-1].number
    fields = {"status": "succeeded", "result": last, "attempt": last, **fields}
    return Run(
        id=run_id, task_id="t", definition=Task(type="work"), scheduled_for=at, attempts=attempts,
        **fields,
    )  # fmt: skip


def lines(run_id: str, number: int = 1, token: str = "x", begin: float = 1.0, end: float = 2.0):
    return [Note("begin", run_id, number, token, begin), Note("end", run_id, number, token, end)]


def history(**fields) -> History:
    """One in which everything is as it should be, but for these."""
    fine = {
        "acked": [TASK],
        "runs": {"t": [run("a", 1_000), run("b", 2_000)]},
        "ledger": [*lines("a"), *lines("b")],
        "ends": [("a", "succeeded"), ("b", "succeeded")],
        "stored": {1: ["t"]},
    }
    return History(**{**fine, **fields})


def found(**fields) -> str:
    return " ".join(violations(history(**fields)))


def test_what_is_as_it_should_be_is_not_complained_about():
    assert found() == ""


def test_an_attempt_that_was_lost_may_go_on_while_the_next_one_runs():
    runs = {"t": [run("a", 1_000, attempt(1, "lost"), attempt(2)), run("b", 2_000)]}
    ledger = [*lines("a", 1, "x", 1, 9), *lines("a", 2, "y", 5, 6), *lines("b")]
    assert found(runs=runs, ledger=ledger) == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stored": {}}, "I7: task t (interval) was stored and is gone"),
        ({"stored": {1: ["t", "u"]}}, "I7: one request (interval) with one key has stored"),
        ({"runs": {"t": [run("a", 1_000)]}}, "has no run for 2000"),
        (
            {"runs": {"t": [run("a", 1_000), run("b", 2_000), run("c", 2_000)]}},
            "I1: task t (interval) has 2 runs for 2000",
        ),
        ({"runs": {"t": [run("a", 1_000), run("b", 2_500)]}}, "which is none of its moments"),
        (
            {"runs": {"t": [run("a", 1_000, status="running"), run("b", 2_000)]}},
            "I4: run a is running for ever",
        ),
        ({"ledger": lines("a")}, "run b succeeded, but its code has not come to its end"),
        (
            {"ledger": [*lines("a"), *lines("a", 1, "y"), *lines("b")]},
            "I3: attempt 1 of run a was begun 2 times",
        ),
        ({"ledger": [*lines("a"), *lines("b"), *lines("zz")]}, "I2: run zz has begun"),
        (
            {"runs": {"t": [run("a", 1_000, result=7), run("b", 2_000)]}},
            "I3: run a has the result of attempt 7",
        ),
        (
            {"ends": [("a", "cancelled"), ("a", "succeeded")]},
            "I5: run a has ended 2 times: cancelled, succeeded",
        ),
        ({"ends": [("a", "cancelled")]}, "I5: run a was cancelled and is succeeded"),
        (
            {"runs": {"t": [run("a", 1_000, status="failed"), run("b", 2_000)]}},
            "run a is failed, not succeeded",
        ),
    ],
)
def test_what_is_not_is_named(fields, said):
    assert said in found(**fields)


def test_two_attempts_that_run_at_once_are_named():
    runs = {"t": [run("a", 1_000, attempt(1, "retried"), attempt(2)), run("b", 2_000)]}
    ledger = [*lines("a", 1, "x", 1, 9), *lines("a", 2, "y", 5, 6), *lines("b")]
    assert "attempts 1 and 2 of run a ran at the same time" in found(runs=runs, ledger=ledger)
    ledger = [*lines("a", 2, "y", 1, 9), *lines("a", 1, "x", 5, 6), *lines("b")]
    assert "attempts 2 and 1 of run a ran at the same time" in found(runs=runs, ledger=ledger)


@pytest.mark.parametrize("begins", [1, 5])
def test_an_attempt_that_is_lost_may_go_on_or_even_begin_beside_the_next(begins):
    runs = {"t": [run("a", 1_000, attempt(1, "lost"), attempt(2)), run("b", 2_000)]}
    ledger = [*lines("a", 1, "x", begins, 9), *lines("a", 2, "y", 3, 6), *lines("b")]
    assert "same time" not in found(runs=runs, ledger=ledger)


def test_what_must_run_at_most_once_and_did_not_is_named():
    once = msgspec.structs.replace(TASK, at_most_once=True)
    runs = {"t": [run("a", 1_000, attempt(1, "lost"), attempt(2)), run("b", 2_000)]}
    ledger = [*lines("a", 1), *lines("a", 2, "y", 5, 6), *lines("b")]
    assert "at most once: run a was begun 2 times" in found(acked=[once], runs=runs, ledger=ledger)


def test_a_ledger_is_read_line_by_line(tmp_path):
    ledger = tmp_path / "ledger"
    ledger.write_text("begin r 1 w/token 1.250\nend r 1 w/token 2.500\n")
    assert read_ledger(ledger) == [
        Note("begin", "r", 1, "w/token", 1.25),
        Note("end", "r", 1, "w/token", 2.5),
    ]
