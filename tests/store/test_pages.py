"""Listings by cursor: nothing lost, nothing twice, whatever happens between two pages."""

from __future__ import annotations

import base64

import pytest

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.domain.task import Task
from dispatch_app.store.pages import MOST_READ
from dispatch_app.store.tasks import TaskFilter
from tests.store.scene import NOW, Scene

TASKS = 1_000


def seed(scene: Scene, count: int = TASKS, now: int = NOW, **fields) -> list[str]:
    """Tasks that were all created in the same millisecond."""
    ids = [f"t{number:04d}" for number in range(count)]
    for number, task_id in enumerate(ids):
        scene.task(task_id, task_number(number, **fields), now=now)
    return ids


def task_number(number: int, **fields) -> Task:
    defaults = {
        "type": ("echo", "email", "http")[number % 3],
        "name": f"{'abc'[number % 3]}-{number}",
        "queue": ("default", "reports")[number % 2],
        "tags": ("even",) if number % 2 == 0 else ("odd", "rare")[: 1 + (number % 100 == 1)],
    }
    return Task(**{**defaults, **fields})


def all_pages(scene: Scene, where: TaskFilter = TaskFilter(), limit: int = 70, between=None):  # noqa: B008
    found, cursor, pages = [], None, 0
    while True:
        page = scene.store.tasks.list(where, limit, cursor)
        assert len(page.items) <= limit
        found += [task.id for task in page.items]
        pages += 1
        if page.next is None:
            return found, pages
        cursor = page.next
        if between:
            between(pages)


def test_every_task_is_on_exactly_one_page(scene):
    ids = seed(scene)
    found, pages = all_pages(scene, limit=100)
    assert found == sorted(ids, reverse=True)
    assert pages == 10


def test_tasks_that_come_and_go_between_two_pages_move_no_other(scene):
    ids = seed(scene)
    gone = set(ids[::7])

    def come_and_go(page: int) -> None:
        # younger ones, older ones, and some of the same millisecond
        for offset in (-1, 0, 1):
            scene.task(f"new-{page}-{offset}", now=NOW + offset)
        for task_id in sorted(gone)[page * 8 : page * 8 + 8]:
            scene.store.tasks.purge(task_id)

    found, _ = all_pages(scene, between=come_and_go)
    old = [task_id for task_id in found if not task_id.startswith("new-")]
    assert len(found) == len(set(found))
    assert set(ids) - gone <= set(old) <= set(ids)
    assert old == sorted(old, reverse=True)


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (TaskFilter(type="email"), range(1, TASKS, 3)),
        (TaskFilter(queue="reports"), range(1, TASKS, 2)),
        (TaskFilter(tag="rare"), range(1, TASKS, 100)),
        (TaskFilter(type="echo", queue="default", tag="even"), range(0, TASKS, 6)),
        (TaskFilter(name_prefix="b-"), range(1, TASKS, 3)),
        (TaskFilter(type="email", name_prefix="b-9"), [9, *range(90, 100), *range(900, 1000)]),
        (TaskFilter(status="scheduled", tag="rare"), range(1, TASKS, 100)),
        (TaskFilter(status="paused"), []),
        (TaskFilter(type="unknown"), []),
        (TaskFilter(created_after=NOW, created_before=NOW), range(TASKS)),
        (TaskFilter(created_after=NOW + 1), []),
        (TaskFilter(created_before=NOW - 1), []),
    ],
    ids=str,
)
def test_filters_show_what_passes_and_nothing_else(scene_with_tasks, where, numbers):
    expected = [
        f"t{number:04d}"
        for number in sorted(numbers, reverse=True)
        if where.name_prefix is None or task_number(number).name.startswith(where.name_prefix)
        if where.type is None or task_number(number).type == where.type
    ]
    found, _ = all_pages(scene_with_tasks, where)
    assert found == expected


@pytest.fixture(scope="module")
def scene_with_tasks(redis_server):
    with redis_server.client() as client:
        client.flushall()
    scene = Scene(redis_server.url)
    seed(scene)
    yield scene
    scene.close()


def test_moments_are_inclusive_and_cut_anywhere(scene):
    for offset in range(5):
        scene.task(f"t{offset}", now=NOW + offset)
    where = TaskFilter(created_after=NOW + 1, created_before=NOW + 3)
    assert all_pages(scene, where, limit=1)[0] == ["t3", "t2", "t1"]


def test_a_page_reads_so_many_records_at_most_and_goes_on_from_there(scene):
    seed(scene, MOST_READ + 500, type="echo", tags=())
    scene.client.hset(
        scene.store.keys.task("t0001"), "def", '{"v":1,"type":"echo","name":"wanted"}'
    )
    first = scene.store.tasks.list(TaskFilter(name_prefix="wanted"), 100)
    assert first.items == []
    second = scene.store.tasks.list(TaskFilter(name_prefix="wanted"), 100, first.next)
    assert [task.id for task in second.items] == ["t0001"]
    assert second.next is None


def test_the_last_page_says_that_it_is_the_last(scene):
    seed(scene, 20)
    page = scene.store.tasks.list(TaskFilter(), 20)
    assert (len(page.items), page.next) == (20, None)


def test_a_listing_keeps_no_member_of_what_is_gone(scene):
    seed(scene, 3)
    # as after a crash of a program that did not write in one step
    scene.client.delete(scene.store.keys.task("t0001"))
    assert all_pages(scene)[0] == ["t0002", "t0000"]


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage", "!!!!", "ü", " ", "a", "====",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"").decode() + "=",
        "eA==\n",
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused_by_name(scene, cursor):
    with pytest.raises(InvalidInput) as refusal:
        scene.store.tasks.list(TaskFilter(), 10, cursor)
    assert list(refusal.value.fields) == ["cursor"]
