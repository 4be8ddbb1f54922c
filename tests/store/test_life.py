"""Tasks and runs under any row of calls: a run moves only as `domain.run.TRANSITIONS` says, and
listings, leases, agenda, counters, messages and events always agree with the records."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dispatch_app.domain.run import FINISHED, allowed
from dispatch_app.domain.schedule import Once
from dispatch_app.domain.task import Task
from dispatch_app.store.codec import encode_task, listings_of
from tests.properties import bounded
from tests.servers import RedisServer
from tests.store.books import disagreements_in, records
from tests.store.scene import ERROR, HOURLY, NOW, ONE_OFF, QUEUE, Scene, member, new_run

#: Few, so that runs are forgotten while others live.
KEEP = 2
#: What one release moves; so few that it takes several.
PIECE = 1
LEASE = 10_000
#: Bounds of the dead letters: both are met now and then.
LETTERS = {"keep": 4, "age": 100_000}


def overlapping(policy: str) -> Task:
    return msgspec.structs.replace(HOURLY, overlap=policy)


DEFINITIONS = {
    "recurring": HOURLY,
    "skip": overlapping("skip"),
    "one": overlapping("buffer_one"),
    "all": overlapping("buffer_all"),
    "cancel": overlapping("cancel_other"),
    "end": overlapping("terminate_other"),
    "later": Task(type="email", queue="mail", schedule=Once(start_time=NOW + 5_000)),
    "now": ONE_OFF,
}
#: What may be paused here; the last one stands in nobody's way.
SCOPES = ["all", "queue:default", "queue:mail", "type:echo", "type:email", "type:other"]
mostly_all = st.sampled_from(["all", "all", *SCOPES[:-1]])
numbers = st.integers(0, 30)
graces = st.sampled_from([None, 0, LEASE, 60_000])
some_time = st.sampled_from([0, 1, 999, 5_000, LEASE, 60_000])


class Life(RuleBasedStateMachine):
    """Calls scripts at moments of its own; reads everything back after each."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        with server.client() as client:
            client.flushall()
        self.scene = Scene(server.url)
        self.now = NOW
        self.ids = 0
        self.made: Counter[str] = Counter()
        self.reached: Counter[tuple[str, str]] = Counter()
        self.sent = 0
        self.state: dict[str, Any] = {}
        self.events_seen = 0

    def teardown(self) -> None:
        self.scene.close()

    # What is there

    @property
    def tasks(self) -> dict[str, dict[str, str]]:
        return records(self.state, "task:")

    @property
    def runs(self) -> dict[str, dict[str, str]]:
        return records(self.state, "run:")

    def pick(self, records: dict[str, Any], number: int, status: str = "") -> str:
        """One of them, mostly one of that status, or now and then one that never was."""
        fit = [name for name, record in records.items() if record["status"] == status]
        ids = sorted(fit) if fit and number % 4 else [*sorted(records), "unknown"]
        return ids[number % len(ids)]

    def call(self, script: str, **arguments: Any) -> Any:
        return self.scene.call(script, now=self.now, **arguments)

    def new_run(self, task_id: str, **fields: Any) -> dict[str, Any]:
        self.ids += 1
        policy = _definition(task_id).overlap
        if policy != "allow_all":
            overlap = {"policy": policy, "most": 2, "grace": LEASE, "keep": KEEP}
            fields = {"overlap": overlap, **fields}
        return new_run(f"r{self.ids:04d}", at=self.now, **fields)

    # What happens

    @initialize()
    def begin(self) -> None:
        self.create("recurring", True)

    @rule(kind=st.sampled_from(sorted(DEFINITIONS)), enabled=st.booleans())
    def create(self, kind: str, enabled: bool) -> None:
        self.ids += 1
        task_id, task = f"{kind}{self.ids}", DEFINITIONS[kind]
        run = self.new_run(task_id) if kind == "now" and enabled else None
        reply = self.call(
            "create",
            id=task_id,
            **{"def": encode_task(task)},
            type=task.type,
            once=task.is_one_off,
            status="queued" if run else "scheduled" if enabled else "paused",
            indexes=listings_of(task),
            next=None if run else self.now + 5_000,
            run=run,
        )
        assert reply[0] == "OK"

    @rule(after=some_time)
    def time_passes(self, after: int) -> None:
        self.now += after

    @rule(ends=st.booleans())
    def tick(self, ends: bool) -> None:
        """As a scheduler does: read what is due, commit what follows."""
        _, _, *entries = self.call("due", limit=500)
        steps, attempts, others, ended = [], [], [], []
        for name, due, _, *fields in entries:
            task_id = name[2:]
            if name.startswith("h:"):
                ended.append(task_id)
            elif name[:2] in ("x:", "k:"):
                others.append({"member": name, "due": int(due)})
            elif name.startswith("t:"):
                once = "once" in self.tasks[task_id]
                following = None if ends or once else int(due) + 60_000
                run = self.new_run(task_id)
                steps.append(
                    {"member": name, "due": int(due), "rev": fields[0], "type": _type(task_id),
                     "queue": _definition(task_id).queue, "runs": [run], "next": following}
                )  # fmt: skip
            else:
                attempt = int(fields[0]) + (fields[2] == "retrying")
                attempts.append(
                    {"member": name, "due": int(due), "queue": QUEUE, "message": "again",
                     "attempt": attempt}
                )  # fmt: skip
                self.sent += 1
        assert self.call("commit", entries=attempts) == len(attempts)
        assert self.call("commit", entries=steps) == len(steps)
        assert self.call("overdue", entries=others, keep=KEEP) <= len(others)
        for scope in ended:
            assert self.call("release", scope=scope, limit=PIECE) <= PIECE

    @rule(number=numbers, stale=st.booleans())
    def commit_what_somebody_else_did(self, number: int, stale: bool) -> None:
        """A scheduler that was too slow changes nothing."""
        task_id = self.pick(self.tasks, number)
        due = int(self.state.get("agenda", {}).get(f"t:{task_id}", self.now))
        entry = {"member": f"t:{task_id}", "due": due - stale, "rev": "0" if not stale else "1",
                 "type": "echo", "runs": [new_run("never")]}  # fmt: skip
        assert self.call("commit", entries=[entry]) == 0

    @rule(number=numbers, attempt=st.sampled_from([0, 0, 0, 1]), token=st.sampled_from("ab"))
    def start(self, number: int, attempt: int, token: str) -> None:
        self._start(self.pick(self.runs, number, "queued"), attempt, token)

    def _start(self, run_id: str, attempt: int, token: str) -> None:
        run = self.runs.get(run_id)
        attempt += int(run.get("attempt", 1)) if run else 1
        reply = self.call("start", id=run_id, attempt=attempt, token=f"{run_id}/{attempt}/{token}",
                          worker="w", lease=LEASE, keep=KEEP)  # fmt: skip
        this = run is not None and int(run.get("attempt", 1)) == attempt
        late = this and "expires" in run and self.now > int(run["expires"])
        may = this and (
            (run["status"] == "queued" and not late and not self.pauses_of(run["task"]))
            or (run["status"] == "running" and run["token"].endswith(f"/{token}"))
        )  # fmt: skip
        assert (reply[0] == "OK") is bool(may), reply
        if this and run["status"] == "queued" and not may and not late:
            assert reply == ["PAUSED", self.pauses_of(run["task"])[0]]

    @precondition(lambda self: self.runs)
    @rule(
        number=numbers,
        token=st.sampled_from("ab"),
        status=st.sampled_from(["succeeded", "failed", "retrying", "queued"]),
    )
    def finish(self, number: int, token: str, status: str) -> None:
        self._finish(self.pick(self.runs, number, "running"), token, status)

    def _finish(self, run_id: str, token: str, status: str) -> None:
        run = self.runs.get(run_id, {})
        given = f"{run_id}/{run.get('attempt')}/{token}"
        reply = self.call(
            "finish", id=run_id, token=given, status=status, outcome=status, delay=5_000,
            failures=int(status in ("failed", "retrying")), lost=0, keep=KEEP, letters=LETTERS,
        )  # fmt: skip
        holds = run.get("status") == "running" and run.get("token") == given
        assert (reply[0] == "OK") is (holds or run.get("closed") == given)

    @rule(row=st.lists(st.sampled_from(["succeeded", "failed", "retrying", "queued"]), min_size=1))
    def a_worker_works(self, row: list[str]) -> None:
        """Nothing is paused: what is queued runs, run by run, and ends so, or is left as it is."""
        for scope in list(self.state.get("paused", {})):
            self.pause_or_resume_a_scope(scope, False)
        self.everything_agrees()
        queued = [name for name, run in self.runs.items() if run["status"] == "queued"]
        for status, run_id in zip(row, sorted(queued), strict=False):
            self._start(run_id, 0, "a")
            self.everything_agrees()
            self._finish(run_id, "a", status)
            self.everything_agrees()

    @rule(after=st.sampled_from(["again", "later", "over"]))
    def reap(self, after: str) -> None:
        self.now += LEASE
        entries = [
            {"id": run_id, "lease": float(lease), "error": ERROR,
             **({"queue": QUEUE, "message": "again"} if after == "again" else {}),
             **({"delay": 5_000} if after == "later" else {})}
            for run_id, lease, *_ in self.call("lapsed", limit=500)
        ]  # fmt: skip
        reply = self.call("reap", entries=entries, keep=KEEP, letters=LETTERS)
        assert reply == len(entries)
        asked = [entry for entry in entries if "cancel" in self.runs[entry["id"]]]
        self.sent += (len(entries) - len(asked)) * (after == "again")

    @rule(number=numbers, token=st.sampled_from("ab"))
    def renew(self, number: int, token: str) -> None:
        run_id = self.pick(self.runs, number)
        run = self.runs.get(run_id, {})
        given = f"{run_id}/{run.get('attempt')}/{token}"
        lost, _ = self.call("renew", lease=LEASE, runs=[[run_id, given]])
        mine = run.get("status") == "running" and run["token"] == given
        # a run that its holder has ended is no loss to it
        kept = mine or run.get("status") == "queued" or run.get("closed") == given
        assert lost == ([] if kept else [run_id])

    @rule(number=numbers)
    def postpone(self, number: int) -> None:
        run_id = self.pick(self.runs, number, "queued")
        run = self.runs.get(run_id, {})
        reply = self.call("postpone", id=run_id, attempt=int(run.get("attempt", 1)), delay=5_000,
                          reason="nobody knows it", keep=KEEP)  # fmt: skip
        assert reply == (["OK"] if run.get("status") == "queued" else ["STALE"])

    @rule(number=numbers, grace=graces)
    def cancel_run(self, number: int, grace: int | None) -> None:
        run_id = self.pick(self.runs, number)
        status = self.runs.get(run_id, {}).get("status")
        reply = self.call("cancel_run", id=run_id, reason="by hand", grace=grace, keep=KEEP)
        if status is None:
            assert reply == ["NOT_FOUND"]
        elif status == "running" and grace is not None:
            assert reply == ["ASKED"]
        else:
            ended = status in FINISHED and status != "cancelled"
            assert reply == (["ENDED", status] if ended else ["OK"])

    @rule(number=numbers, row=st.lists(graces, min_size=2, max_size=3))
    def a_running_one_is_cancelled(self, number: int, row: list[int | None]) -> None:
        """By several, each with a grace of its own."""
        self.trigger(number, 1, None)
        self.everything_agrees()
        for nth in range(4):
            self.start(number + nth, 0, "a")
            self.everything_agrees()
        which = next((n for n in range(31) if self._is_running(n)), number)
        for grace in row:
            self.cancel_run(which, grace)
            self.everything_agrees()

    def _is_running(self, number: int) -> bool:
        return self.runs.get(self.pick(self.runs, number), {}).get("status") == "running"

    @rule(number=numbers, grace=graces)
    def cancel_task(self, number: int, grace: int | None) -> None:
        self.call("cancel", id=self.pick(self.tasks, number), grace=grace, keep=KEEP)

    @rule(number=numbers, pause=st.booleans())
    def pause_or_resume(self, number: int, pause: bool) -> None:
        self.call("pause", id=self.pick(self.tasks, number), pause=pause, note="")

    @rule(scope=st.sampled_from(SCOPES), pause=st.booleans())
    def pause_or_resume_a_scope(self, scope: str, pause: bool) -> None:
        reply = self.call("set_pause", scope=scope, pause=pause, who="ci", note="", most=9)
        assert (reply[0], reply[2]) == ("OK", len(self.state.get(f"held:{scope}", ())))

    @rule(scope=mostly_all, number=numbers)
    def much_is_held(self, scope: str, number: int) -> None:
        """A pause that lasts: what is due by then is held, and what reaches workers."""
        self.pause_or_resume_a_scope(scope, True)
        self.everything_agrees()
        self.now += 60_000
        self.tick(False)
        self.everything_agrees()
        for nth in range(3):
            self.start(number + nth, 0, "a")
            self.everything_agrees()

    @rule(scope=mostly_all, ticks=st.integers(0, 3))
    def it_goes_on(self, scope: str, ticks: int) -> None:
        self.pause_or_resume_a_scope(scope, False)
        for _ in range(ticks):
            self.everything_agrees()
            self.tick(False)
        if ticks == 1:
            self.everything_agrees()
            self.pause_or_resume_a_scope(scope, True)

    def pauses_of(self, task_id: str) -> list[str]:
        """The scopes that are paused of those in which a task is, the first one first."""
        task = _definition(task_id)
        scopes = ("all", f"queue:{task.queue}", f"type:{task.type}")
        return [scope for scope in scopes if scope in self.state.get("paused", {})]

    @rule(number=numbers, count=st.integers(1, 5), expires=st.sampled_from([None, 999]))
    def trigger(self, number: int, count: int, expires: int | None) -> None:
        task_id = self.pick(self.tasks, number)
        late = None if expires is None else self.now + expires
        runs = [self.new_run(task_id, expires=late) for _ in range(count)]
        self.call("trigger", id=task_id, type=_type(task_id), runs=runs)

    @rule(number=numbers)
    def trigger_twice_under_one_key(self, number: int) -> None:
        """Where the first call makes a run, the second one does nothing."""
        task_id = self.pick(self.tasks, number)
        idem = {"key": f"k{self.ids}", "fingerprint": task_id}

        def ask() -> str:
            run = self.new_run(task_id)
            return self.call("trigger", id=task_id, type=_type(task_id), runs=[run], idem=idem)[0]

        first, before = ask(), self.scene.state()
        assert ask() == ("SAME" if first == "OK" else first)
        assert self.scene.state() == before

    @property
    def letters(self) -> dict[str, dict[str, str]]:
        return {run_id: run for run_id, run in self.runs.items() if "died" in run}

    @precondition(lambda self: self.letters)
    @rule(first=numbers, space=st.sampled_from([None, 0.5, 2_500.5]), twice=st.booleans())
    def replay(self, first: int, space: float | None, twice: bool) -> None:
        """Some dead letters, and what is none; a second call with the same finds none."""
        ids = [self.pick(self.letters, first + nth) for nth in range(3)]
        entries = [self._replay_of(run_id, self.runs.get(run_id)) for run_id in ids]
        made = [entry["run"]["id"] for entry in entries]
        for _ in range(1 + twice):
            replies = self.call("replay", entries=entries, space=space, keep=KEEP)
        runs = self.scene.state()
        queued = [
            run_id for run_id in made if runs.get(f"run:{run_id}", {}).get("status") == "queued"
        ]
        # sent by the tick that finds them due, or at once
        self.sent -= len(queued) if space else 0
        assert not twice or set(replies) <= {"GONE", "NO_TASK", "CANCELLED", "FULL"}

    def _replay_of(self, run_id: str, run: dict[str, str] | None) -> dict[str, Any]:
        task_id = run["task"] if run else "recurring1"
        definition = encode_task(_definition(task_id))
        new = self.new_run(task_id, retry_of=run_id, origin="retry", **{"def": definition})
        if "overlap" in new:
            new["overlap"]["policy"] = "buffer_all"
        return {"id": run_id, "task": task_id, "type": _type(task_id), "run": new}

    @rule(first=numbers, space=st.sampled_from([None, 2_500.5]), count=st.integers(1, 5))
    def what_fails_is_replayed(self, first: int, space: float | None, count: int) -> None:
        """Runs whose bug is found later, and corrected."""
        self.trigger(first, count, None)
        self.everything_agrees()
        self.a_worker_works(["failed"] * count)
        if self.letters:
            self.replay(first, space, twice=count > 3)
            self.everything_agrees()
            self.now += 5_000
            self.tick(False)

    @rule(numbers=st.lists(numbers, min_size=1, max_size=3))
    def drop(self, numbers: list[int]) -> None:
        ids = [self.pick(self.letters, number) for number in numbers]
        known = {run_id for run_id in ids if run_id in self.letters}
        assert self.call("drop_letters", ids=ids, keep=KEEP) == len(known)

    @rule(keep=st.integers(0, 5), age=some_time)
    def trim_letters(self, keep: int, age: int) -> None:
        died = [int(run["died"]) for run in self.letters.values()]
        young = [moment for moment in died if moment >= self.now - age]
        left = min(len(young), keep)
        dropped = self.call("trim_letters", letters={"keep": keep, "age": age}, keep=KEEP, limit=99)
        assert dropped == len(died) - left

    @precondition(lambda self: self.tasks)
    @rule(number=numbers, status=st.sampled_from(["scheduled", "paused"]), keep=st.booleans())
    def update(self, number: int, status: str, keep: bool) -> None:
        task_id = sorted(self.tasks)[number % len(self.tasks)]
        record = self.tasks[task_id]
        if record["status"] not in ("scheduled", "paused"):
            return
        task = _definition(task_id)
        reply = self.call(
            "update", id=task_id, rev=int(record["rev"]), was=record["status"],
            **{"def": record["def"]}, type=task.type, once=task.is_one_off, status=status,
            next=self.now + 7_000, keep=keep, restart=False, leave=[], enter=[],
        )  # fmt: skip
        assert reply == ["OK"]

    @rule()
    def audit(self) -> None:
        """Where all agrees, it finds nothing."""
        entries = [
            {"member": member(task_id, int(task["created"])), "id": task_id, "rev": task["rev"],
             "listings": listings_of(_definition(task_id))}
            for task_id, task in self.tasks.items()
        ]  # fmt: skip
        assert self.call("audit_tasks", listing="tasks", entries=entries, mend=True) == []
        for listing in [name for name in self.state if name.startswith("runs")]:
            found, _ = self.call("audit_runs", listing=listing, ids=list(self.state[listing]),
                                 lease=LEASE, patience=LEASE, mend=True)  # fmt: skip
            assert found == []
        agenda = list(self.state.get("agenda", ()))
        assert self.call("audit_agenda", members=agenda, mend=True) == []
        for scope, members in records(self.state, "held:").items():
            assert self.call("audit_agenda", members=list(members), scope=scope, mend=True) == []

    @rule(number=numbers)
    def purge(self, number: int) -> None:
        task_id = self.pick(self.tasks, number)
        record = self.tasks.get(task_id)
        leave = listings_of(_definition(task_id)) if record else []
        reply = self.call("purge", id=task_id, rev=record["rev"] if record else "", leave=leave)
        assert reply == (["OK", 0] if record else ["NOT_FOUND"])

    # What holds

    @invariant()
    def everything_agrees(self) -> None:
        before, self.state = self.state, self.scene.state()
        self._runs_moved_as_they_may(records(before, "run:"))
        self._what_is_asked_to_end_stays_so(before)
        assert disagreements_in(self.state, KEEP) == []
        self._overlap_agrees()
        self._counters_agree()

    def _runs_moved_as_they_may(self, before: dict[str, dict[str, str]]) -> None:
        said = self.state.get("events", [])[self.events_seen :]
        self.events_seen += len(said)
        status = {run_id: run["status"] for run_id, run in before.items()}
        for event in said:
            if not event.startswith("run."):
                continue
            task_id, run_id, after = _path(event)
            if event.startswith("run.cancelling "):
                # asked to end: nothing moves yet
                assert after == status[run_id] == "running"
                continue
            assert allowed(status.get(run_id), after), f"{status.get(run_id)} -> {after}"
            if run_id not in status:
                self.made[task_id] += after != "skipped"
            # whoever makes a run, or lets one go on that waited, sends its message
            self.sent += after == "queued" and status.get(run_id) in (None, "waiting")
            self.reached[task_id, after] += after != "skipped"
            status[run_id] = after
        for run_id, after in status.items():
            # one that is gone ended first, perhaps in the same step
            assert (
                self.runs[run_id]["status"] == after if run_id in self.runs else after in FINISHED
            )

    def _what_is_asked_to_end_stays_so(self, before: dict[str, Any]) -> None:
        """No grace gets longer, and nothing comes of it but `cancelled`."""
        agenda, now = before.get("agenda", {}), self.state.get("agenda", {})
        for run_id, run in records(before, "run:").items():
            if "cancel" in run and run_id in self.runs:
                after = self.runs[run_id]
                assert (after["cancel"], after["cancel_at"]) == (run["cancel"], run["cancel_at"])
                assert after["status"] in ("running", "cancelled")
                if after["status"] == "running":
                    assert now[f"k:{run_id}"] <= agenda[f"k:{run_id}"]
                else:
                    assert after["reason"] == run["cancel"]

    def _overlap_agrees(self) -> None:
        """Under an overlap policy one run of a task is open at most."""
        for task_id, task in self.tasks.items():
            if "books" in task:
                assert len(self.state.get(f"open:{task_id}", ())) <= 1

    def _counters_agree(self) -> None:
        assert len(self.state.get(QUEUE, [])) == self.sent
        for task_id, task in self.tasks.items():
            counted = {key[2:]: int(n) for key, n in task.items() if key.startswith("n:")}
            reached = {
                "retried" if status == "retrying" else status: n
                for (name, status), n in self.reached.items()
                if name == task_id and (status in FINISHED or status == "retrying")
            }
            runs = {"runs": self.made[task_id]} if self.made[task_id] else {}
            skipped = sum(
                int(run["count"])
                for run in self.runs.values()
                if run["task"] == task_id and run["status"] == "skipped"
            )
            assert counted == {**runs, **reached, **({"skipped": skipped} if skipped else {})}
            own = task["status"] in ("scheduled", "paused", "completed")
            own = own or (task["status"] == "cancelled" and "cancelled" in task)
            assert own or ("once" in task and task["status"] == task["lrs"])


def test_the_life_of_tasks_and_runs(redis_server):
    run_state_machine_as_test(
        lambda: Life(redis_server), settings=bounded(80, stateful_step_count=30)
    )


@pytest.mark.parametrize(
    "row",
    [
        ["begin", "tick"],
        ["begin", "create", "tick", "start", "finish"],
        ["begin", "create", "start", "fail", "replay", "tick", "start", "finish"],
        ["begin", "create", "stop", "tick", "start", "go on", "tick", "tick", "start", "finish"],
    ],
)
def test_the_machine_itself_takes_these_steps(redis_server, row):
    """Guards the property above against saying nothing: its rules do reach what they are for."""
    life = Life(redis_server)
    for name in row:
        life.now += 5_000
        if name == "create":
            life.create("now", True)
        elif name == "start":
            life.start(0, 0, "a")
        elif name == "finish":
            life.finish(0, "a", "succeeded")
        elif name == "fail":
            life.finish(0, "a", "failed")
            assert life.scene.state()["dead"]
        elif name == "replay":
            life.replay(0, 1_000, twice=False)
            runs = records(life.scene.state(), "run:").values()
            assert any("retry_of" in run for run in runs)
        elif name == "tick":
            life.tick(False)
        elif name == "stop":
            life.pause_or_resume_a_scope("all", True)
        elif name == "go on":
            assert set(life.state["held:all"]) == {"t:recurring1", "r:r0003"}
            life.pause_or_resume_a_scope("all", False)
        else:
            life.begin()
        life.everything_agrees()
    assert life.runs
    assert life.reached if "finish" in row else life.made
    life.teardown()


def _definition(task_id: str) -> Task:
    return DEFINITIONS.get(task_id.rstrip("0123456789"), HOURLY)


def _type(task_id: str) -> str:
    return _definition(task_id).type


def _path(event: str) -> tuple[str, str, str]:
    """Task, run and status of an event of a run."""
    _, names, status = event.split(" ")
    return *names.split("/"), status
