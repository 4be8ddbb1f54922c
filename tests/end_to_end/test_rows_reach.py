"""Rows 57 and 58: cluster mode, TLS with a self-signed certificate, a user with few rights, a unix
socket: API, beat and worker reach Redis in each of these ways."""

from __future__ import annotations

import os
import subprocess

import pytest

from dispatch_api import create_app
from dispatch_app.domain.errors import StoreUnfit
from dispatch_app.domain.schedule import Interval
from dispatch_app.messages import PRIORITY_STEPS
from tests.conventions.repository import read
from tests.processes import ROOT, celery
from tests.servers import free_port, server_name
from tests.tls import CERTIFICATE, tls_in_front_of
from tests.waiting import wait_for

#: What a user of Redis has to be allowed, as the page for operators has it.
PAGE = "docs/redis-servers.md"
APP = "dispatch_app"
SLOTS = 16_384

needs_a_cluster_port = pytest.mark.skipif(
    server_name() == "redis6", reason="its bus is at its port + 10,000, which need not exist"
)


def rights() -> list[str]:
    """The arguments of ACL SETUSER after the name and the password."""
    line = next(line for line in read(PAGE).splitlines() if line.startswith("ACL SETUSER"))
    return line.split()[5:]


def everything_works(installation) -> None:
    """A task over the API, a schedule through beat, every priority, Celery's remote control."""
    worker = installation.worker("-c", "2", "-E", app=APP, wait=False)
    beat = installation.beat(app=APP)
    worker.ready()
    with create_app(installation.dispatch).test_client() as http:
        made = http.post("/api/v1/tasks", json={"type": "echo", "payload": {"x": 42}})
        assert made.status_code == 201
        assert installation.finished(made.json["id"]).result == {"x": 42}
        assert http.get("/readyz").json == {"status": "ok"}
    task_id = installation.create("echo", schedule=Interval(every=300))
    installation.until(lambda: len(installation.runs_of(task_id)) > 2, "some occurrences")
    for priority in PRIORITY_STEPS:
        task_id = installation.create("echo", priority=priority)
        assert installation.finished(task_id).status == "succeeded"
    messages_are_held(installation)
    said = installation.command("inspect", "ping", app=APP)
    assert "pong" in said.communicate(timeout=30)[0]
    assert "Traceback" not in worker.logs() + beat.logs()


def messages_are_held(installation) -> None:
    """The worker goes on saying that it has the message of what it runs."""
    index = f"{installation.dispatch.messages.unacked_key}_index"
    task_id = installation.create("sleep", payload={"seconds": 3})
    installation.reached(task_id, "running")
    with installation.server.client() as client:
        ((tag, taken),) = client.zrange(index, 0, 0, withscores=True)
        installation.until(lambda: (client.zscore(index, tag) or 0) > taken + 1, "a later moment")
    assert installation.finished(task_id).status == "succeeded"


@pytest.fixture
def new_node(new_redis):
    """Starts a server in cluster mode which has these slots."""

    def start(*slots: int):
        # its bus is at the port + 10,000 otherwise, which need not exist
        server = new_redis("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTS", *slots)
        return server

    return start


@pytest.fixture
def clustered(new_node):
    server = new_node(*range(SLOTS))
    wait_for(lambda: is_complete(server), what="the cluster to be complete")
    return server


def is_complete(server) -> bool:
    with server.client() as client:
        return "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO"))


@needs_a_cluster_port
def test_a_server_in_cluster_mode_serves_all_where_it_is_spoken_of(clustered, new_installation):
    installation = new_installation(clustered, REDIS_CLUSTER="true")
    everything_works(installation)
    with clustered.client() as client:
        slots = {client.execute_command("CLUSTER", "KEYSLOT", key) for key in client.scan_iter()}
    assert len(slots) == 1


@needs_a_cluster_port
def test_one_that_is_not_spoken_of_is_refused_by_every_process(clustered, new_installation):
    installation = new_installation(clustered)
    with pytest.raises(StoreUnfit, match="REDIS_CLUSTER=true"):
        installation.dispatch.check_store()
    for role in ("worker", "beat"):
        ended = subprocess.run(
            celery("dispatch_app", role),
            env={**os.environ, "PYTHONPATH": str(ROOT), **installation.environ},
            cwd=installation.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert ended.returncode == 3
        assert "Set REDIS_CLUSTER=true" in ended.stderr


@needs_a_cluster_port
def test_a_node_that_has_not_got_our_slot_names_the_one_that_has(new_node, new_installation):
    with_it, without = new_node(*range(SLOTS // 2)), new_node(*range(SLOTS // 2, SLOTS))
    with with_it.client() as client, without.client() as other:
        assert client.execute_command("CLUSTER", "KEYSLOT", "{dispatch}:") < SLOTS // 2
        bus = other.config_get("cluster-port")["cluster-port"]
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", without.port, bus)
    wait_for(lambda: is_complete(without) and is_complete(with_it), 20, "the nodes to meet")
    installation = new_installation(without, REDIS_CLUSTER="true")
    with pytest.raises(StoreUnfit, match=f"connect to the one that has, .*:{with_it.port}"):
        installation.dispatch.check_store()


@pytest.fixture
def guarded(new_redis, tmp_path):
    """A server with the user of the page."""
    server = new_redis("--unixsocket", str(tmp_path / "redis.sock"))
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "dispatch", "on", ">geheim", *rights())
    return server


def nothing_was_refused(server) -> None:
    with server.client() as client:
        assert client.execute_command("ACL", "LOG") == []


def test_tls_with_a_self_signed_certificate_and_a_user_with_few_rights(guarded, new_installation):
    with tls_in_front_of(guarded.port) as port:
        url = f"rediss://dispatch:geheim@localhost:{port}/0"
        everything_works(new_installation(guarded, REDIS_URL=url, REDIS_TLS=str(CERTIFICATE)))
    nothing_was_refused(guarded)


def test_a_unix_socket(guarded, new_installation, tmp_path):
    url = f"unix://dispatch:geheim@{tmp_path}/redis.sock?db=0"
    everything_works(new_installation(guarded, REDIS_URL=url))
    nothing_was_refused(guarded)
