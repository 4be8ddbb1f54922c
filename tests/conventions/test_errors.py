"""Each error that a caller can be told has its place in the tree, and its answer over HTTP."""

from __future__ import annotations

import pytest

import dispatch_api.problems as problems
from dispatch_app.domain import errors
from dispatch_app.domain.errors import DispatchError

#: Errors that no request runs into, with why.
INTERNAL = {
    errors.LeaseLost: "only workers hold leases",
    errors.ConfigError: "a setting is wrong; it is said at the start",
}


def below(cls: type[DispatchError]) -> list[type[DispatchError]]:
    """All its subclasses, also those of subclasses."""
    return [found for child in cls.__subclasses__() for found in (child, *below(child))]


# a module that defines one elsewhere has to be loaded to be seen: these load all that can raise
ALL = below(DispatchError)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_error_lives_in_the_one_tree(cls):
    assert cls.__module__ == errors.__name__
    assert f"── {cls.__name__} " in (errors.__doc__ or "")
    depth = len(cls.__mro__) - len(DispatchError.__mro__)
    line = next(x for x in (errors.__doc__ or "").splitlines() if f"── {cls.__name__} " in x)
    assert line.index(cls.__name__) == 4 + 4 * depth, "drawn below its base class"


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_error_has_an_answer_of_its_own_or_no_request_runs_into_it(cls):
    assert (cls in problems.TABLE) != (cls in INTERNAL)


def test_every_answer_has_a_meaning_and_no_meaning_is_left_over():
    of_http = {*problems._OF_HTTP.values(), "bad-request", "internal", "not-ready"}
    named = {name for name, _ in problems.TABLE.values()} | of_http
    assert named == set(problems.MEANINGS)


def test_every_status_is_one_of_an_error():
    assert all(400 <= status < 600 for _, status in problems.TABLE.values())
