"""Whether a payload fits its type: which field is wrong, and why."""

from __future__ import annotations

import socket

import pytest

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.operations.payloads import check_payload

SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 3},
        "copies": {"type": "integer", "maximum": 9},
        "code": {"type": "string", "pattern": "^[0-9]+$", "description": "Digits."},
        "bare": {"type": "string", "pattern": "^[0-9]+$"},
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
            },
        },
    },
    "required": ["to", "subject"],
    "additionalProperties": False,
}
FINE = {"to": "a@example.org", "subject": "hi"}


def test_what_fits_passes():
    # a required name without a rule of its own would be an additional one, were it not for this
    schema = {**SCHEMA, "additionalProperties": True}
    check_payload(schema, {**FINE, "copies": 9, "parts": [{"name": "x"}]})
    check_payload({}, {"anything": object})


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({}, {"payload.to": "is a required", "payload.subject": "is a required"}),
        ({**FINE, "to": "a"}, {"payload.to": "is too short"}),
        ({**FINE, "to": 7}, {"payload.to": "is not of type 'string'"}),
        ({**FINE, "copies": 10}, {"payload.copies": "greater than the maximum"}),
        ({**FINE, "code": "x"}, {"payload.code": "got 'x', expected: Digits."}),
        ({**FINE, "bare": "x"}, {"payload.bare": "does not match '^[0-9]+$'."}),
        ({**FINE, "parts": [{"name": "x"}, {}]}, {"payload.parts.1.name": "is a required"}),
        ({**FINE, "parts": [7]}, {"payload.parts.0": "is not of type 'object'"}),
    ],
    ids=str,
)
def test_each_wrong_field_is_named_with_what_is_wrong(payload, fields):
    with pytest.raises(InvalidInput) as refusal:
        check_payload({**SCHEMA, "additionalProperties": True}, payload)
    assert refusal.value.fields.keys() == fields.keys()
    for path, text in fields.items():
        assert text in refusal.value.fields[path][0]


def test_a_field_too_many_is_named():
    with pytest.raises(InvalidInput) as refusal:
        check_payload(SCHEMA, {"to": "abc", "subject": "x", "cc": "y"})
    assert "'cc'" in " ".join(refusal.value.fields["payload"])


def test_an_answer_names_no_more_than_a_caller_can_read():
    schema = {"properties": {f"f{n}": {"type": "string"} for n in range(1_000)}}
    with pytest.raises(InvalidInput) as refusal:
        check_payload(schema, {f"f{n}": n for n in range(1_000)})
    assert len(refusal.value.fields) == 20


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"required": 5},
        {"properties": []},
        {"properties": {"to": {"pattern": "("}}},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
    ],
    ids=str,
)
def test_a_schema_that_cannot_be_used_is_not_the_callers_fault(schema):
    check_payload(schema, {"to": "x"})


@pytest.fixture
def impatient_sockets():
    """Whoever asks the network after all gives up, rather than waiting for ever."""
    socket.setdefaulttimeout(5)
    yield
    socket.setdefaulttimeout(None)


@pytest.mark.usefixtures("impatient_sockets")
def test_no_schema_makes_us_fetch_anything():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        check_payload({"$ref": f"http://127.0.0.1:{port}/schema"}, {"to": "x"})
        with pytest.raises(BlockingIOError):
            listener.accept()
