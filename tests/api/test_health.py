"""Whether the process is alive, and whether tasks would be run: in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from tests.api.calls import problem

NO_BEAT = "No beat seen: start one with `celery -A dispatch_app beat`."
NO_WORKER = "No worker seen: start one with `celery -A dispatch_app worker`."


def wrong(client: FlaskClient) -> list[str]:
    """What keeps tasks from being run, as /readyz says it."""
    answer = client.get("/readyz")
    detail = problem(answer, 503, "not-ready")
    assert int(answer.headers["Retry-After"]) >= 1
    assert detail == " ".join(answer.json["problems"])[:500]
    return answer.json["problems"]


@pytest.fixture
def alive(dispatch: Dispatch, client: FlaskClient) -> Callable[[str], None]:
    """Lets a scheduler or worker say that it lives."""

    def say(kind: str) -> None:
        dispatch.store.workers.beat(kind, f"{kind}@host", {}, ttl=60_000)

    return say


def test_an_installation_is_ready_with_a_beat_and_a_worker(client, alive) -> None:
    assert wrong(client) == [NO_BEAT, NO_WORKER]
    alive("worker")
    assert wrong(client) == [NO_BEAT]
    alive("scheduler")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.content_type == "application/json"


def test_one_in_which_everything_is_paused_is_ready_and_says_so(client, alive) -> None:
    alive("worker")
    alive("scheduler")
    client.post("/api/v1/pause", json={"note": "the night"})
    answer = client.get("/readyz")
    notes = ["Everything is paused by somebody on this machine: the night."]
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "notes": notes})
    client.post("/api/v1/resume")
    assert client.get("/readyz").json == {"status": "ok"}


def test_one_that_stops_is_missed(client, alive, dispatch: Dispatch) -> None:
    alive("worker")
    alive("scheduler")
    dispatch.store.workers.leave("worker", "worker@host")
    assert wrong(client) == [NO_WORKER]


def test_real_processes_are_seen_and_missed(installation, api) -> None:
    client = api(REDIS_URL=installation.server.url)
    beat = installation.beat()
    installation.worker()
    installation.until(lambda: client.get("/readyz").status_code == 200, "all to be well")
    beat.kill()
    # no goodbye: it is missed when its last heartbeat is too old
    installation.until(lambda: client.get("/readyz").status_code == 503, "the beat to be missed")
    assert wrong(client) == [NO_BEAT]


def test_a_server_that_is_away_is_the_only_trouble_told(new_redis, api) -> None:
    server = new_redis()
    client = api(REDIS_URL=server.url)
    server.kill()
    (text,) = wrong(client)
    assert text.startswith("Redis does not answer: ")
    server.start()
    assert wrong(client) == [NO_BEAT, NO_WORKER]


def test_a_server_that_may_drop_keys_is_told_with_the_setting(new_redis, api) -> None:
    client = api(REDIS_URL=new_redis("--maxmemory-policy", "allkeys-lru").url)
    assert wrong(client)[0] == (
        "Redis may throw tasks away (maxmemory-policy allkeys-lru): set it to noeviction."
    )


def test_a_replica_is_told_with_its_primary(new_redis, api) -> None:
    primary = new_redis()
    client = api(REDIS_URL=new_redis("--replicaof", "127.0.0.1", str(primary.port)).url)
    expected = f"connect to its primary, 127.0.0.1:{primary.port}."
    assert [text for text in wrong(client) if text.endswith(expected)]


def test_being_alive_needs_no_server(new_redis, api) -> None:
    server = new_redis()
    client = api(REDIS_URL=server.url, DISPATCH_API_KEYS="ci:s3cret")
    server.kill()
    for address in ("127.0.0.1", "8.8.8.8"):
        answer = client.get("/healthz", environ_base={"REMOTE_ADDR": address})
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert client.get("/readyz").status_code == 401


def test_metrics_are_in_prometheus_format(client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    assert "\ndispatch_dead_letters 0.0\n" in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_never_cached_and_takes_no_arguments(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Cache-Control"] == "no-store"
    answer = client.get(f"{path}?verbose=1")
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["verbose"])
