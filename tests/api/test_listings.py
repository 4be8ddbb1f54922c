"""Listings of tasks: filters, pages by cursor, and the link to the next one."""

from __future__ import annotations

import re
from itertools import chain
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from dispatch_app.dispatch import Dispatch
from tests.api.calls import DAILY, TASKS, create, ended, refused
from tests.domain.moments import iso, ms


def names(client: FlaskClient, query: str = "") -> list[str]:
    """The names on one page."""
    answer = client.get(f"{TASKS}?{query}")
    assert answer.status_code == 200, answer.text
    return [task["name"] for task in answer.json["items"]]


def walk(client: FlaskClient, path: str) -> list[list[str]]:
    """The names on each page, from `Link` to `Link`."""
    pages: list[list[str]] = []
    while path:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        pages.append([task["name"] for task in answer.json["items"]])
        link = answer.headers.get("Link", "")
        assert bool(link) == bool(answer.json["next"])
        path = re.fullmatch(r'<(.*)>; rel="next"', link).group(1) if link else ""
        assert not path or quote(answer.json["next"]) in path
    return pages


@pytest.fixture
def five(client: FlaskClient) -> FlaskClient:
    """A client of an installation with five tasks, `task 0` the oldest."""
    for number in range(5):
        tags = ["even"] if number % 2 == 0 else ["odd"]
        create(client, name=f"task {number}", schedule=DAILY, tags=tags)
    return client


def test_an_empty_installation_has_an_empty_page(client: FlaskClient) -> None:
    answer = client.get(TASKS)
    assert (answer.status_code, answer.json) == (200, {"items": [], "next": None})
    assert "Link" not in answer.headers


def test_tasks_are_listed_newest_first_as_they_are_shown(five: FlaskClient) -> None:
    items = five.get(TASKS).json["items"]
    assert [task["name"] for task in items] == [f"task {n}" for n in (4, 3, 2, 1, 0)]
    assert items[0] == five.get(f"{TASKS}/{items[0]['id']}").json


@pytest.mark.parametrize(
    ("limit", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (4, [4, 1]), (5, [5]), (500, [5])]
)
def test_pages_show_each_task_once(five: FlaskClient, limit: int, sizes: list[int]) -> None:
    pages = walk(five, f"{TASKS}?limit={limit}")
    assert [len(page) for page in pages] == sizes
    assert list(chain(*pages)) == [f"task {n}" for n in (4, 3, 2, 1, 0)]


def test_the_link_carries_the_filters_along(five: FlaskClient) -> None:
    assert walk(five, f"{TASKS}?limit=1&tag=even&name=task%20") == [
        ["task 4"],
        ["task 2"],
        ["task 0"],
    ]


def test_what_is_made_or_removed_meanwhile_moves_no_page(five: FlaskClient) -> None:
    first = five.get(f"{TASKS}?limit=2")
    create(five, name="newcomer", schedule=DAILY)
    last_shown = first.json["items"][-1]["id"]
    five.delete(f"{TASKS}/{last_shown}?purge=true")
    assert names(five, f"limit=2&cursor={first.json['next']}") == ["task 2", "task 1"]


def test_each_filter_finds_what_it_names(client: FlaskClient, dispatch: Dispatch) -> None:
    create(client, name="Nightly import", schedule=DAILY, tags=["eu", "etl"], queue="slow")
    create(client, name="Nightly export", type="sleep", schedule=DAILY, tags=["eu"], enabled=False)
    create(client, name="nightly", type="sleep")
    ended(client, dispatch, name="done", tags=["etl"], queue="slow")
    for query, found in {
        "status=scheduled": ["Nightly import"],
        "status=paused": ["Nightly export"],
        "status=queued": ["nightly"],
        "status=succeeded": ["done"],
        "status=cancelled": [],
        "type=sleep": ["nightly", "Nightly export"],
        "type=slee": [],
        "tag=eu": ["Nightly export", "Nightly import"],
        "tag=etl": ["done", "Nightly import"],
        "queue=slow": ["done", "Nightly import"],
        "queue=default": ["nightly", "Nightly export"],
        "name=Nightly": ["Nightly export", "Nightly import"],
        "name=Nightly%20i": ["Nightly import"],
        "name=ightly": [],
        "tag=eu&type=echo": ["Nightly import"],
        "tag=etl&queue=slow&status=succeeded&name=d": ["done"],
    }.items():
        assert names(client, query) == found, query


def test_a_task_moves_in_the_listings_with_its_status(client: FlaskClient) -> None:
    task = create(client, name="mine", schedule=DAILY)
    for verb, status in (("pause", "paused"), ("resume", "scheduled")):
        client.post(f"{TASKS}/{task['id']}/{verb}")
        assert names(client, f"status={status}") == ["mine"]
    client.delete(f"{TASKS}/{task['id']}")
    assert names(client, "status=cancelled") == ["mine"]
    assert names(client, "status=scheduled") == []


def test_moments_bound_a_listing_both_ends_included(five: FlaskClient) -> None:
    items = five.get(TASKS).json["items"]
    made = {task["name"]: ms(task["created_at"].replace("Z", "+00:00")) for task in items}
    at = made["task 2"]
    since = [name for name, moment in made.items() if moment >= at]
    until = [name for name, moment in made.items() if moment <= at]
    for zone in ("UTC", "Asia/Kathmandu"):
        text = quote(iso(at, zone))
        assert names(five, f"created_after={text}") == since
        assert names(five, f"created_before={text}") == until
        both = names(five, f"created_after={text}&created_before={text}")
        assert both == [name for name in since if name in until]
    later = quote(iso(max(made.values()) + 1))
    assert names(five, f"created_after={later}") == []
    assert names(five, "created_before=1970-01-01T00:00:00Z") == []
    assert names(five, "created_after=1970-01-01T00:00:00Z&limit=1") == ["task 4"]


@pytest.mark.parametrize(
    ("query", "field", "text"),
    [
        ("stat=queued", "stat", "Did you mean status?"),
        ("page=2", "page", "limit, cursor, status"),
        ("status=done", "status", "scheduled, paused"),
        ("limit=0", "limit", "1 to 500"),
        ("limit=501", "limit", "1 to 500"),
        ("limit=ten", "limit", "1 to 500"),
        ("limit=%D9%A3", "limit", "1 to 500"),
        ("limit=", "limit", "1 to 500"),
        ("limit=5&limit=6", "limit", "more than once"),
        ("cursor=", "cursor", "page before"),
        ("cursor=nonsense", "cursor", "page before"),
        ("cursor=%00", "cursor", "page before"),
        ("type=%00", "type", "control character"),
        ("tag=" + "x" * 65, "tag", "64"),
        ("created_after=yesterday", "created_after", "RFC 3339"),
        ("created_after=2026-01-01T00:00:00", "created_after", "offset"),
        ("created_after=2026-01-01T00:00:00+02:00", "created_after", "RFC 3339"),
        ("value=1", "value", "Unknown"),
        ("_schema=1", "_schema", "Unknown"),
    ],
)
def test_a_wrong_query_is_refused_by_name(
    client: FlaskClient, query: str, field: str, text: str
) -> None:
    """Row 61 of the pains: a typo is no filter that lets everything pass."""
    assert text in refused(client.get(f"{TASKS}?{query}"), field)[field][0]
