"""Row 31 of the pains: nobody is served by accident."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

Api = Callable[..., FlaskClient]

PATHS = ["/api/v1/tasks", "/readyz", "/docs", "/openapi.json", "/nowhere"]


def get(client: FlaskClient, path: str = "/api/v1/tasks", address: str = "127.0.0.1", **headers):
    """Answer to a caller from that address, with `host="x"` sent as Host, `x_b` as X-B."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=sent, environ_base={"REMOTE_ADDR": address})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"])
def test_without_keys_this_machine_is_served(client: FlaskClient, address: str, host: str) -> None:
    assert get(client, address=address, host=host).status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.2", "8.8.8.8", "::2", "fe80::1", ""])
def test_without_keys_other_machines_are_not(client: FlaskClient, address: str) -> None:
    answer = get(client, address=address)
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "DISPATCH_API_KEYS" in answer.json["detail"], "it says how to make a key"


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "127.0.0.1"},
        {"X_Forwarded_Host": "localhost"},
        {"X_Forwarded_Proto": "https"},
        {"Forwarded": "for=127.0.0.1"},
        {"X_Real_IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_without_keys_nothing_forwarded_is_served(client: FlaskClient, headers: dict) -> None:
    assert get(client, **headers).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::1", "10.0.0.1:8080"]
)
def test_a_name_that_points_here_is_not_this_machine(client: FlaskClient, host: str) -> None:
    assert get(client, host=host).status_code in (400, 401)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null"])
def test_no_other_sites_page_may_run_a_task(client: FlaskClient, origin: str) -> None:
    client.put("/api/v1/tasks/mine", json={"type": "echo"})
    answer = client.post("/api/v1/tasks/mine/trigger", headers={"Origin": origin})
    assert answer.status_code == 401
    assert len(client.get("/api/v1/tasks/mine/runs").json["items"]) == 1


def test_our_own_page_may(client: FlaskClient) -> None:
    client.put("/api/v1/tasks/mine", json={"type": "echo"})
    answer = client.post("/api/v1/tasks/mine/trigger", headers={"Origin": "http://localhost"})
    assert answer.status_code == 201


@pytest.mark.parametrize("path", PATHS)
def test_with_keys_everybody_needs_one(api: Api, path: str) -> None:
    client = api(DISPATCH_API_KEYS="ci:s3cret-of-ci,ops:s3cret-of-ops")
    assert get(client, path).status_code == 401
    for secret in ("s3cret-of-ci", "s3cret-of-ops"):
        answer = get(client, path, "8.8.8.8", host="api.example", Authorization=f"Bearer {secret}")
        assert answer.status_code != 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer ci",
        "Bearer s3cret-of-c",
        "Bearer s3cret-of-cii",
        "Bearer ci:s3cret-of-ci",
        "Basic s3cret-of-ci",
        "s3cret-of-ci",
        "Bearer s3cret-of-ci,s3cret-of-ops",
        "Bearer \xff\xfe",
    ],
)
def test_nothing_but_a_key_opens(api: Api, authorization: str) -> None:
    client = api(DISPATCH_API_KEYS="ci:s3cret-of-ci,ops:s3cret-of-ops")
    answer = get(client, Authorization=authorization)
    assert answer.status_code == 401
    assert "s3cret" not in answer.text


def test_the_scheme_is_case_blind(api: Api) -> None:
    client = api(DISPATCH_API_KEYS="ci:s3cret-of-ci")
    assert get(client, Authorization="bearer s3cret-of-ci").status_code == 200


@pytest.mark.parametrize("keys", ["", "ci:s3cret-of-ci"])
def test_healthz_is_open_to_all_and_says_nothing_but_ok(api: Api, keys: str) -> None:
    client = api(DISPATCH_API_KEYS=keys)
    answer = get(client, "/healthz", "8.8.8.8", host="api.example", X_Forwarded_For="1.2.3.4")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_who_may_not_call_learns_nothing(api: Api) -> None:
    """Not which paths there are, nor whether a body would be right."""
    client = api(DISPATCH_API_KEYS="ci:s3cret-of-ci")
    answers = [
        client.get("/nowhere"),
        client.delete("/openapi.json"),
        client.post("/api/v1/tasks", data=b"["),
        client.get("/api/v1/tasks?nonsense=1"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
