"""I8: clock jumps never run an occurrence twice and never lose one. Changes of the wall clock in a
zone are the schedules' own matter (tests/domain).

The clock of Redis is the one that counts. Here it is set while a beat and a worker run, and theirs
is wrong from the beginning; and where libfaketime is not installed, the clock is what a look at the
agenda is told.
"""

from __future__ import annotations

import random
import signal
import time

import pytest

from dispatch_app.domain.schedule import Cron, Interval, Once
from dispatch_app.domain.task import Misfire
from dispatch_app.operations import tasks
from dispatch_app.scheduler.beat import DispatchScheduler
from dispatch_app.scheduler.dispatching import advance
from tests.clocks import WrongClock, library
from tests.invariants.broker import messages_of, queued_runs
from tests.servers import RedisServer

RUN_ALL = Misfire(policy="run_all")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
JUMPED = "The clock of Redis has jumped by "


# What holds whatever the clock does


def moments(installation, task_id: str) -> list[int]:
    """The occurrences of a task that became a run, in the order in which they did."""
    runs = [run for run in installation.runs_of(task_id) if run.status != "skipped"]
    return [run.scheduled_for for run in runs if run.origin == "schedule"]


def skipped(installation, task_id: str) -> int:
    """How many occurrences its records say were skipped."""
    return sum(run.count for run in installation.runs_of(task_id) if run.status == "skipped")


def check_every(installation, task_id: str, first: int, step: int) -> list[int]:
    """From the first occurrence to the one that is next, each became one run or was counted as
    skipped; returns those that ran."""
    ran = moments(installation, task_id)
    assert sorted(set(ran)) == sorted(ran), "an occurrence ran twice"
    assert all((moment - first) % step == 0 for moment in ran)
    following = installation.store.tasks.get(task_id).next_run_at
    assert len(ran) + skipped(installation, task_id) == (following - first) // step
    return ran


def left_over(installation) -> list[str]:
    """What of the broker's is not empty: queues, and messages that nobody has acknowledged."""
    with installation.server.client() as client:
        return [*client.keys("default*"), *client.keys("unacked*")]


# Without libfaketime: any walk of the clock


def jumps(dice: random.Random, steps: int):
    """ms by which the clock goes on from look to look, or back."""
    for _ in range(steps):
        jump = dice.choice([HOUR, DAY, 2, 0.5])
        yield dice.choice([200, 900, 1_010, 2_500, 61_000])
        if dice.random() < 0.5:
            yield int(dice.choice([jump, -jump]) * 1_000)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_clock_does_each_occurrence_runs_once_or_is_counted(installation, seed):
    dice = random.Random(seed)
    now = begin = installation.store.now()
    intervals = {
        installation.create("add", schedule=Interval(every=1_000, start_time=begin + 500)): 1_000,
        installation.create(
            "add", schedule=Interval(every=1_800_000, start_time=begin + 500), misfire=RUN_ALL
        ): 1_800_000,
        installation.create("add", schedule=Cron(cron="* * * * *")): 60_000,
    }
    first = {each: installation.store.tasks.get(each).next_run_at for each in intervals}
    once = {
        installation.create("add", schedule=Once(start_time=begin + after)): begin + after
        for after in (1_000, 90_000, HOUR * 1_000, DAY * 1_000)
    }
    latest = now
    for jump in jumps(dice, 40):
        now += jump
        latest = max(latest, now)
        while advance(installation.dispatch, installation.store.agenda.due(now)):
            pass
    for task_id, step in intervals.items():
        check_every(installation, task_id, first[task_id], step)
        # all that has come due by any clock, and nothing else
        following = installation.store.tasks.get(task_id).next_run_at
        assert latest < following <= latest + step
    for task_id, moment in once.items():
        assert moments(installation, task_id) == [moment] * (moment <= latest)
    assert messages_of(installation) == queued_runs(installation)


@pytest.mark.parametrize("first", [0, 1])
def test_two_that_read_by_different_clocks_dispatch_it_once(installation, first):
    """One has read before the jump, the other after it."""
    now = installation.store.now()
    task_id = installation.create("add", schedule=Interval(every=1_000, start_time=now + 500))
    read = [installation.store.agenda.due(now + after) for after in (600, HOUR * 1_000)]
    assert advance(installation.dispatch, read[first]) == 1
    assert advance(installation.dispatch, read[1 - first]) == 0
    assert len(moments(installation, task_id)) == 1
    check_every(installation, task_id, now + 500, 1_000)


# With it: real processes


def by_hand(value: float):
    """One more value that is worth a try, but not in each run of all tests."""
    return pytest.param(value, marks=pytest.mark.soak)


@pytest.fixture
def clock(tmp_path):
    """The clock of a test's own Redis or of its processes: right, until the test sets it."""
    if library() is None:
        pytest.skip("libfaketime is not installed (Debian: apt-get install faketime)")
    yield WrongClock(tmp_path)
    WrongClock.sweep()


@pytest.fixture
def jumpy(clock, tmp_path, new_installation):
    """An installation whose server goes by `clock`, and keeps its data over a restart."""
    folder = tmp_path / "jumpy"
    folder.mkdir()
    server = RedisServer(folder, "--appendonly", "yes", environ=clock.environ)
    yield new_installation(server)
    server.stop()


class Life:
    """A beat, a worker, and tasks of each kind, whose functions note that they were called."""

    def __init__(
        self, installation, misfire: Misfire | None = None, processes: int = 2, **environ: str
    ) -> None:
        self.installation = installation
        self.beat = installation.beat(wait=False, **environ)
        self.worker = installation.worker("-c", str(processes), wait=False, **environ)
        self.worker.ready()
        now = installation.store.now()
        self.once = now + 6_000
        policy = {"misfire": misfire} if misfire else {}
        self.first = {"second": now + 1_000, "minute": (now // 60_000 + 1) * 60_000}
        schedules = {
            "second": Interval(every=1_000, start_time=self.first["second"]),
            "minute": Cron(cron="* * * * *"),
            "once": Once(start_time=self.once),
        }
        self.tasks = {
            name: installation.create(
                "marking", payload={"label": "ran", "about": name}, schedule=schedule, **policy
            )
            for name, schedule in schedules.items()
        }
        self.long = installation.create("waiting", payload={"seconds": 3, "about": "long"})

    def ran(self, name: str) -> list[int]:
        return moments(self.installation, self.tasks[name])

    def goes_on(self, runs: int = 2) -> None:
        """Wait for so many more runs of the task of each second."""
        enough = len(self.ran("second")) + runs
        self.installation.until(lambda: len(self.ran("second")) >= enough, "the next seconds")

    def works(self) -> None:
        """A new task runs at once, and one a second later."""
        assert self.installation.run("add", payload={"x": 1}).status == "succeeded"
        soon = Once(start_time=self.installation.store.now() + 1_000)
        run = self.installation.run("add", payload={"x": 1}, schedule=soon)
        assert (run.status, run.scheduled_for) == ("succeeded", soon.start_time)

    def jumps(self) -> list[float]:
        """The sizes of those that the beat has logged."""
        lines = [line for line in self.beat.logs().splitlines() if JUMPED in line]
        return [float(line.partition(JUMPED)[2].split()[0]) for line in lines]

    def check(self) -> None:
        """Stop the scheduler, wait for the end of what it has made, and account for all of it."""
        self.beat.kill("SIGTERM")
        self.beat.wait()
        self.installation.until(lambda: all(run.is_finished for run in self.runs()), "the end")
        ends = {(run.status, len(run.attempts), run.lost) for run in self.runs()}
        assert ends == {("succeeded", 1, 0)}
        for name, step in (("second", 1_000), ("minute", 60_000)):
            check_every(self.installation, self.tasks[name], self.first[name], step)
        assert self.ran("once") == [self.once]
        # and each was carried out once
        for name in self.tasks:
            assert len(self.installation.notes(name)) == len(self.ran(name))
        assert [what for (what,) in self.installation.notes("long")] == ["begins", "ends"]
        self.installation.until(lambda: not left_over(self.installation), "acknowledgements")

    def runs(self):
        """All that the tasks have come to, but what was skipped."""
        found = [self.installation.runs_of(each) for each in (*self.tasks.values(), self.long)]
        return [run for runs in found for run in runs if run.status != "skipped"]


@pytest.mark.parametrize("seconds", [-HOUR, DAY, by_hand(HOUR), by_hand(-DAY)])
def test_the_clock_of_redis_jumps_and_is_put_right(jumpy, clock, seconds):
    life = Life(jumpy)
    jumpy.reached(life.long, "running")
    life.goes_on()
    clock.set(seconds)
    jumpy.until(life.jumps, "a jump")
    life.works()
    if seconds > 0:
        # the last of what it has made late, the rest is counted; and on from there
        life.goes_on()
        assert skipped(jumpy, life.tasks["second"]) > seconds - 60
        assert jumpy.finished(life.tasks["once"]).scheduled_for == life.once
    assert jumpy.finished(life.long).attempt == 1
    clock.set(0)
    jumpy.until(lambda: len(life.jumps()) == 2, "the jump back")
    life.works()
    if seconds < 0:
        life.goes_on()
        assert skipped(jumpy, life.tasks["second"]) < 60
        jumpy.finished(life.tasks["once"])
    assert life.jumps() == pytest.approx([seconds, -seconds], abs=1)
    life.check()


def test_under_run_all_a_short_jump_loses_no_second(jumpy, clock):
    life = Life(jumpy, misfire=RUN_ALL)
    life.goes_on()
    clock.set(25)
    life.goes_on(28)
    jumpy.finished(life.tasks["once"])
    life.check()
    ran = life.ran("second")
    assert ran == [life.first["second"] + n * 1_000 for n in range(len(ran))]
    assert life.jumps() == pytest.approx([25], abs=1)


@pytest.mark.parametrize("rate", [1.01, by_hand(0.99)])
def test_a_smear_is_not_noticed(jumpy, clock, rate):
    """A leap second is smeared over a day; this is a thousand times worse."""
    clock.set(0, rate)
    life = Life(jumpy)
    life.goes_on(4)
    clock.set(0)
    jumpy.finished(life.tasks["once"])
    life.check()
    assert life.jumps() == []
    assert skipped(jumpy, life.tasks["second"]) <= 1


def test_redis_fails_over_to_a_host_two_seconds_behind(jumpy, clock):
    # it is busy: one that asks for more while the server goes away ends, in Celery 5.7's clean-up
    life = Life(jumpy, processes=1)
    jumpy.reached(life.long, "running")
    life.goes_on()
    jumpy.server.kill()
    clock.set(-2)
    jumpy.server.start()
    life.goes_on()
    life.works()
    jumpy.finished(life.tasks["once"])
    jumpy.finished(life.long)
    assert life.jumps() == pytest.approx([-2], abs=0.5)
    life.check()


def test_a_jump_takes_no_run_from_a_worker_that_lives(clock, jumpy, new_installation):
    """Its lease has lapsed by the new clock, until it has had the time to renew it."""
    own = new_installation(jumpy.server, SCHEDULER_HEARTBEAT_INTERVAL="2s")
    scheduler = DispatchScheduler(own.app, lazy=True)
    run = own.latest(own.create("add", payload={"x": 1}))
    own.store.runs.start(run.id, 1, token="t", worker="w@host", lease=60_000)
    # long enough to believe what it sees of leases
    tick_for(scheduler, 6.2)
    own.store.runs.renew([(run.id, "t")], lease=6_000)
    clock.set(DAY)
    tick_for(scheduler, 2)
    assert own.store.runs.renew([(run.id, "t")], lease=6_000) == ([], [])
    assert own.latest(run.task_id).attempt == 1
    # and one that does not renew its own is dead, as ever
    own.until(lambda: scheduler.tick() or own.latest(run.task_id).attempt == 2, "an attempt")
    scheduler.close()


def tick_for(scheduler: DispatchScheduler, seconds: float) -> None:
    """Let it look at the agenda, and sleep, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        scheduler.tick()


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_jump_hides_no_dead_worker(jumpy, clock, seconds):
    """I4: its run gets its next attempt soon, not when its lease ends by the new clock."""
    life = Life(jumpy)
    jumpy.reached(life.long, "running")
    life.worker.kill_all("SIGKILL")
    clock.set(seconds)
    run = jumpy.until(lambda: (r := jumpy.latest(life.long)).attempt == 2 and r, "an attempt")
    assert (run.status, run.lost) == ("queued", 1)


@pytest.mark.parametrize("seconds", [DAY, -DAY, by_hand(HOUR), by_hand(-HOUR)])
def test_a_host_whose_clock_is_wrong_differs_in_nothing(installation, clock, seconds):
    clock.set(seconds)
    life = Life(installation, **clock.environ)
    right = installation.beat(wait=False)
    life.goes_on(3)
    triggered = tasks.trigger(installation.dispatch, life.tasks["minute"])
    assert installation.latest(life.tasks["minute"]).id == triggered.id
    run = installation.finished(life.tasks["once"])
    assert 0 <= run.queued_at - run.scheduled_for < 2_000
    life.works()
    # what it makes sorts among what others make
    tasks.trigger(installation.dispatch, life.tasks["second"])
    life.goes_on(1)
    listed = installation.runs_of(life.tasks["second"])
    assert [run.queued_at for run in listed] == sorted(run.queued_at for run in listed)
    assert installation.latest(life.tasks["second"]).id == listed[-1].id
    assert life.jumps() == []
    right.kill("SIGTERM")
    right.wait()
    assert JUMPED not in right.logs()
    installation.finished(life.long)


@pytest.mark.parametrize("seconds", [DAY, by_hand(HOUR)])
def test_a_worker_to_whom_all_messages_look_old_starts_no_run_twice(installation, clock, seconds):
    """At its start it puts back what others have taken, as kombu goes by each host's own clock."""
    installation.worker()
    task_id = installation.create("waiting", payload={"seconds": 5, "about": "long"})
    installation.reached(task_id, "running")
    clock.set(seconds)
    ahead = installation.worker("-Q", "default", **clock.environ)
    assert installation.run("add", payload={"x": 1}).status == "succeeded"
    run = installation.finished(task_id)
    assert (run.status, run.attempt, len(run.attempts)) == ("succeeded", 1, 1)
    assert [what for (what,) in installation.notes("long")] == ["begins", "ends"]
    ahead.kill(signal.SIGTERM)
    ahead.wait()
    installation.until(lambda: not left_over(installation), "acknowledgements")
