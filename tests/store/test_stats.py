"""Counters by minute."""

from __future__ import annotations

import pytest

from tests.store.scene import MINUTE, NOW, Scene


def minutes(scene: Scene, first: int = MINUTE, last: int = MINUTE + 2):
    return scene.store.stats.minutes(first, last)


def test_what_came_to_which_status_in_which_minute(scene):
    scene.task()
    scene.finished("r1")
    scene.running("r2")
    scene.finish("r2", "failed", now=NOW + 60_000)
    assert minutes(scene) == {
        MINUTE: {"echo|queued": 2, "echo|running": 2, "echo|succeeded": 1, "echo|le:1": 1},
        MINUTE + 1: {"echo|failed": 1, "echo|le:65536": 1},
    }


@pytest.mark.parametrize(
    ("took", "bucket"), [(0, 1), (1, 1), (2, 2), (3, 4), (1_000, 1_024), (3_600_000, 4_194_304)]
)
def test_durations_fall_into_buckets_of_powers_of_two(scene, took, bucket):
    scene.task()
    scene.running()
    scene.finish(now=NOW + took)
    (counters,) = minutes(scene, (NOW + took) // 60_000, (NOW + took) // 60_000).values()
    assert {field for field in counters if "le:" in field} == {f"echo|le:{bucket}"}


def test_they_die_after_three_hours(scene):
    scene.task()
    scene.queued()
    assert 10_790 < scene.client.ttl(scene.store.keys.stats(MINUTE)) <= 10_800


def test_at_most_three_hours_are_read(scene):
    scene.task()
    scene.queued()
    assert list(minutes(scene, MINUTE - 179, MINUTE)) == [MINUTE]
    assert minutes(scene, MINUTE - 180, MINUTE) == {}
    assert minutes(scene, MINUTE + 1, MINUTE) == {}
