"""Row 62 of the pains: a hostile body gets a reason, never a 500, and stores nothing."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import time

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from dispatch_api.bodies import MAX_BYTES, MAX_INTEGER, BadJson, parse
from dispatch_app.dispatch import Dispatch


def task(**fields: object) -> bytes:
    return json.dumps({"type": "echo", **fields}).encode()


def with_payload(raw: str) -> bytes:
    return f'{{"type": "echo", "payload": {raw}}}'.encode()


#: body, status, a word of the reason
HOSTILE: dict[str, tuple[bytes, int, str]] = {
    "no JSON": (b"type=echo", 400, "Not JSON"),
    "half an object": (b'{"type": "echo"', 400, "Not JSON"),
    "a comma too many": (b'{"type": "echo",}', 400, "Not JSON"),
    "single quotes": (b"{'type': 'echo'}", 400, "Not JSON"),
    "a comment": (b'{"type": "echo" /* or so */}', 400, "Not JSON"),
    "two objects": (b'{"type": "echo"}{"type": "echo"}', 400, "Not JSON"),
    "blank": (b"   ", 400, "Not JSON"),
    "a string without end": (b'{"type": "echo', 400, "Not JSON"),
    "quotes without end": (b'"' + b'\\"' * 100_000, 400, "Not JSON"),
    "escapes outside of strings": (b'\\"' * 100_000, 400, "Not JSON"),
    "a bad escape": (b'{"type": "\\x41"}', 400, "Not JSON"),
    "a bare control character": (b'{"type": "echo\x00"}', 400, "Not JSON"),
    "a bare newline in a string": (b'{"type": "echo\n"}', 400, "Not JSON"),
    "Latin-1": ('{"type": "é"}'.encode("latin-1"), 400, "UTF-8"),
    "UTF-16": ('{"type": "echo"}'.encode("utf-16"), 400, "UTF-8"),
    "an overlong encoding": (b'{"type": "\xc0\x80"}', 400, "UTF-8"),
    "an encoded surrogate": (b'{"type": "\xed\xa0\x80"}', 400, "UTF-8"),
    "a byte order mark": (b'\xef\xbb\xbf{"type": "echo"}', 400, "byte order mark"),
    "a lone high surrogate": (with_payload('{"a": "\\ud800"}'), 400, "payload.a"),
    "a lone low surrogate": (with_payload('{"a": "x\\udc00y"}'), 400, "payload.a"),
    "surrogates the wrong way round": (with_payload('["\\udc00\\ud800"]'), 400, "payload.0"),
    "a surrogate in a name": (with_payload('{"\\ud800": 1}'), 400, "name of a field"),
    "a surrogate in the type": (b'{"type": "\\ud800"}', 400, "type"),
    "33 levels": (with_payload('{"a":' * 32 + "1" + "}" * 32), 400, "32 levels"),
    "10,000 levels": (with_payload("[" * 10_000 + "]" * 10_000), 400, "32 levels"),
    "100,000 brackets": (b"[" * 100_000, 400, "32 levels"),
    "100,000 objects": (b'{"a":' * 50_000, 400, "32 levels"),
    "100,000 closing brackets": (b"]" * 100_000, 400, "Not JSON"),
    "100,000 pairs": (b"[]" * 100_000, 400, "Not JSON"),
    "a name twice": (b'{"type": "echo", "type": "sleep"}', 400, '"type" is given twice'),
    "a name twice further in": (with_payload('{"a": {"b": 1, "b": 2}}'), 400, "twice"),
    "a name twice by escape": (b'{"type": "echo", "typ\\u0065": "sleep"}', 400, "twice"),
    "20,000 names, one twice": (
        with_payload("{" + "".join(f'"{n}":0,' for n in range(20_000)) + '"7":1}'),
        400,
        "twice",
    ),
    "NaN": (with_payload('{"a": NaN}'), 400, "NaN"),
    "Infinity": (with_payload('{"a": Infinity}'), 400, "Infinity"),
    "minus Infinity": (with_payload('{"a": -Infinity}'), 400, "Infinity"),
    "a number too large": (with_payload('{"a": 1e400}'), 400, "double"),
    "2^53 + 1": (with_payload(f'{{"a": {2**53 + 1}}}'), 400, "2^53"),
    "-2^53 - 1": (with_payload(f'{{"a": -{2**53 + 1}}}'), 400, "2^53"),
    "400 digits": (with_payload(f'{{"a": {"9" * 400}}}'), 400, "2^53"),
    "100,000 digits": (with_payload(f'{{"a": {"9" * 100_000}}}'), 400, "2^53"),
    "a leading zero": (with_payload('{"a": 01}'), 400, "Not JSON"),
    "a hexadecimal number": (with_payload('{"a": 0x10}'), 400, "Not JSON"),
    "a list": (b"[]", 422, "JSON object"),
    "a text": (b'"echo"', 422, "JSON object"),
    "a number": (b"1", 422, "JSON object"),
    "null": (b"null", 422, "JSON object"),
    "nothing": (b"", 422, "Missing"),
    "an empty object": (b"{}", 422, "Missing"),
    "over 256 KiB": (task(payload={"a": "x" * MAX_BYTES}), 413, "256 KiB"),
    "blanks over 256 KiB": (b" " * (MAX_BYTES + 1), 413, "256 KiB"),
    "a payload over 64 KiB": (task(payload={"a": "x" * 65_536}), 422, "65536"),
    "metadata over 16 KiB": (task(metadata={"a": "x" * 16_384}), 422, "16384"),
    "a payload that is a list": (task(payload=[1]), 422, "payload"),
    "a payload that is null": (task(payload=None), 422, "payload"),
    "NUL in the type": (task(type="ec\x00ho"), 422, "type"),
    "a blank type": (task(type=" "), 422, "type"),
    "a type of 300 characters": (task(type="x" * 300), 422, "type"),
    "a type that is a number": (task(type=1), 422, "type"),
    "NUL in the name": (task(name="a\x00b"), 422, "control character"),
    "a newline in the name": (task(name="a\nb"), 422, "control character"),
    "a name of 201 characters": (task(name="x" * 201), 422, "200"),
    "a description of 10,001 characters": (task(description="x" * 10_001), 422, "10000"),
    "NUL in the queue": (task(queue="a\x00b"), 422, "queue"),
    "braces in the queue": (task(queue="{other}"), 422, "queue"),
    "51 tags": (task(tags=[str(n) for n in range(51)]), 422, "50"),
    "an empty tag": (task(tags=[""]), 422, "tags.0"),
    "tags that are a text": (task(tags="red"), 422, "tags"),
    "PRIORITY in capitals": (task(priority="HIGH"), 422, "critical, high, normal, low"),
    "a priority that is a list": (task(priority=["high"]), 422, "priority"),
    "true as a number": (task(max_retries=True), 422, "max_retries"),
    "a number as true": (task(enabled=1), 422, "true or false"),
    "a number as text": (task(timeout="60"), 422, "number of seconds"),
    "a negative duration": (task(timeout=-1), 422, "timeout"),
    "no duration": (task(timeout=0), 422, "timeout"),
    "an endless duration": (task(timeout=1e300), 422, "timeout"),
    "1,001 retries": (task(max_retries=1001), 422, "1000"),
    "a schedule that is a text": (task(schedule="daily"), 422, "object"),
    "a schedule without type": (task(schedule={"every": 5}), 422, "schedule.type"),
    "a schedule of a list as type": (task(schedule={"type": ["cron"]}), 422, "schedule.type"),
    "a naive time": (
        task(schedule={"type": "one-time", "start_time": "2030-01-01T00:00:00"}),
        422,
        "offset",
    ),
    "a day that never is": (
        task(schedule={"type": "one-time", "start_time": "2030-02-30T00:00:00Z"}),
        422,
        "no such time",
    ),
    "the year 10000": (
        task(schedule={"type": "one-time", "start_time": "10000-01-01T00:00:00Z"}),
        422,
        "RFC 3339",
    ),
    "a field of a later day": (task(pool="big"), 422, "pool"),
    "a field of the server": (task(status="succeeded"), 422, "set by the server"),
    "a misspelt field": (task(tiemout=5), 422, "Did you mean timeout?"),
    "10,000 unknown fields": (task(**{f"x{n}": 1 for n in range(10_000)}), 422, "Unknown"),
    "a name of 100,000 characters": (task(**{"x" * 100_000: 1}), 422, "Unknown"),
}


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(HOSTILE) >= 50


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_gets_a_reason_and_stores_nothing(
    client: FlaskClient, dispatch: Dispatch, name: str
) -> None:
    body, status, reason = HOSTILE[name]
    begin = time.monotonic()
    answer = client.post("/api/v1/tasks", data=body, content_type="application/json")
    assert answer.status_code == status, answer.text[:500]
    assert answer.content_type == "application/problem+json"
    assert reason in answer.text.replace('\\"', '"')
    assert len(answer.data) < 10_000, "an error does not throw the whole body back"
    assert time.monotonic() - begin < 2
    assert dispatch.store.client.keys("*task*") == []


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "multipart/mixed",
    ],
)
def test_only_json_is_taken(client: FlaskClient, content_type: str | None) -> None:
    answer = client.post("/api/v1/tasks", data=task(), content_type=content_type)
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json["detail"]


def test_json_with_a_charset_is_json(client: FlaskClient) -> None:
    answer = client.post(
        "/api/v1/tasks", data=task(), content_type="application/json; charset=utf-8"
    )
    assert answer.status_code == 201


def test_a_compressed_body_is_refused(client: FlaskClient) -> None:
    answer = client.post(
        "/api/v1/tasks",
        data=gzip.compress(task()),
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/trigger", "/pause", "/resume", "/backfill"])
def test_every_body_is_read_as_strictly(client: FlaskClient, path: str) -> None:
    client.put("/api/v1/tasks/mine", data=task(), content_type="application/json")
    for body, status in ((b"[" * 10_000, 400), (b'{"nonsense": 1}', 422), (b"[]", 422)):
        answer = client.post(
            f"/api/v1/tasks/mine{path}", data=body, content_type="application/json"
        )
        assert answer.status_code == status


def test_text_beyond_the_basic_plane_comes_back_as_it_went(client: FlaskClient) -> None:
    fields = b'"name": "\\ud83d\\ude00 \xf0\x9f\x98\x80", "payload": {"n": "a\\u0000b"}'
    body = b'{"type": "echo", %s}' % fields
    answer = client.post("/api/v1/tasks", data=body, content_type="application/json")
    assert answer.status_code == 201
    assert answer.json["name"] == "😀 😀"
    assert answer.json["payload"] == {"n": "a\x00b"}


def test_an_endless_body_is_cut_off(app, redis_url: str, serve) -> None:
    with serve(app) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        chunks = iter([b" " * 65_536] * 5)
        connection.request(
            "POST",
            "/api/v1/tasks",
            body=chunks,
            headers={"Content-Type": "application/json"},
            encode_chunked=True,
        )
        answer = connection.getresponse()
        assert answer.status == 413
        assert "256 KiB" in answer.read().decode()
        connection.close()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, st.booleans())
def test_what_json_can_say_is_read_as_it_is(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert parse(text.encode()) == value


@given(st.binary(max_size=200) | st.text('[]{}"\\,:0123.eE-+ truefalsn', max_size=60))
def test_anything_else_is_refused_in_one_way(body: bytes | str) -> None:
    body = body.encode() if isinstance(body, str) else body
    with contextlib.suppress(BadJson):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [b"[" * 262_144, b"[]" * 131_072, b'"' + b'\\"' * 131_071, b'\\"' * 131_072, b'"' * 262_144],
)
def test_no_body_takes_long(body: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(BadJson):
        parse(body)
    assert time.process_time() - begin < 1
