"""What lies in the broker, next to what the store says of it."""

from __future__ import annotations

from collections import Counter

import msgspec

from tests.installation import Installation


def messages_of(installation: Installation) -> Counter[tuple[str, int]]:
    """(run id, attempt) of every message in every queue, with how many there are of each."""
    found: Counter[tuple[str, int]] = Counter()
    with installation.server.client() as client:
        for key in client.scan_iter(_type="list", count=1_000):
            if key.startswith(installation.store.keys.prefix):
                continue
            for text in client.lrange(key, 0, -1):
                headers = msgspec.json.decode(text)["headers"]
                found[headers["id"], headers["dispatch_attempt"]] += 1
    return found


def queued_runs(installation: Installation) -> Counter[tuple[str, int]]:
    """(run id, attempt) of every run that is queued, from the listing of all runs."""
    found: Counter[tuple[str, int]] = Counter()
    with installation.server.client() as client:
        keys = installation.store.keys
        for run_id in client.zrange(keys.runs(), 0, -1):
            status, attempt = client.hmget(keys.run(run_id), "status", "attempt")
            if status == "queued":
                found[run_id, int(attempt)] += 1
    return found
