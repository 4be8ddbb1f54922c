"""Who beats."""

from __future__ import annotations


def test_who_beats_is_alive_and_who_leaves_is_not(scene):
    workers = scene.store.workers
    workers.beat("worker", "a@host", {"pid": 1}, ttl=60_000)
    workers.beat("worker", "b@host", {"pid": 2}, ttl=60_000)
    workers.beat("scheduler", "beat@host", {"pid": 3}, ttl=60_000)
    assert workers.alive("worker") == {"a@host": {"pid": 1}, "b@host": {"pid": 2}}
    workers.leave("worker", "a@host")
    assert workers.alive("worker") == {"b@host": {"pid": 2}}
    assert workers.alive("scheduler") == {"beat@host": {"pid": 3}}


def test_who_falls_silent_is_not_alive_after_its_time(scene):
    now = scene.store.now()
    scene.call("beat", now=now - 10_000, kind="worker", name="silent", info="{}", ttl=9_999)
    scene.call("beat", now=now - 10_000, kind="worker", name="slow", info="{}", ttl=70_000)
    assert scene.store.workers.alive("worker") == {"slow": {}}


def test_nobody_at_all(scene):
    assert scene.store.workers.alive("worker") == {}
    scene.store.workers.leave("worker", "unknown")
    assert scene.store.workers.alive("worker") == {}
