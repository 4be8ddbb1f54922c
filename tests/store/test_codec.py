"""Records: what goes in comes out, and what cannot be read is said to be so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_app.domain.errors import CorruptRecord
from dispatch_app.domain.retry import RetryPolicy
from dispatch_app.domain.run import Failure
from dispatch_app.domain.schedule import Once
from dispatch_app.domain.task import PRIORITIES, LastRun, Misfire, StoredTask, Task
from dispatch_app.store import codec
from dispatch_app.store.codec import (
    SCHEMA_VERSION,
    decode_task,
    encode_task,
    listings_of,
    stored_run,
    stored_task,
    unreadable_task,
)
from tests.domain.schedules import recurring
from tests.properties import bounded

RECORDS = sorted((Path(__file__).parent / "records").glob("*.json"))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner,
                      max_size=3),
    max_leaves=8,
)  # fmt: skip
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tasks = st.builds(
    Task,
    type=names,
    name=names,
    priority=st.sampled_from(PRIORITIES),
    payload=st.dictionaries(names, json_values, max_size=3),
    args=st.lists(json_values.filter(lambda v: not isinstance(v, float)), max_size=2).map(tuple),
    queue=names,
    tags=st.lists(names, max_size=3).map(tuple),
    max_retries=st.integers(0, 1_000),
    timeout=st.integers(1, 10**9),
    retry=st.builds(RetryPolicy, backoff=st.sampled_from(["fixed", "linear", "exponential"])),
    expires=st.none() | st.integers(0, 10**9),
    misfire=st.builds(Misfire, policy=st.sampled_from(["run_last", "run_all"])),
    schedule=st.none() | st.builds(Once, start_time=st.integers(0, 10**13)) | recurring,
)


@given(tasks)
@bounded(150)
def test_a_definition_comes_back_as_it_went(task):
    text = encode_task(task)
    assert json.loads(text)["v"] == SCHEMA_VERSION
    assert decode_task(text) == task


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "It has no definition."),
        ("", "It has no definition."),
        ("garbage", "not one that this version reads: 'garbage'"),
        ('{"type":"echo"}', "not one that this version reads"),
        ('{"v":2,"type":"echo"}', "not one that this version reads"),
        ('{"v":1,"type":7}', "cannot be read: Expected `str`, got `int`"),
        ('{"v":1,"type":"echo","schedule":{"type":"moon"}}', "cannot be read: Invalid value"),
        ('{"v":1,"type":"echo","priority":"urgent"}', "cannot be read: Invalid enum value"),
        ('{"v":1,"type":"ec', "cannot be read: Input data was truncated"),
        ('{"v":1,"type":"\udcff"}', "cannot be read"),
        ("x" * 100_000, "not one that this version reads"),
    ],
)
def test_what_is_no_definition_is_said_to_be_none(text, reason):
    with pytest.raises(CorruptRecord) as refusal:
        decode_task(text)
    assert reason in refusal.value.message
    assert len(refusal.value.message) < 300


def test_a_task_from_its_record():
    fields = {
        "def": encode_task(Task(type="echo")),
        "rev": "3",
        "status": "scheduled",
        "next": "1700000060000",
        "created": "1700000000000",
        "updated": "1700000001000",
        "lr": "r1",
        "lrs": "failed",
        "lrf": "1700000002000",
        "occ": "7",
        "n:runs": "9",
        "n:failed": "1",
        "note": "it waits",
    }
    assert stored_task("t", fields) == StoredTask(
        id="t",
        definition=Task(type="echo"),
        revision=3,
        status="scheduled",
        next_run_at=1_700_000_060_000,
        created_at=1_700_000_000_000,
        updated_at=1_700_000_001_000,
        last_run=LastRun(id="r1", status="failed", finished_at=1_700_000_002_000),
        counts={"runs": 9, "failed": 1},
        done=(7,),
        notes=("it waits",),
    )


def test_only_a_scheduled_task_has_a_next_run():
    fields = {"def": encode_task(Task(type="echo")), "rev": "1", "created": "1", "next": "5"}
    assert stored_task("t", {**fields, "status": "scheduled"}).next_run_at == 5
    assert stored_task("t", {**fields, "status": "paused"}).next_run_at is None


def test_a_record_that_cannot_be_read_is_still_shown_with_the_reason():
    fields = {"def": "garbage", "rev": "2", "status": "paused", "created": "5", "note": "parked"}
    with pytest.raises(CorruptRecord) as error:
        stored_task("t", fields)
    shown = unreadable_task("t", fields, error.value)
    assert (shown.definition, shown.revision, shown.status) == (None, 2, "paused")
    assert shown.notes == ("parked", error.value.message)


@given(st.dictionaries(
    st.sampled_from(["rev", "status", "next", "created", "updated", "lr", "lrs", "lrf", "occ",
                     "n:runs", "n:failed", "note"]),
    st.text(max_size=6),
))  # fmt: skip
@bounded(150)
def test_whatever_is_in_a_record_it_is_shown(fields):
    shown = unreadable_task("t", fields, CorruptRecord("why"))
    assert shown.id == "t"
    assert "why" in shown.notes[-1]


def test_the_listings_of_a_task():
    task = Task(type="echo", queue="mail", tags=("a", "b"))
    assert listings_of(task) == [
        "tasks:type:echo", "tasks:queue:mail", "tasks:tag:a", "tasks:tag:b",
    ]  # fmt: skip


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_records_of_each_version_are_read(path):
    """What earlier programs wrote. A new schema version adds a file here and keeps the old ones."""
    records = json.loads(path.read_text())
    for case in records["tasks"]:
        task = stored_task("t", case["record"])
        assert codec.to_json(task.definition) == codec.to_json(case["definition"])
        for name, value in case["expect"].items():
            assert json.loads(codec.to_json(getattr(task, name))) == value, name
    for case in records["runs"]:
        run = stored_run("r", case["record"], case["log"])
        for name, value in case["expect"].items():
            assert json.loads(codec.to_json(getattr(run, name))) == value, name


def test_there_are_records_of_every_version():
    assert [path.stem for path in RECORDS] == [f"v{n}" for n in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize(
    "damage",
    [
        {"task": None},
        {"status": None},
        {"at": "soon"},
        {"attempt": "first"},
        {"a:1": "{"},
        {"error": "[]"},
        {"result": "{"},
        {"progress": "nope"},
        {"queued": "yesterday"},
        {"def": "garbage"},
    ],
    ids=str,
)
def test_a_run_that_cannot_be_read_is_said_to_be_so(damage):
    fields = {
        "task": "t",
        "def": encode_task(Task(type="echo")),
        "status": "running",
        "origin": "schedule",
        "at": "5",
        "attempt": "1",
    }
    assert stored_run("r", fields).scheduled_for == 5
    damaged = {k: v for k, v in {**fields, **damage}.items() if v is not None}
    with pytest.raises(CorruptRecord):
        stored_run("r", damaged)


def test_failures_come_back_as_they_went():
    failure = Failure(type="ValueError", message='"quoted" ü', traceback="line 1\nline 2")
    fields = {
        "task": "t",
        "def": encode_task(Task(type="echo")),
        "status": "failed",
        "origin": "schedule",
        "at": "5",
        "error": codec.to_json(failure),
    }
    assert stored_run("r", fields).error == failure
