"""Row 27: a write whose reply is lost is done once, whoever asks again; the counters are exact."""

from __future__ import annotations

import hashlib

import pytest

from dispatch_api import create_app
from dispatch_app.domain.schedule import Cron, Interval
from dispatch_app.domain.task import Misfire
from dispatch_app.store.scripts import source
from tests.api.calls import finish, start
from tests.end_to_end.test_redis_in_trouble import APP, Ledger
from tests.proxy import Proxy

RUNS = 16


@pytest.fixture
def proxy(redis_server):
    proxy = Proxy(redis_server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def installation(redis_server, redis_url, proxy, ledger, new_installation):
    return new_installation(redis_server, REDIS_URL=proxy.url, LEDGER=str(ledger.path))


def sha_of(script: str) -> str:
    """By which a script is called once the server knows it."""
    return hashlib.sha1(source(script).encode()).hexdigest()


def test_a_task_is_stored_once_whose_client_asks_again(installation, proxy):
    # the scripts are known to the server
    installation.create("enter", payload={"label": "first"})
    with create_app(installation.dispatch).test_client() as http:
        call = {"json": {"type": "enter"}, "headers": {"Idempotency-Key": "once"}}
        proxy.lose(sha_of("create"))
        assert http.post("/api/v1/tasks", **call).status_code == 503
        assert proxy.lost == 1
        made = http.post("/api/v1/tasks", **call)
        assert made.status_code == 201
        assert len(http.get("/api/v1/tasks").json["items"]) == 2
        assert len(http.get(f"/api/v1/tasks/{made.json['id']}/runs").json["items"]) == 1


#: What a client asks for -> the script that does it, and how many runs it makes.
MADE = {
    "tasks/{task}/trigger": ("trigger", 1),
    "runs/{run}/retry": ("trigger", 1),
    "dead-letters/{run}/replay": ("replay", 1),
    "tasks/{task}/backfill": ("start_backfill", 2),
}


@pytest.mark.parametrize("path", MADE)
def test_a_run_is_made_once_whose_client_asks_again_with_its_key(
    installation, proxy, ledger, path: str
):
    script, number = MADE[path]
    yearly = Cron(cron="@yearly")
    task_id = installation.create("enter", payload={"label": "it"}, schedule=yearly)
    with create_app(installation.dispatch).test_client() as http:
        failed = http.post(f"/api/v1/tasks/{task_id}/trigger").json["id"]
        start(installation.dispatch, failed)
        finish(installation.dispatch, failed, "failed")
        window = {"start": "2023-01-01T00:00:00Z", "end": "2024-01-01T00:00:00Z"}
        body = window if script == "start_backfill" else {}
        call = {"json": body, "headers": {"Idempotency-Key": "once"}}
        # as the server would know it from an earlier call
        installation.store.client.script_load(source(script))
        proxy.lose(sha_of(script))
        url = f"/api/v1/{path.format(task=task_id, run=failed)}"
        assert http.post(url, **call).status_code == 503
        assert proxy.lost == 1
        made = http.post(url, **call)
        assert (made.status_code, made.headers["Idempotent-Replayed"]) == (201, "true")
    installation.beat(app=APP)
    installation.worker(app=APP)
    installation.until(
        lambda: (
            {run.status for run in installation.runs_of(task_id)} == {"failed", "succeeded"}
            and ledger.count("end")["it"] >= number
        ),
        "all runs to have ended",
    )
    assert len(installation.runs_of(task_id)) == 1 + number
    assert ledger.count("begin")["it"] == number


def test_what_workers_and_beat_do_is_done_once(installation, proxy, ledger):
    installation.worker("-c", "2", app=APP)
    installation.beat(app=APP)
    every = installation.create(
        "enter",
        payload={"label": "tick", "seconds": 0.6},
        schedule=Interval(every=500, max_runs=RUNS),
        misfire=Misfire(policy="run_all"),
    )
    installation.until(lambda: ledger.count("end")["tick"], "the first run")
    for number, script in enumerate(("start", "finish", "commit", "renew", "due"), 1):
        proxy.lose(sha_of(script))
        installation.until(lambda number=number: proxy.lost == number, f"{script} to have no reply")
    installation.until(
        lambda: installation.store.tasks.get(every).counts.get("succeeded") == RUNS, "all runs", 60
    )
    runs = installation.runs_of(every)
    assert [(run.status, len(run.attempts)) for run in runs] == [("succeeded", 1)] * RUNS
    assert ledger.count("begin")["tick"] == ledger.count("end")["tick"] == RUNS
    counts = installation.store.tasks.get(every).counts
    assert {name: n for name, n in counts.items() if n} == {"runs": RUNS, "succeeded": RUNS}
