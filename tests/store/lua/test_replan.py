"""replan.lua and note_zones.lua: other moments for tasks whose calendar or zone has changed."""

from __future__ import annotations

from tests.store.scene import NOW, Scene

NEXT = NOW + 60_000
OTHER = NOW + 90_000


def replan(scene: Scene, *entries, member: str = "c:work", due: int = NOW, cursor=None) -> int:
    return scene.call(
        "replan", member=member, due=due, cursor=cursor, entries=list(entries), now=None
    )


def anew(task_id: str = "t", **fields):
    return {"id": task_id, "rev": "1", "was": str(NEXT), "next": OTHER, **fields}


def changed(scene: Scene, member: str = "c:work") -> None:
    scene.client.zadd(scene.store.keys.agenda(), {member: NOW})


def test_a_task_moves_to_its_new_moment(scene):
    scene.task("t", next=NEXT)
    changed(scene)
    before = scene.state()
    assert replan(scene, anew()) == 2
    assert scene.changes(before) == {
        "agenda": {"c:work": None, "t:t": OTHER},
        "task:t": {"next": str(OTHER)},
    }


def test_its_occurrence_is_kept_beside_a_moment_that_jitter_made_later(scene):
    scene.task("t", next=NEXT)
    changed(scene)
    assert replan(scene, anew(occurrence=OTHER - 5)) == 2
    assert scene.state()["task:t"]["occurrence"] == str(OTHER - 5)
    changed(scene)
    assert replan(scene, anew(was=str(OTHER), next=NEXT)) == 2
    assert "occurrence" not in scene.state()["task:t"]


def test_a_paused_task_gets_its_moment_and_stays_off_the_agenda(scene):
    scene.task("t", next=NEXT, status="paused")
    changed(scene)
    before = scene.state()
    assert replan(scene, anew()) == 2
    assert scene.changes(before) == {"agenda": None, "task:t": {"next": str(OTHER)}}


def test_a_task_that_was_changed_or_dispatched_meanwhile_is_left_alone(scene):
    scene.task("t", next=NEXT)
    for stale in ({"rev": "2"}, {"was": str(NEXT - 1)}, {"task_id": "unknown"}):
        changed(scene)
        before = scene.state()
        assert replan(scene, anew(**stale)) == 1
        assert scene.changes(before) == {"agenda": {"c:work": None}}


def test_a_task_that_has_no_occurrence_left_is_paused_with_the_reason(scene):
    scene.task("t", next=NEXT)
    changed(scene)
    assert replan(scene, anew(next=None, park="nothing is left")) == 2
    state = scene.state()
    assert (state["task:t"]["status"], state["task:t"]["note"]) == ("paused", "nothing is left")
    assert "agenda" not in state


def test_a_piece_leaves_the_rest_for_the_next_one(scene):
    changed(scene)
    assert replan(scene, cursor="0001~t") == 1
    assert scene.state()["replans"] == {"c:work": "0001~t"}
    assert "c:work" in scene.state()["agenda"]
    assert replan(scene) == 1
    assert scene.state() == {}


def test_a_change_after_the_one_that_was_read_is_not_done_with_it(scene):
    changed(scene)
    before = scene.state()
    assert replan(scene, due=NOW - 1) == 0
    assert scene.changes(before) == {}


def test_twenty_thousand_tasks_are_walked_in_pieces(scene):
    tasks = {f"{NOW}~t{number:05d}": 0 for number in range(20_000)}
    scene.client.zadd(scene.store.keys.tasks_by("calendar", "work"), tasks)
    cursor, planned = scene.store.replans.piece("c:work")
    assert (cursor, planned) == (f"{NOW}~t00199", [])
    changed(scene)
    assert replan(scene, cursor=cursor) == 1
    assert scene.store.replans.piece("c:work")[0] == f"{NOW}~t00399"
