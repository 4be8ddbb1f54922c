"""unchanged.lua: whether a task is still as it was read."""

from __future__ import annotations


def test_it_says_whether_the_revision_is_the_same_and_changes_nothing(scene):
    scene.task()
    before = scene.state()
    assert scene.call("unchanged", id="t", rev=1) == ["OK"]
    assert scene.call("unchanged", id="t", rev=2) == ["CHANGED"]
    assert scene.call("unchanged", id="other", rev=1) == ["NOT_FOUND"]
    assert scene.changes(before) == {}


def test_among_the_runs_of_a_task_with_20_000_it_looks_at_the_task_only(scene):
    scene.task()
    scene.many_queued([f"r{number:05d}" for number in range(20_000)])
    before = scene.client.info("commandstats")["cmdstat_hget"]["calls"]
    assert scene.call("unchanged", id="t", rev=1) == ["OK"]
    assert scene.client.info("commandstats")["cmdstat_hget"]["calls"] == before + 1
