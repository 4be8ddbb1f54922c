from __future__ import annotations

import base64
import json
import pickle
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from dispatch_app.builtin.http import FinalStatus, UnexpectedStatus
from dispatch_app.domain.errors import Discard, RetryAfter
from tests.builtin.web import web_server
from tests.tls import CERTIFICATE


@pytest.fixture
def web(app):
    app.conf.dispatch_http_allow_private = True
    with web_server() as web:
        yield web


# --- the request


def test_result_is_the_response(run, web):
    web.answers["/"] = (
        201,
        {"Content-Type": "text/plain; charset=latin-1"},
        "für".encode("latin-1"),
    )
    result = run("http", url=web.url())
    assert 0 <= result.pop("elapsed") < 10
    headers = result.pop("headers")
    assert headers["content-length"] == "3"
    assert result == {"status": 201, "body": "für", "encoding": "text", "truncated": False}
    assert web.seen[0].headers["user-agent"] == "celery-dispatch"
    assert "idempotency-key" not in web.seen[0].headers


def test_sends_a_json_body_under_the_runs_idempotency_key(run, web):
    run("http", "run-1", url=web.url("/a?b=c"), method="PUT", body={"n": [1, None]})
    seen = web.seen[0]
    assert (seen.method, seen.path, json.loads(seen.body)) == ("PUT", "/a?b=c", {"n": [1, None]})
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == "run-1"


def test_sends_a_text_as_it_is_and_the_headers_that_are_given(run, web):
    headers = {"idempotency-key": "mine", "content-type": "text/csv", "USER-AGENT": "me"}
    run("http", "run-1", url=web.url(), method="POST", body="ä;b", headers=headers)
    seen = web.seen[0]
    assert seen.body.decode() == "ä;b"
    assert {name: seen.headers[name.lower()] for name in headers} == headers


@pytest.mark.parametrize("body", [False, 0, [], {}, ""])
def test_an_empty_value_is_a_body_too(run, web, body):
    run("http", url=web.url(), method="POST", body=body)
    assert web.seen[0].body == (body.encode() if body == "" else json.dumps(body).encode())


def test_a_password_in_the_url_is_sent_but_in_no_error(run, web):
    web.answers["/"] = (500, {}, b"")
    with pytest.raises(UnexpectedStatus) as caught:
        run("http", url=web.url().replace("//", "//me:p%40ss@"))
    basic = web.seen[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic) == b"me:p@ss"
    assert "p%40ss" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        {"url": "ftp://example.com/"},
        {"url": "ws://example.com/"},
        {"url": "file:///etc/passwd"},
        {"url": "http://"},
        {"url": "http:///path"},
        {"url": "http://example.com:99999/"},
        {"url": "http://[::1"},
        {"url": f"http://{'a' * 80}.example.com/"},
    ],
)
def test_a_request_that_can_never_be_sent_is_discarded(run, web, payload):
    with pytest.raises(Discard):
        run("http", **payload)


@pytest.mark.parametrize("headers", [{"A": "b\r\nC: d"}, {"A": "b\n"}, {"A\n": "b"}, {"A": "ü"}])
def test_a_header_that_is_none_is_discarded(run, web, headers):
    with pytest.raises(Discard, match="The request cannot be sent"):
        run("http", url=web.url(), headers=headers)
    assert not web.seen


def test_speaks_tls_with_the_names_own_certificate(run, app, monkeypatch):
    app.conf.dispatch_http_allow_private = True
    with web_server(tls=True) as web:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            run("http", url=web.url(host="localhost"))
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert run("http", url=web.url(host="localhost"))["body"] == "hello"


# --- the response


def test_what_is_no_text_comes_as_base64(run, web):
    web.answers["/"] = (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\xff\x00")
    result = run("http", url=web.url())
    assert base64.b64decode(result["body"]) == b"\x1f\x8b\xff\x00"
    assert result["encoding"] == "base64"
    assert web.seen[0].headers["accept-encoding"] == "identity"


def test_a_charset_that_python_does_not_know_is_no_text(run, web):
    web.answers["/"] = (200, {"Content-Type": "text/plain; charset=hex"}, b"6869")
    assert run("http", url=web.url())["encoding"] == "base64"


@pytest.mark.parametrize(("size", "truncated"), [(99, False), (100, False), (101, True)])
def test_a_response_is_kept_up_to_the_limit(run, app, web, size, truncated):
    app.conf.dispatch_http_response_limit = 100
    web.answers["/"] = (200, {}, b"x" * size)
    result = run("http", url=web.url())
    assert (len(result["body"]), result["truncated"]) == (min(size, 100), truncated)


def test_a_cut_through_a_character_leaves_text(run, app, web):
    app.conf.dispatch_http_response_limit = 4
    web.answers["/"] = (200, {}, "a€€".encode())
    result = run("http", url=web.url())
    assert (result["body"], result["encoding"], result["truncated"]) == ("a€", "text", True)


def test_an_endless_response_is_not_read_to_its_end(run, app, web):
    app.conf.dispatch_http_response_limit = 1000
    web.answers["/"] = _endless
    result = run("http", url=web.url())
    assert (len(result["body"]), result["truncated"]) == (1000, True)


def test_a_head_has_no_body(run, web):
    assert run("http", url=web.url(), method="HEAD")["body"] == ""


def _endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 10_000)


# --- time


@pytest.mark.parametrize("part", ["headers", "body"])
def test_the_timeout_bounds_the_whole_even_if_bytes_keep_dripping(run, web, part):
    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n")
        handler.wfile.write(b"X-Long: " if part == "headers" else b"\r\n")
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)

    web.answers["/"] = drip
    started = time.monotonic()
    with pytest.raises(httpx.TimeoutException):
        run("http", url=web.url(), timeout=0.3)
    assert time.monotonic() - started < 3


def test_nobody_at_the_port_is_an_error_that_names_it(run, web):
    with web_server() as gone:
        url = gone.url()
    with pytest.raises(httpx.ConnectError, match=rf"127.0.0.1, port {gone.port}: .*refused"):
        run("http", url=url)


# --- redirects


def test_follows_redirects(run, web):
    web.answers["/"] = (302, {"Location": "/there"}, b"")
    assert run("http", url=web.url())["body"] == "hello"
    assert [seen.path for seen in web.seen] == ["/", "/there"]


def test_follows_five_redirects_and_no_sixth(run, web):
    for n in range(6):
        web.answers[f"/{n}"] = (307, {"Location": f"/{n + 1}"}, b"")
    assert run("http", url=web.url("/1"))["status"] == 200
    with pytest.raises(Discard, match="redirects more than 5 times"):
        run("http", url=web.url("/0"))


def test_does_not_follow_where_it_shall_not(run, web):
    web.answers["/"] = (302, {"Location": "/there"}, b"")
    result = run("http", url=web.url(), follow_redirects=False, expected_status=[302])
    assert (result["status"], result["headers"]["location"]) == (302, "/there")


def test_a_redirects_own_endless_body_is_not_read(run, web):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", "/there")
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 10_000)

    web.answers["/"] = redirect
    assert run("http", url=web.url(), timeout=5)["body"] == "hello"


@pytest.mark.parametrize("credentials", ["header", "url"])
def test_credentials_stay_with_their_origin(run, web, credentials):
    with web_server() as other:
        web.answers["/"] = (307, {"Location": web.url("/same")}, b"")
        web.answers["/same"] = (307, {"Location": other.url()}, b"")
        url, headers = web.url(), {}
        if credentials == "url":
            url = url.replace("//", "//me:secret@")
        else:
            headers = {"Authorization": "Bearer secret"}
        run("http", url=url, headers=headers)
        assert [("authorization" in seen.headers) for seen in web.seen] == [True, True]
        assert "authorization" not in other.seen[0].headers


def test_a_redirect_to_another_protocol_is_refused(run, web):
    web.answers["/"] = (302, {"Location": "file:///etc/passwd"}, b"")
    with pytest.raises(Discard, match=r"^file://.*/etc/passwd is refused"):
        run("http", url=web.url())


# --- statuses


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, FinalStatus),
        (404, FinalStatus),
        (422, FinalStatus),
        (408, UnexpectedStatus),
        (425, UnexpectedStatus),
        (429, UnexpectedStatus),
        (500, UnexpectedStatus),
        (503, UnexpectedStatus),
        (304, UnexpectedStatus),
    ],
)
def test_an_unexpected_status_says_whether_another_attempt_may_help(run, web, status, error):
    web.answers["/"] = (status, {}, b"" if status == 304 else b"so it is")
    with pytest.raises(error, match=f"GET http://.* answered {status}") as caught:
        run("http", url=web.url())
    assert caught.type is error
    assert status == 304 or str(caught.value).endswith("so it is")
    assert caught.value.status == status
    pickled = pickle.loads(pickle.dumps(caught.value))
    assert (str(pickled), pickled.status) == (str(caught.value), status)


def test_an_error_quotes_no_more_than_the_beginning(run, web):
    web.answers["/"] = (500, {}, b"x" * 60_000)
    with pytest.raises(UnexpectedStatus) as caught:
        run("http", url=web.url())
    assert len(str(caught.value)) < 700


def test_expected_statuses_replace_the_default(run, web):
    web.answers["/gone"] = (404, {}, b"")
    assert run("http", url=web.url("/gone"), expected_status=[200, 404])["status"] == 404
    with pytest.raises(UnexpectedStatus, match="answered 200"):
        run("http", url=web.url(), expected_status=[202])


@pytest.mark.parametrize("status", [429, 503])
def test_comes_back_when_the_server_says(run, web, status):
    web.answers["/"] = (status, {"Retry-After": "17"}, b"busy")
    with pytest.raises(RetryAfter, match="busy") as caught:
        run("http", url=web.url())
    assert (caught.value.seconds, caught.value.status) == (17, status)


def test_retry_after_may_be_a_date_and_is_at_most_a_day(run, web):
    soon = datetime.now(timezone.utc) + timedelta(seconds=60)
    web.answers["/soon"] = (503, {"Retry-After": format_datetime(soon, usegmt=True)}, b"")
    web.answers["/never"] = (503, {"Retry-After": "1000000000"}, b"")
    web.answers["/longer"] = (503, {"Retry-After": "9" * 400}, b"")
    web.answers["/past"] = (503, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, b"")
    day = 86_400
    expected = [("/soon", 50, 60), ("/never", day, day), ("/longer", day, day), ("/past", 0, 0)]
    for path, low, high in expected:
        with pytest.raises(RetryAfter) as caught:
            run("http", url=web.url(path))
        assert low <= caught.value.seconds <= high


FAR = "Fri, 31 Dec 9999 23:59:59 +9999999999999"


@pytest.mark.parametrize("asked", ["", "later", "-5", "1.5", FAR])
def test_a_retry_after_that_makes_no_sense_is_none(run, web, asked):
    web.answers["/"] = (503, {"Retry-After": asked}, b"")
    with pytest.raises(UnexpectedStatus):
        run("http", url=web.url())
