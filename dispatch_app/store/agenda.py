"""What is due, and its compare-and-advance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from redis import ResponseError

from dispatch_app.domain.run import Failure
from dispatch_app.store.codec import to_json
from dispatch_app.store.retention import Letters
from dispatch_app.store.scripts import Scripts
from dispatch_app.store.tasks import NewRun

#: Most entries of one script call: it bounds the time for which the server does nothing else.
BATCH = 500
#: ms for which a plan may be committed: what comes of an occurrence that is later than that is for
#: its misfire policy to say anew.
PLAN_LIVES = 60_000


class DueTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task whose occurrence is due. `definition` is the text of its record; `fault` says what
    else of the record cannot be used."""

    id: str
    member: str
    due: int
    definition: str | None
    revision: str | None
    #: the occurrence that it is due for: with jitter that is earlier than `due`
    occurrence: int
    #: occurrences of each schedule that are dispatched
    done: tuple[int, ...]
    fault: str | None = None


class DueRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose next message is due. `attempt` is the one that ended last, or the one that is
    still queued where its message was postponed; `fault` as in a `DueTask`."""

    id: str
    member: str
    due: int
    definition: str | None
    attempt: int
    failures: int
    status: str
    #: messages that were sent again so far
    copies: int = 0
    fault: str | None = None


class DueMember(msgspec.Struct, frozen=True, kw_only=True):
    """Something else that is due; the two characters with which a member begins say what."""

    member: str
    due: int


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the agenda showed."""

    #: the server's clock, ms
    now: int
    #: the next moment at which something will be due
    next: int | None
    tasks: list[DueTask]
    runs: list[DueRun]
    others: list[DueMember] = []


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a task stands after an occurrence: when it is due next (None: never), for which
    occurrence if that is another moment, and counts of dispatched occurrences, as text, if they
    have changed."""

    next: int | None = None
    occurrence: int | None = None
    done: str | None = None


class NewSkip(msgspec.Struct, frozen=True, kw_only=True):
    """Occurrences that do not run; `id` is that of their record, if there is none to add to."""

    id: str
    first: int
    last: int
    count: int
    reason: str


class Advance(Step, frozen=True, kw_only=True, omit_defaults=True):
    """A task's step from the occurrence that was read to the next."""

    member: str
    due: int
    rev: str
    type: str
    #: name of its queue; this and the type say whether a pause stands in its way
    queue: str
    runs: list[NewRun]
    skip: NewSkip | None = None
    #: where it stands if the overlap policy lets the run not be
    if_skipped: Step | None = None
    #: why it cannot be planned: it is paused with this note
    park: str | None = None


#: Number of an attempt that no run can make: its member leaves the agenda, and nothing is sent.
NO_ATTEMPT = 0


class NextAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A run's step from waiting for its next attempt to being queued for it."""

    member: str
    due: int
    queue: str
    message: str
    attempt: int


class Lapsed(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose lease ran out; `fault` as in a `DueTask`."""

    id: str
    lease: float
    definition: str | None
    attempt: int
    failures: int
    lost: int
    #: ms since it was queued for its first attempt
    age: int
    fault: str | None = None


class Reaped(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a run whose lease ran out: its next attempt with this message at once, or in
    `delay` ms; with neither it has failed."""

    id: str
    lease: float
    error: Failure
    queue: str | None = None
    message: str | None = None
    delay: int | None = None
    #: why it has failed
    reason: str | None = None


class Agenda:
    """The sorted set of what is due when."""

    def __init__(self, scripts: Scripts, keep: int, letters: Letters) -> None:
        self._scripts, self._keep, self._letters = scripts, keep, letters

    def due(self, now: int | None = None, part: int = 0) -> Due:
        """At most BATCH members that are due by now (the server's clock, unless given).

        Args:
            part: which batch of them, from 0; where there are fewer, one of those.
        """
        asked = {"limit": BATCH, "part": part, "now": now}
        moment, after, *entries = self._scripts.call("due", asked)
        tasks, runs, others = [], [], []
        for member, due, definition, *rest in entries:
            if member.startswith("t:"):
                done, fault = _counters(rest[1])
                tasks.append(
                    DueTask(
                        id=member[2:],
                        member=member,
                        due=int(due),
                        definition=definition,
                        revision=rest[0],
                        occurrence=int(rest[3] or due),
                        done=done,
                        fault=fault,
                    )
                )
            elif not member.startswith("r:"):
                others.append(DueMember(member=member, due=int(due)))
            else:
                counters = map(_counter, (rest[0], rest[1], rest[3]))
                (attempt, failures, copies), faults = zip(*counters, strict=True)
                runs.append(
                    DueRun(
                        id=member[2:],
                        member=member,
                        due=int(due),
                        definition=definition,
                        attempt=attempt,
                        failures=failures,
                        status=rest[2] or "",
                        copies=copies,
                        fault=next(filter(None, faults), None),
                    )
                )
        return Due(
            now=int(moment),
            next=int(after) if after else None,
            tasks=tasks,
            runs=runs,
            others=others,
        )

    def commit(
        self,
        entries: Sequence[Advance | NextAttempt],
        read: int | None = None,
        now: int | None = None,
    ) -> int:
        """Carry out those steps whose starting point is still what was read.

        Args:
            entries: at most BATCH.
            read: when that was, by the server's clock; after PLAN_LIVES nothing is carried out.

        Returns:
            How many were; for the others somebody was faster.
        """
        return int(self._scripts.call("commit", _plan(entries, read, now)))

    def commit_each(
        self, pieces: Iterable[Sequence[Advance | NextAttempt]], read: int
    ) -> list[int | ResponseError]:
        """As `commit`, piece by piece: one is carried out while the next is made.

        Returns:
            For each piece how many of its steps were carried out, or what the script stumbled over:
            then none of the later ones in its piece were.
        """
        return self._scripts.call_each("commit", (_plan(piece, read) for piece in pieces))

    def put_off(self, member: DueMember, until: int) -> bool:
        """Let a member be due later; False: somebody was faster."""
        asked = {**msgspec.structs.asdict(member), "until": until}
        return bool(self._scripts.call("put_off", asked))

    def lapsed(self, longest: int | None = None) -> list[Lapsed]:
        """At most BATCH runs whose lease has run out, or lasts longer than `longest` ms."""
        lapsed = []
        asked = {"limit": BATCH, "longest": longest}
        for run_id, lease, definition, *counters in self._scripts.call("lapsed", asked):
            (attempt, failures, lost, age), faults = zip(*map(_counter, counters), strict=True)
            lapsed.append(
                Lapsed(
                    id=run_id,
                    lease=float(lease),
                    definition=definition,
                    attempt=attempt,
                    failures=failures,
                    lost=lost,
                    age=age,
                    fault=next(filter(None, faults), None),
                )
            )
        return lapsed

    def overdue(self, members: Sequence[DueMember]) -> int:
        """End runs that are too late to start, and such as were asked to end and have not.

        Args:
            members: at most BATCH.

        Returns:
            How many were.
        """
        return int(self._scripts.call("overdue", {"entries": members, "keep": self._keep}))

    def reap(self, entries: Sequence[Reaped]) -> int:
        """Give lapsed runs their next attempt, or end them; returns how many were still lapsed."""
        reaped = [{**msgspec.structs.asdict(e), "error": to_json(e.error)} for e in entries]
        bounds = {"keep": self._keep, "letters": self._letters}
        return int(self._scripts.call("reap", {"entries": reaped, **bounds}))


def _plan(
    entries: Sequence[Advance | NextAttempt], read: int | None, now: int | None = None
) -> dict[str, Any]:
    until = None if read is None else read + PLAN_LIVES
    return {"entries": entries, "until": until, "now": now}


def _counters(text: str | None) -> tuple[tuple[int, ...], str | None]:
    """Counters of a record, such as "3,0", and what is wrong with them."""
    try:
        return tuple(int(part) for part in (text or "0").split(",")), None
    except ValueError:
        return (0,), f"One of its counters is {text!r:.80}."


def _counter(text: str | None) -> tuple[int, str | None]:
    """A counter of a record, and what is wrong with it."""
    try:
        return int(text or 0), None
    except ValueError:
        return 0, f"One of its counters is {text!r:.80}."
