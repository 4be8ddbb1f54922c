"""Mails by our own app's worker and beat, asked for over the API, at a real SMTP server."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import pytest

from dispatch_api import create_app
from tests.builtin.mail import mail_server
from tests.end_to_end.seed import EMAIL
from tests.installation import Installation
from tests.servers import RedisServer

OURS = "dispatch_app"


@pytest.fixture(scope="module")
def server():
    with mail_server() as mail:
        yield mail


@pytest.fixture(scope="module")
def office(tmp_path_factory, server):
    """An installation with a mail server, a worker and a beat."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    folder = tmp_path_factory.mktemp("office")
    installation = Installation(redis, folder, SMTP_URL=server.url())
    installation.worker(app=OURS)
    installation.beat(app=OURS)
    yield installation
    installation.close()
    redis.stop()


@pytest.fixture
def mail(server):
    """The mail server, with no mail and no bad answer of the test before."""
    server.received.clear()
    server.answers.clear()
    return server


@pytest.fixture
def client(office):
    return create_app(office.dispatch).test_client()


def at(seconds: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return {"type": "one-time", "start_time": moment.isoformat()}


def posted(client, **fields) -> str:
    response = client.post("/api/v1/tasks", json={**EMAIL, **fields})
    assert response.status_code == 201, response.json
    return response.json["id"]


def test_the_seeds_mail_whose_time_has_passed_arrives_now(client, office, mail):
    task_id = posted(client)
    run = office.finished(task_id)
    (received,) = mail.received
    assert received.envelope.rcpt_tos == ["user@example.com"]
    assert received.message["Subject"] == "Welcome!"
    assert received.message.get_content().strip() == "Welcome to our service!"
    answer = client.get(f"/api/v1/tasks/{task_id}/result").json
    assert (answer["status"], answer["run_id"]) == ("succeeded", run.id)
    assert answer["result"] == {
        "message_id": f"<{run.id}@localhost>",
        "accepted": ["user@example.com"],
        "refused": {},
    }
    assert received.message["Message-ID"] == answer["result"]["message_id"]


def test_a_mail_for_later_arrives_not_before_its_time_and_soon_after(client, office, mail):
    moment = round(office.store.now() / 1000 + 1.5, 3)
    task_id = posted(client, schedule=at(moment))
    assert client.get(f"/api/v1/tasks/{task_id}/result").status_code == 202
    assert office.finished(task_id).status == "succeeded"
    (received,) = mail.received
    assert moment <= received.at < moment + 5


def test_a_mail_that_is_deferred_is_tried_again_as_the_same_mail(client, office, mail):
    # the server takes it whole, and is gone before it says so
    mail.answers["DATA"] = None
    task_id = posted(client, retry={"backoff": "fixed", "delay": 0.5, "jitter": False})
    office.until(lambda: mail.received)
    del mail.answers["DATA"]
    run = office.finished(task_id)
    assert run.status == "succeeded"
    assert {attempt.outcome for attempt in run.attempts[:-1]} == {"retried"}
    assert len(mail.received) == len(run.attempts) > 1
    ids = {received.message["Message-ID"] for received in mail.received}
    assert ids == {f"<{run.id}@localhost>"}


def test_a_mail_that_is_refused_for_good_is_not_tried_again(client, office, mail):
    mail.answers["RCPT"] = "550 no such user"
    run = office.finished(posted(client))
    assert (run.status, run.reason, len(run.attempts)) == ("failed", "discarded by the task", 1)
    assert run.error.message == (
        "The mail server refused all recipients: user@example.com: 550 no such user"
    )


def test_a_payload_that_is_no_mail_is_refused_by_the_api(client, office, mail):
    wrong = {"to": "ann", "subject": "a\nb", "form": "c"}
    response = client.post("/api/v1/tasks", json={**EMAIL, "payload": wrong})
    assert response.status_code == 422
    fields = {"payload", "payload.to", "payload.subject", "payload.body"}
    assert set(response.json["errors"]) == fields
    assert response.json["errors"]["payload.subject"] == ["got 'a\\nb', expected: One line."]


def test_the_type_is_there_in_an_app_of_the_users_without_a_server(installation, tmp_path):
    installation.worker()
    run = installation.run("email", payload=EMAIL["payload"])
    assert run.result["file"] == str(tmp_path / "mail" / f"{run.id}.eml")
    assert b"\r\nSubject: Welcome!\r\n" in Path(run.result["file"]).read_bytes()


@pytest.mark.soak
def test_twenty_mails_for_later_are_hardly_late(client, office, mail):
    """By hand: python -m pytest -m soak tests/end_to_end/test_mail.py"""
    first = round(time.time() + 5, 3)
    moments = {posted(client, schedule=at(first + n)): first + n for n in range(20)}
    runs = {office.finished(task_id, timeout=40).id: at for task_id, at in moments.items()}
    late = [
        received.at - runs[received.message["Message-ID"].strip("<>").partition("@")[0]]
        for received in mail.received
    ]
    assert len(late) == 20
    assert min(late) >= 0
    assert median(late) < 0.05, sorted(late)
