"""Rows 49 and 50: the host's zone changes nothing, nor does a host without zone data."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dispatch_api import create_app
from dispatch_app.domain.schedule import Cron, Once
from tests.domain.moments import ms
from tests.processes import ROOT

#: What the host says of its own zone, and of all others.
HOSTS = ["UTC", "Asia/Kathmandu", "America/New_York"]

# An API and the entries of a beat_schedule, told moments and zones in every way that there is.
_PROGRAM = """
import json, os
from celery import Celery
from celery.schedules import crontab
from dispatch_api import create_app
from dispatch_app import Dispatch
from dispatch_app.config import load
from dispatch_app.scheduler import static
from dispatch_app.scheduler.dispatching import advance

app = Celery("zones", set_as_current=False)
dispatch = Dispatch(app, load(environ=dict(os.environ)), default_queue="default")
app.conf.timezone = "Europe/Paris"
nine = crontab(minute=0, hour=9, day_of_month=1, month_of_year=1)
app.conf.beat_schedule = {"new year": {"task": "add", "schedule": nine}}
api = create_app(dispatch).test_client()
found = []
def ask(method, path, body=None):
    answer = api.open("/api/v1" + path, method=method, json=body)
    said = answer.json
    for field in ("created_at", "updated_at"):
        said.pop(field, None)
    found.append([answer.status_code, said])

schedules = {
    "moment": {"type": "one-time", "start_time": "2099-07-01T12:00:00+05:45"},
    "wall": {"type": "one-time", "start_time": "2099-07-01T12:00:00", "timezone": "Asia/Tokyo"},
    "cron": {"type": "cron", "cron": "30 2 1 1 *", "timezone": "America/New_York"},
    "plain": {"type": "cron", "cron": "30 2 1 1 *"},
    "every": {"type": "interval", "every": 3600, "start_time": "2099-03-29T00:30:00Z"},
    "lost": {"type": "cron", "cron": "0 0 * * *", "timezone": "Mars/Olympus"},
}
for name, schedule in schedules.items():
    ask("PUT", f"/tasks/{name}", {"type": "echo", "schedule": schedule})
    ask("POST", "/schedules/preview", {"schedule": schedule, "after": "2099-03-08T00:00:00-05:00"})
static.sync(app)
ask("GET", "/tasks/beat:zones:new-year")
ask("GET", "/tasks?created_after=2020-01-01T00:00:00Z&status=paused")
later = dispatch.store.agenda.due(4_100_000_000_000)
found.append(sorted([task.member, task.due] for task in later.tasks))
print(json.dumps(found))
"""


def answers(installation, **environ: str) -> list[object]:
    """What the program above says on a host with these settings, on an empty server."""
    with installation.server.client() as client:
        client.flushall()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT), **installation.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_hosts_zone_changes_no_answer_and_no_moment(installation):
    here, *others = (answers(installation, TZ=zone) for zone in HOSTS)
    assert [status for status, _ in here[:-1]].count(422) == 4  # no offset; no such zone
    assert len(here[-1]) == 5
    assert others == [here, here]


def test_the_wall_clock_is_that_of_the_schedule(installation):
    said = dict(answers(installation, TZ="Asia/Kathmandu")[-1])
    assert said["t:moment"] == ms("2099-07-01T06:15:00+00:00")
    assert said["t:every"] == ms("2099-03-29T00:30:00+00:00")


@pytest.mark.parametrize("zone", HOSTS[1:])
def test_processes_in_another_zone_run_what_is_due_when_it_is_due(installation, zone):
    installation.beat(wait=False, TZ=zone)
    installation.worker(TZ=zone)
    runs_in_time(installation)


def test_processes_on_a_host_without_zone_data(installation):
    # kombu needs the zone UTC by its name: the package tzdata, on which we depend, has it
    installation.beat(wait=False, PYTHONTZPATH="", TZ="")
    installation.worker(PYTHONTZPATH="", TZ="")
    runs_in_time(installation)


def runs_in_time(installation) -> None:
    """A moment in a zone of its own, and a retry, in their time and not hours from it."""
    due = installation.store.now() + 1_500
    yearly = installation.create("failing", schedule=Cron(cron="0 0 1 1 *", timezone="Asia/Tokyo"))
    once = Once(start_time=due, timezone="Australia/Lord_Howe")
    run = installation.finished(installation.create("add", payload={"x": 1}, schedule=once))
    assert (run.status, run.scheduled_for) == ("succeeded", due)
    assert 0 <= run.queued_at - due < 1_000
    first, second = installation.run("counting_down", payload={"countdown": 0.3}).attempts
    assert 300 <= second.started_at - first.finished_at < 2_000
    assert installation.status_of(yearly) == "scheduled"


def test_a_zone_that_is_not_known_is_refused_and_one_that_is_gone_stops_no_other(installation):
    api = create_app(installation.dispatch).test_client()
    schedule = {"type": "cron", "cron": "0 0 * * *", "timezone": "Europe/Berln"}
    answer = api.post("/api/v1/tasks", json={"type": "add", "schedule": schedule})
    assert answer.status_code == 422
    assert "did you mean Europe/Berlin" in answer.json["errors"]["schedule.timezone"][0]
    nightly = Cron(cron="0 0 * * *", timezone="Europe/Berlin")
    gone, kept = (installation.create("add", payload={"x": 1}, schedule=nightly) for _ in range(2))
    with installation.server.client() as client:
        keys = installation.store.keys
        definition = client.hget(keys.task(gone), "def")
        client.hset(keys.task(gone), "def", definition.replace("Europe/Berlin", "Europe/Gone"))
        client.zadd(keys.agenda(), {f"t:{task_id}": 1 for task_id in (gone, kept)})
    installation.beat()
    installation.until(lambda: installation.latest(kept))
    installation.until(lambda: installation.status_of(gone) == "paused")
    shown = api.get(f"/api/v1/tasks/{gone}")
    assert shown.status_code == 200
    assert "'Europe/Gone' is not an IANA time zone" in shown.json["notes"][0]
