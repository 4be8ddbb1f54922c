"""Every key in Redis: a function, its type, what is in it, when it dies.

All carry one prefix with a hash tag, so that one installation is one slot of a cluster; a second
prefix is a second installation. `store/lua/lib/keys.lua` has the same names for the scripts, and
a test compares the two. Index sets hold members of score 0 that sort by time: tasks as
`<created_at, 13 digits>~<id>`, runs as their id (UUIDv7).
"""

from __future__ import annotations


class Keys:
    """The keys of one installation.

    Args:
        prefix: put before every name, hash tag included, such as `{dispatch}:`.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def task(self, task_id: str) -> str:
        """hash: definition (`def`, JSON), `rev`, `status`, `next`, `created`, `occ`, `n:*`, ...

        Lives until the task is purged.
        """
        return f"{self.prefix}task:{task_id}"

    def run(self, run_id: str) -> str:
        """hash: the run, its definition, its attempts (`a:<number>`, JSON; `a:<number>:back`: the
        last time that it was handed back).

        Lives until its task has `keep_runs` younger finished runs, or is purged. A dead letter
        (`died`) is not among those, until it is replayed or dropped.
        """
        return f"{self.prefix}run:{run_id}"

    def log(self, run_id: str) -> str:
        """list: lines that the run's function wrote, capped; dies with the run."""
        return f"{self.prefix}log:{run_id}"

    def agenda(self) -> str:
        """zset: what is due -> moment, ms.

        `t:<task id>`: an occurrence. `c:<calendar>`, `z:` (the rules): it has changed.
        `b:<backfill>`: it goes on. `h:<scope>`: its pause has ended. Of a run, by its id: `r:` its
        next message, `x:` it is too late to start, `k:` it was asked to end and has not.
        """
        return f"{self.prefix}agenda"

    def leases(self) -> str:
        """zset: id of a running run -> moment at which its lease lapses, ms."""
        return f"{self.prefix}leases"

    def tasks(self) -> str:
        """zset of score 0: every task, by time of creation."""
        return f"{self.prefix}tasks"

    def tasks_by(self, kind: str, value: str) -> str:
        """zset of score 0: tasks of one `status`, `type`, `queue`, `tag` or `calendar`; gone when
        empty."""
        return f"{self.prefix}tasks:{kind}:{value}"

    def runs(self) -> str:
        """zset of score 0: every run, by time of creation."""
        return f"{self.prefix}runs"

    def runs_by(self, kind: str, value: str) -> str:
        """zset of score 0: runs of one `status`, `type`, `task` or `backfill`; gone when empty."""
        return f"{self.prefix}runs:{kind}:{value}"

    def done(self, task_id: str) -> str:
        """list: finished runs of a task but dead letters, newest first; what retention counts."""
        return f"{self.prefix}done:{task_id}"

    def dead(self) -> str:
        """zset of score 0: dead letters, `<moment of its death, 13 digits>~<run id>`; bounded in
        number and age."""
        return f"{self.prefix}dead"

    def dead_by(self, kind: str, value: str) -> str:
        """zset of score 0: dead letters of one `type` or `task`; gone when empty."""
        return f"{self.prefix}dead:{kind}:{value}"

    def replays(self) -> str:
        """string: moment, ms, at which the last run of a replay with a rate is sent; dies then."""
        return f"{self.prefix}replays"

    def backfill(self, backfill_id: str) -> str:
        """hash: a backfill: its window, its overlap policy, how far it is.

        Lives until its task has 100 younger ones, or is purged.
        """
        return f"{self.prefix}backfill:{backfill_id}"

    def backfills(self) -> str:
        """zset of score 0: every backfill, by time of creation."""
        return f"{self.prefix}backfills"

    def backfills_by(self, kind: str, value: str) -> str:
        """zset of score 0: backfills of one `task`; gone when empty."""
        return f"{self.prefix}backfills:{kind}:{value}"

    def skips(self, task_id: str) -> str:
        """list: records of skipped occurrences of a task, newest first, capped at 100."""
        return f"{self.prefix}skips:{task_id}"

    def open(self, task_id: str) -> str:
        """set: queued, running and retrying runs of a task that has had an overlap policy (`books`
        in its record)."""
        return f"{self.prefix}open:{task_id}"

    def waiting(self, task_id: str) -> str:
        """zset: run that waits for the open ones -> how many were made before it."""
        return f"{self.prefix}waiting:{task_id}"

    def paused(self) -> str:
        """hash: scope of a pause (`all`, `queue:<name>`, `type:<name>`) -> who, when and why
        (JSON)."""
        return f"{self.prefix}paused"

    def held(self, scope: str) -> str:
        """zset: `t:` and `r:` members of the agenda that a pause of this scope holds -> the moment
        that they have; `held` in their record says which scope. Gone when all is released."""
        return f"{self.prefix}held:{scope}"

    def idempotency(self, key: str) -> str:
        """hash: fingerprint of a request, and the task, run or backfill it made; dies in 24 h."""
        return f"{self.prefix}idem:{key}"

    def types(self) -> str:
        """hash: name of a type -> what its workers announced of it (JSON)."""
        return f"{self.prefix}types"

    def types_seen(self) -> str:
        """zset: name of a type -> moment at which a worker announced it last."""
        return f"{self.prefix}types:seen"

    def calendars(self) -> str:
        """hash: name of a calendar -> its revision, the moment of its last change, and it (JSON).

        Fields live until they are dropped.
        """
        return f"{self.prefix}calendars"

    def calendars_rev(self) -> str:
        """string: how often calendars were changed; also the last one's revision."""
        return f"{self.prefix}calendars:rev"

    def calendars_since(self) -> str:
        """string: moment, ms, from which that is counted."""
        return f"{self.prefix}calendars:since"

    def beats(self, kind: str) -> str:
        """zset: name of a live `worker` or `scheduler` -> moment until which it counts as alive."""
        return f"{self.prefix}beats:{kind}"

    def beats_info(self, kind: str) -> str:
        """hash: name of a `worker` or `scheduler` -> what it says of itself (JSON)."""
        return f"{self.prefix}beats:{kind}:info"

    def stats(self, minute: int) -> str:
        """hash: `<type>|<status>` -> count, and `<type>|<bucket>` -> count of durations.

        One a minute (minutes since 1970); dies after three hours.
        """
        return f"{self.prefix}stats:{minute}"

    def events(self) -> str:
        """stream: one entry a change of state, capped at about 10,000."""
        return f"{self.prefix}events"

    def wake(self) -> str:
        """pub/sub channel: something is due earlier than all that was known."""
        return f"{self.prefix}wake"

    def replans(self) -> str:
        """hash: `c:` or `z:` member of the agenda -> task up to which tasks are planned anew."""
        return f"{self.prefix}replans"

    def rules(self) -> str:
        """string: by which zone data and program a scheduler planned last."""
        return f"{self.prefix}rules"

    def static(self) -> str:
        """set: ids of the tasks that come from the app's `beat_schedule`."""
        return f"{self.prefix}static"

    def confirmed(self) -> str:
        """string: written behind what replicas are to confirm, whether that wrote or not."""
        return f"{self.prefix}confirmed"

    def audit(self) -> str:
        """hash: of each walk of the auditor `cursor:<walk>`, when it goes on (`due:`) and came to
        its end last (`finished:`), ms; `found:<kind>` -> how much of a kind was out of step so far.
        """
        return f"{self.prefix}audit"

    def schema(self) -> str:
        """string: version of the layout described here."""
        return f"{self.prefix}schema"
