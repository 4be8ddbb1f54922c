"""The load: clients of the API that create, cancel and wait, and ask again until they are told."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

from tests.chaos.history import Acked

#: what clients may be told; 409 where a task had ended before it was cancelled
EXPECTED = {200, 201, 202, 409, 503}
RETRY = {"backoff": "fixed", "delay": 0.3, "jitter": False}
#: so many attempts may be lost that no innocent run is given up
MANY = 100


class Client(threading.Thread):
    """One client, which does one thing after another.

    Attributes:
        acked: what it was told.
        surprises: answers that nobody should get.
    """

    def __init__(self, number: int, seed: int, port: int, pause_s: float) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self._rng = random.Random(f"{seed}/{number}")
        self._next, self._pause = number * 1_000_000, pause_s
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=8)
        self._stopping, self._giving_up = threading.Event(), threading.Event()
        self.acked: list[Acked] = []
        self.surprises: list[str] = []

    def run(self) -> None:
        """Until `stop`."""
        while not self._stopping.wait(self._rng.uniform(0, 2 * self._pause)):
            make = self._rng.choice(_MAKERS)
            make(self)

    def stop(self, timeout: float = 20) -> None:
        """Begin nothing new, and finish what was begun."""
        self._stopping.set()
        self.join(timeout)
        self._giving_up.set()
        self.join(timeout)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def create(self, kind: str, body: dict[str, Any], **expected: Any) -> dict[str, Any] | None:
        """Store a task, with a key, however often it takes."""
        self._next += 1
        n = self._next
        body = {
            "queue": "load", "retry": RETRY, "max_lost": MANY, "misfire": {"policy": "run_all"},
            **body, "metadata": {"n": n},
        }  # fmt: skip
        answer = self._told("POST", "/tasks", json=body, headers={"Idempotency-Key": f"chaos-{n}"})
        if answer is None:
            return None
        moments = expected.pop("moments", None)
        self.acked.append(
            Acked(
                n=n,
                kind=kind,
                task_id=answer["id"],
                moments=tuple(moments(answer)) if moments else None,
                **expected,
            )
        )
        return answer

    def cancel(self, task_id: str) -> None:
        """Cancel a task that was created last."""
        if self._told("DELETE", f"/tasks/{task_id}") is not None:
            self.acked[-1].is_cancelled = True

    def is_served(self) -> bool:
        """Whether the API answers."""
        try:
            return self._http.get("/runs", params={"limit": 1}).status_code == 200
        except httpx.TransportError:
            return False

    def later(self, seconds: float) -> str:
        """A moment ahead."""
        at = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        return at.isoformat(timespec="milliseconds")

    def draw(self, *range: float) -> float:
        return round(self._rng.uniform(*range), 1)

    def whole(self, least: int, most: int) -> int:
        return self._rng.randint(least, most)

    def _told(self, method: str, path: str, **options: Any) -> Any:
        """The answer, once there is one that means yes or no; None: none until the end."""
        while not self._giving_up.is_set():
            with contextlib.suppress(httpx.TransportError):
                answer = self._http.request(method, path, **options)
                if answer.status_code not in EXPECTED:
                    self.surprises.append(f"{method} {path}: {answer.status_code} {answer.text}")
                    return None
                if answer.status_code == 503 and "Retry-After" not in answer.headers:
                    self.surprises.append(f"{method} {path}: 503 without Retry-After")
                if answer.status_code != 503:
                    return answer.json()
            time.sleep(0.3)
        return None


def _quick(client: Client) -> None:
    client.create("quick", {"type": work(), "payload": {"seconds": client.draw(0, 0.2)}})


def _slow(client: Client) -> None:
    client.create("slow", {"type": work(), "payload": {"seconds": client.draw(1, 4)}})


def _soon(client: Client) -> None:
    schedule = {"type": "one-time", "start_time": client.later(client.draw(0.5, 8))}
    client.create("one-time", {"type": work(), "schedule": schedule})


def _interval(client: Client) -> None:
    every, runs = client.whole(1, 2), client.whole(3, 12)
    schedule = {
        "type": "interval", "every": every, "max_runs": runs, "start_time": client.later(1),
    }  # fmt: skip

    def moments(answer: dict[str, Any]) -> list[int]:
        first = _ms(answer["next_run_at"])
        return [first + 1000 * every * n for n in range(runs)]

    client.create("interval", {"type": work(), "schedule": schedule}, moments=moments)


def _cron(client: Client) -> None:
    every, runs = client.whole(1, 3), client.whole(3, 8)
    schedule = {"type": "cron", "cron": f"*/{every} * * * * *", "max_runs": runs}

    def moments(answer: dict[str, Any]) -> list[int]:
        first = _ms(answer["next_run_at"])
        return [first + 1000 * every * n for n in range(runs)]

    client.create("cron", {"type": work(), "schedule": schedule}, moments=moments)


def _flaky(client: Client) -> None:
    client.create(
        "flaky", {"type": "tests.chaos.app.flaky", "payload": {"until": 3}, "max_retries": 10}
    )


def _failing(client: Client) -> None:
    client.create(
        "failing", {"type": "tests.chaos.app.failing", "max_retries": 2},
        ends=("failed",), failures=3,
    )  # fmt: skip


def _poison(client: Client) -> None:
    client.create(
        "poison", {"type": "tests.chaos.app.poison", "queue": "poison", "max_lost": 1},
        ends=("failed",), lost=2,
    )  # fmt: skip


def _at_most_once(client: Client) -> None:
    client.create(
        "at most once",
        {"type": work(), "payload": {"seconds": client.draw(0.5, 2)}, "on_worker_lost": "fail"},
        ends=("succeeded", "failed"),
        at_most_once=True,
    )


def _cancelled(client: Client) -> None:
    ends = ("cancelled", "succeeded")
    seconds = client.draw(1, 5)
    made = client.create("cancelled", {"type": work(), "payload": {"seconds": seconds}}, ends=ends)
    if made:
        time.sleep(client.draw(0, 1.5))
        client.cancel(made["id"])


def work() -> str:
    """The type that takes its time."""
    return "tests.chaos.app.work"


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


_MAKERS = (
    *(_quick,) * 4, *(_slow,) * 3, *(_soon,) * 2, *(_interval,) * 2, _cron, _flaky, _failing,
    _poison, _at_most_once, _cancelled,
)  # fmt: skip
