"""A store on the shared server, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.store.scene import Scene


@pytest.fixture
def scene(redis_url: str) -> Iterator[Scene]:
    scene = Scene(redis_url)
    yield scene
    scene.close()
