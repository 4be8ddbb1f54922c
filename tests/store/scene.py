"""A store whose clock stands still: seed a state, call one script, look at all that there is.

Keys are shown without the prefix, so that a test reads as the layout does; what lies outside of it
(the broker's queues) is shown by its full name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dispatch_app.domain.run import Failure
from dispatch_app.domain.schedule import Cron
from dispatch_app.domain.task import Task
from dispatch_app.store import Store
from dispatch_app.store.codec import encode_task, listings_of, to_json

PREFIX = "{dispatch}:"
#: What the clock shows unless a test says otherwise.
NOW = 1_700_000_000_000
MINUTE = NOW // 60_000
HOURLY = Task(type="echo", queue="default", schedule=Cron(cron="0 * * * *"))
ONE_OFF = Task(type="echo", queue="default")
#: Where its messages go: the broker's key for a queue.
QUEUE = "default"
KEEP = 100
ERROR = to_json(Failure(type="ValueError", message="no"))

State = dict[str, Any]


def member(task_id: str, created: int = NOW) -> str:
    """A task's name in the listings."""
    return f"{created:013d}~{task_id}"


def new_run(run_id: str, **fields: Any) -> dict[str, Any]:
    """A run that a script is to make; its message is named for it."""
    return {
        "id": run_id,
        "queue": QUEUE,
        "message": f"message of {run_id}",
        "at": NOW,
        "origin": "schedule",
        **fields,
    }


class Scene:
    """A store on an empty server, scripts called by name, and the whole state to compare."""

    def __init__(self, url: str, prefix: str = PREFIX) -> None:
        self.store = Store(url, prefix=prefix, keep_runs=KEEP)
        self.client: Any = self.store.client
        self.prefix = prefix

    def close(self) -> None:
        self.store.close()

    def call(self, script: str, *, now: int = NOW, **arguments: Any) -> Any:
        """Call a script at a given moment; the reply is as Redis gives it."""
        return self.store.tasks._scripts.call(script, {**arguments, "now": now})

    # Seeds, made by the scripts themselves

    def task(
        self,
        task_id: str = "t",
        task: Task = HOURLY,
        *,
        status: str = "scheduled",
        next: int | None = NOW + 60_000,
        now: int = NOW,
        run: Mapping[str, Any] | None = None,
    ) -> str:
        """A stored task: scheduled for a minute from now, unless told otherwise."""
        reply = self.call(
            "create",
            now=now,
            id=task_id,
            **{"def": encode_task(task)},
            type=task.type,
            once=task.is_one_off,
            status=status,
            indexes=listings_of(task),
            next=next,
            run=run,
        )
        assert reply[0] == "OK"
        return task_id

    def queued(self, run_id: str = "r", task_id: str = "t", **fields: Any) -> str:
        """A run of a task, waiting for its worker."""
        reply = self.call("trigger", id=task_id, type="echo", runs=[new_run(run_id, **fields)])
        assert reply == ["OK", [run_id]]
        return run_id

    def running(self, run_id: str = "r", task_id: str = "t", **fields: Any) -> str:
        """A run whose first attempt is under the lease `token` for 10 s, worker `w@host`."""
        self.queued(run_id, task_id, **fields)
        assert self.start(run_id)[0] == "OK"
        return run_id

    def retrying(self, run_id: str = "r", task_id: str = "t", **fields: Any) -> str:
        """A run whose first attempt failed; the next one is due in 5 s."""
        self.running(run_id, task_id, **fields)
        assert self.finish(run_id, "retrying", delay=5_000, failures=1, error=ERROR)[0] == "OK"
        return run_id

    def finished(
        self, run_id: str = "r", task_id: str = "t", status: str = "succeeded", **fields: Any
    ) -> str:
        """A run that has ended."""
        self.running(run_id, task_id, **fields)
        assert self.finish(run_id, status)[0] == "OK"
        return run_id

    def many_queued(self, runs: list[str], task_id: str = "t") -> None:
        """Thousands of queued runs."""
        for first in range(0, len(runs), 500):
            chunk = [new_run(run_id) for run_id in runs[first : first + 500]]
            self.call("trigger", id=task_id, type="echo", runs=chunk)

    def many_running(self, runs: list[str], task_id: str = "t") -> None:
        """Thousands of running runs, under the lease `token` for 10 s; seeded by hand, as calls
        of `start` would take most of the test's time."""
        self.many_queued(runs, task_id)
        keys = self.store.keys
        with self.client.pipeline(transaction=False) as pipe:
            pipe.zadd(keys.leases(), dict.fromkeys(runs, NOW + 10_000))
            pipe.rename(keys.runs_by("status", "queued"), keys.runs_by("status", "running"))
            for run_id in runs:
                pipe.hset(
                    keys.run(run_id),
                    mapping={"status": "running", "token": "token", "started": NOW},
                )
            pipe.execute()

    def start(self, run_id: str = "r", *, now: int = NOW, **arguments: Any) -> Any:
        defaults = {
            "attempt": 1,
            "token": "token",
            "worker": "w@host",
            "lease": 10_000,
            "keep": KEEP,
        }
        return self.call("start", now=now, id=run_id, **{**defaults, **arguments})

    def finish(
        self, run_id: str = "r", status: str = "succeeded", *, now: int = NOW, **arguments: Any
    ) -> Any:
        defaults = {
            "token": "token",
            "outcome": {"retrying": "retried", "queued": "handed_back"}.get(status, status),
            "delay": 0,
            "failures": 0,
            "lost": 0,
            "keep": KEEP,
        }
        return self.call("finish", now=now, id=run_id, status=status, **{**defaults, **arguments})

    def pause(self, scope: str = "all", note: str = "", who: str = "ci", *, now: int = NOW) -> Any:
        """Everything, a queue or a type is paused."""
        return self.call(
            "set_pause", now=now, scope=scope, pause=True, who=who, note=note, most=200
        )

    def resume(self, scope: str = "all", *, now: int = NOW) -> Any:
        """That pause ends; what it holds is released by `release`."""
        return self.call("set_pause", now=now, scope=scope, pause=False, who="", note="", most=200)

    def held_task(self, task_id: str = "t", task: Task = HOURLY, scope: str = "all") -> str:
        """A task whose occurrence of a minute from now is due and held by a pause."""
        self.task(task_id, task)
        self.pause(scope)
        due = NOW + 60_000
        entry = {
            "member": f"t:{task_id}",
            "due": due,
            "rev": "1",
            "type": task.type,
            "queue": task.queue,
            "next": due + 60_000,
            "runs": [new_run(f"never-{task_id}")],
        }
        assert self.call("commit", now=due, entries=[entry]) == 1
        return task_id

    def held_run(
        self, run_id: str = "r", task_id: str = "t", scope: str = "all", **fields: Any
    ) -> str:
        """A queued run whose message reached a worker while a pause was on."""
        self.queued(run_id, task_id, **fields)
        self.pause(scope)
        assert self.start(run_id) == ["PAUSED", scope]
        return run_id

    # Looking

    def state(self) -> State:
        """Everything in the database: key -> value, by its type."""
        return state_of(self.store)

    def changes(self, before: State) -> State:
        """All that is different now: key -> its new value; None: it is gone.

        Of a hash or a sorted set the fields that changed, of a stream the entries that are new.
        """
        now = self.state()
        found: State = dict.fromkeys(before.keys() - now.keys())
        for key, value in now.items():
            if key not in before:
                found[key] = value
            elif value != before[key]:
                found[key] = _difference(before[key], value)
        return dict(sorted(found.items()))

    def events(self) -> list[str]:
        """The stream as `event task/run status` lines, oldest first."""
        return self.state()["events"]


def state_of(store: Store) -> State:
    """Everything in the database of a store: key -> value, by its type."""
    client: Any = store.client
    keys = sorted(client.keys("*"))
    with client.pipeline() as pipe:
        for key in keys:
            pipe.type(key)
        found = zip(keys, pipe.execute(), strict=True)
        # a key that has expired since is of no type
        kinds = [(key, kind) for key, kind in found if kind in _READ]
        for key, kind in kinds:
            _READ[kind](pipe, key)
        values = pipe.execute()
    return {
        key.removeprefix(store.keys.prefix): _SHOWN.get(kind, lambda value: value)(value)
        for (key, kind), value in zip(kinds, values, strict=True)
    }


_READ = {
    "hash": lambda pipe, key: pipe.hgetall(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
    "set": lambda pipe, key: pipe.smembers(key),
    "stream": lambda pipe, key: pipe.xrange(key),
    "string": lambda pipe, key: pipe.get(key),
}
_SHOWN = {
    "hash": lambda fields: dict(sorted(fields.items())),
    "zset": lambda members: {name: int(score) for name, score in members},
    "stream": lambda entries: [_event(fields) for _, fields in entries],
}


def _event(fields: Mapping[str, str]) -> str:
    run = f"/{fields['run']}" if fields["run"] else ""
    return f"{fields['event']} {fields['task']}{run} {fields['status']}"


def _difference(old: Any, new: Any) -> Any:
    if isinstance(new, dict):
        gone = dict.fromkeys(old.keys() - new.keys())
        return {**gone, **{field: v for field, v in new.items() if old.get(field) != v}}
    if isinstance(new, list) and new[: len(old)] == old:
        return new[len(old) :]
    return new
