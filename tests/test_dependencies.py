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


@pytest.mark.parametrize("extra", ["test", "lint"])
def test_what_an_extra_asks_for_has_a_name_and_fits_what_is_installed(extra):
    asked = [Requirement(text) for text in requires(OURS) or []]
    of_extra = [r for r in asked if r.marker and f'extra == "{extra}"' in str(r.marker)]
    assert of_extra
    for requirement in of_extra:
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            continue  # who only tests has no linters, and the reverse
        assert requirement.specifier.contains(found, prereleases=True), (requirement, found)


def test_who_has_celerys_redis_extra_as_well_keeps_the_same_redis():
    (ours,) = [r for r in needed_by(OURS) if r.name == "redis"]
    (theirs,) = [r for r in map(Requirement, requires("kombu") or []) if r.name == "redis"]
    assert theirs.specifier.contains(version("redis"))
    # the oldest that we allow is one that they allow too
    (oldest,) = [each.version for each in ours.specifier if each.operator == ">="]
    assert theirs.specifier.contains(oldest)
