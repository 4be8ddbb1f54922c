"""What the tests of policies do: tasks over the API, in an installation with real processes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from dispatch_api import create_app
from dispatch_app.domain.errors import Conflict, NotFound
from dispatch_app.domain.run import Run
from dispatch_app.domain.schedule.zones import to_datetime
from dispatch_app.operations import tasks
from tests.installation import Installation


def shown(moment: int) -> str:
    """A moment, ms, as the API has it."""
    return to_datetime(moment).isoformat(timespec="milliseconds").removesuffix(".000") + "Z"


class Policies:
    """A client of an installation's API; what it has made ends with `close`."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.client = create_app(installation.dispatch).test_client()
        self.made: list[str] = []

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The answer to a call, which has to have this status."""
        answer = self.client.open(f"/api/v1{path}", method=method, json=body)
        assert answer.status_code == status, answer.text
        return answer.json

    def create(self, type: str, **body: Any) -> str:
        """Store a task; returns its id."""
        body = {"type": type, "queue": "default", **body}
        self.made.append(self.call("POST", "/tasks", body, 201)["id"])
        return self.made[-1]

    def task(self, task_id: str) -> Any:
        return self.call("GET", f"/tasks/{task_id}")

    def shown(self, task_id: str) -> list[Any]:
        """Its runs as the API shows them, oldest first."""
        return self.call("GET", f"/tasks/{task_id}/runs?limit=500")["items"][::-1]

    def trigger(self, task_id: str, **body: Any) -> Any:
        return self.call("POST", f"/tasks/{task_id}/trigger", body, 201)

    def runs(self, task_id: str, *statuses: str) -> list[Run]:
        """Its runs (of these statuses), oldest first, without the records of what was skipped."""
        found = [run for run in self.installation.runs_of(task_id) if run.status != "skipped"]
        return [run for run in found if not statuses or run.status in statuses]

    def skips(self, task_id: str) -> list[Run]:
        """The records of what was skipped of it, oldest first."""
        return [run for run in self.installation.runs_of(task_id) if run.status == "skipped"]

    def until_runs(self, task_id: str, number: int, *statuses: str) -> list[Run]:
        """Wait until it has had so many runs (of these statuses)."""
        return self.installation.until(
            lambda: (found := self.runs(task_id, *statuses)) and len(found) >= number and found,
            f"{number} runs {statuses}",
        )

    def set_back(self, *task_ids: str) -> None:
        """Let tasks be due since the `start_time` of their schedules, as if no scheduler had been
        there since; of those on the agenda and of paused ones."""
        tasks = self.installation.store.tasks
        starts = {each: tasks.get(each).definition.schedule.start_time for each in task_ids}
        self._due_at(starts)

    def make_due(self, task_id: str) -> None:
        """Let the next occurrence of a task be that of now."""
        self._due_at({task_id: self.installation.store.now()})

    def moment(self, seconds: float) -> tuple[int, str]:
        """So many seconds from now, by the server's clock: in ms, and as the API has it."""
        moment = int(self.installation.store.now() + seconds * 1000)
        return moment, shown(moment)

    def ago(self, seconds: float) -> str:
        """So many seconds before now, as the API has it."""
        return self.moment(-seconds)[1]

    def accounted(self, task_id: str, every: int) -> list[int]:
        """Every moment of an interval that has run or was skipped, in order; `every` in ms. None
        of them is missing, and none is there twice."""
        moments = [run.scheduled_for for run in self.runs(task_id)]
        for skip in self.skips(task_id):
            last = skip.last_scheduled_for or skip.scheduled_for
            between = range(skip.scheduled_for, last + 1, every)
            assert len(between) == skip.count
            moments += between
        moments.sort()
        assert moments == list(range(moments[0], moments[-1] + 1, every))
        return moments

    def _due_at(self, moments: dict[str, int]) -> None:
        keys = self.installation.store.keys
        with self.installation.server.client() as client, client.pipeline() as pipe:
            pipe.zadd(keys.agenda(), {f"t:{each}": at for each, at in moments.items()}, xx=True)
            for each, at in moments.items():
                pipe.hset(keys.task(each), "next", at)
            pipe.execute()

    def close(self) -> None:
        """Cancel what it has made and is still there."""
        for task_id in self.made:
            with suppress(Conflict, NotFound):
                tasks.cancel(self.installation.dispatch, task_id)
