"""What we ask to be installed fits together, and nothing of it moves anybody's redis-py."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

import pytest
from packaging.requirements import Requirement

OURS = "celery-dispatch"


def needed_by(name: str) -> list[Requirement]:
    """What a distribution asks for here, without its extras."""
    asked = [Requirement(text) for text in requires(name) or []]
    return [r for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})]


def everything() -> set[str]:
    """Names of all that comes with us."""
    found, todo = set(), [OURS]
    while todo:
        for requirement in needed_by(todo.pop()):
            name = requirement.name.lower().replace("_", "-")
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def test_celery_and_redis_are_asked_for_directly_and_not_through_an_extra():
    asked = {requirement.name: requirement for requirement in needed_by(OURS)}
    assert {"celery", "redis"} <= set(asked)
    # celery's extra pins other versions of redis-py than we need, and kombu's pins one exactly
    assert not [name for name, requirement in asked.items() if requirement.extras]


def test_every_dependency_has_a_lower_bound():
    loose = [r.name for r in needed_by(OURS) if not r.specifier and r.name != "packaging"]
    assert loose == []


@pytest.mark.parametrize("name", [OURS, *sorted(everything())])
def test_what_is_installed_is_what_was_asked_for(name):
    try:
        wrong = [
            f"{r} is asked for, {version(r.name)} is installed"
            for r in needed_by(name)
            if not r.specifier.contains(version(r.name), prereleases=True)
        ]
    except PackageNotFoundError as error:
        wrong = [f"{error} is not installed"]
    assert wrong == []
