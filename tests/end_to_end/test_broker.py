"""What stands in the broker: only work that is ready now, over few connections."""

from __future__ import annotations

import time

from tests.installation import Installation
from tests.waiting import wait_for


def broker_keys(installation, *queues: str) -> dict[str, int]:
    """Length of each list and hash in which kombu keeps messages."""
    with installation.server.client() as client:
        lists = {queue: client.llen(queue) for queue in queues}
        return {**lists, "unacked": client.hlen("unacked")}


def test_a_retry_far_beyond_the_visibility_timeout_runs_once(installation):
    app = "tests.end_to_end.impatient_app"
    for _ in range(2):
        installation.worker(app=app, wait=False)
    installation.beat(app=app)
    delay = 6  # three times that time-out
    task_id = installation.create("counting_down", payload={"countdown": delay})
    run = installation.reached(task_id, "retrying")
    idle = {"default": 0, "unacked": 0}
    # the acknowledgement of the first attempt follows its end
    wait_for(lambda: broker_keys(installation, "default") == idle, 1)
    while time.time() * 1000 < run.retry_at - 200:
        assert broker_keys(installation, "default") == idle
        assert installation.latest(task_id).status == "retrying"
        time.sleep(0.1)
    run = installation.finished(task_id)
    first, second = run.attempts
    assert (run.status, run.result) == ("succeeded", 1)
    assert [first.outcome, second.outcome] == ["retried", "succeeded"]
    assert delay * 1000 <= second.started_at - first.finished_at < delay * 1000 + 2_000
    wait_for(lambda: broker_keys(installation, "default") == idle, 2)


def test_a_small_redis_plan_of_twenty_connections_is_enough(new_redis, tmp_path):
    installation = Installation(new_redis(), tmp_path)
    try:
        installation.worker("-c", "2", wait=False)
        installation.beat()
        created = [installation.create("add", payload={"x": number}) for number in range(40)]
        assert [installation.finished(task_id).result for task_id in created] == [*range(1, 41)]
        with installation.server.client() as client:
            asking = str(client.client_id())
            theirs = [c["cmd"] for c in client.client_list() if c["id"] != asking]
    finally:
        installation.close()
    # beat: 2; worker: 1 of ours, 6 of Celery's, 1 for each of two processes; this client: 1, as
    # an API has; and another one of ours in beat and worker, where two threads ask at once
    assert len(theirs) <= 14, theirs
