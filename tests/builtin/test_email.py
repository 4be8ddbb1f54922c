from __future__ import annotations

import pickle
import smtplib
import socket
import ssl
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dispatch_app.builtin import smtp
from dispatch_app.builtin.email import PAYLOAD
from dispatch_app.builtin.smtp import MailDeferred
from dispatch_app.domain.errors import Discard
from tests.builtin.mail import greeting, mail_server
from tests.properties import bounded
from tests.tls import CERTIFICATE

SEED = {"to": "user@example.com", "subject": "Welcome!", "body": "Welcome to our service!"}


def fits(payload) -> bool:
    """Whether POST would take it."""
    return Draft202012Validator(PAYLOAD).is_valid(payload)


def text_of(part) -> str:
    return part.get_content().replace("\r\n", "\n").removesuffix("\n")


def mailboxes(message, header="To"):
    """Names and addresses; not by Python's newer parser, which keeps the space between two encoded
    words in a name."""
    pairs = getaddresses([message_from_bytes(bytes(message))[header]])
    return [(str(make_header(decode_header(name))), address) for name, address in pairs]


# --- the mail


def test_the_seeds_payload_is_a_mail(run, mail):
    result = run("email", "run-1", **SEED)
    assert result == {
        "message_id": "<run-1@localhost>",
        "accepted": ["user@example.com"],
        "refused": {},
    }
    (received,) = mail.received
    assert received.envelope.mail_from == "dispatch@localhost"
    assert received.envelope.rcpt_tos == ["user@example.com"]
    message = received.message
    assert {name: message[name] for name in ("To", "From", "Subject", "Message-ID")} == {
        "To": "user@example.com",
        "From": "dispatch@localhost",
        "Subject": "Welcome!",
        "Message-ID": "<run-1@localhost>",
    }
    assert message["Auto-Submitted"] == "auto-generated"
    age = datetime.now(timezone.utc) - message["Date"].datetime
    assert timedelta(seconds=-2) < age < timedelta(minutes=1)
    assert message.get_content_type() == "text/plain"
    assert text_of(message) == "Welcome to our service!"


def test_copies_reach_all_and_blind_ones_are_in_no_header(run, mail):
    result = run(
        "email",
        **{**SEED, "to": ["Ann <ann@example.org>", "bob@example.org"]},
        cc="bob@example.org",
        bcc=["Eve <eve@example.org>", "ann@example.org"],
    )
    everybody = ["ann@example.org", "bob@example.org", "eve@example.org"]
    assert result["accepted"] == mail.received[0].envelope.rcpt_tos == everybody
    message = mail.received[0].message
    assert message["To"] == "Ann <ann@example.org>, bob@example.org"
    assert message["Cc"] == "bob@example.org"
    assert message["Bcc"] is None
    assert b"eve@" not in mail.received[0].envelope.original_content


def test_the_sender_is_the_payloads_or_the_settings(run, app, mail):
    app.conf.dispatch_smtp_sender = "Our Service <us@example.com>"
    run("email", "run-1", **SEED)
    run("email", "run-2", **SEED, sender="me@example.net", reply_to=["a@b.c", "Help <d@e.f>"])
    ours, mine = (received.message for received in mail.received)
    assert (ours["From"], ours["Message-ID"]) == (
        "Our Service <us@example.com>",
        "<run-1@example.com>",
    )
    assert (mine["From"], mine["Message-ID"]) == ("me@example.net", "<run-2@example.net>")
    assert mine["Reply-To"] == "a@b.c, Help <d@e.f>"
    senders = [received.envelope.mail_from for received in mail.received]
    assert senders == ["us@example.com", "me@example.net"]


def test_html_stands_beside_the_text(run, mail):
    run("email", **SEED, html="<p>Wïllkommen</p>")
    message = mail.received[0].message
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert text_of(message.get_body(("html",))) == "<p>Wïllkommen</p>"
    assert text_of(message.get_body(("plain",))) == SEED["body"]


def test_attachments_come_back_as_they_were(run, mail):
    attachments = [
        {"filename": "may.csv", "content": "tag;zahl\nä;1\n"},
        {"filename": "fünf.bin", "content_base64": "AAEC\n/w=="},
        {"filename": "x", "content": "{}", "content_type": "application/json"},
        {"filename": "y", "content": "plain"},
        {"filename": "logs.txt.gz", "content_base64": ""},
        {"filename": "old.eml", "content": "To: x"},
    ]
    run("email", **SEED, html="<p>x</p>", attachments=attachments)
    message = mail.received[0].message
    found = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ]
    assert found == [
        ("may.csv", "text/csv", "tag;zahl\nä;1\n".encode()),
        ("fünf.bin", "application/octet-stream", b"\x00\x01\x02\xff"),
        ("x", "application/json", b"{}"),
        ("y", "text/plain", b"plain"),
        ("logs.txt.gz", "application/octet-stream", b""),
        ("old.eml", "text/plain", b"To: x"),
    ]
    charsets = [part.get_content_charset() for part in message.iter_attachments()]
    assert charsets == ["utf-8", None, None, "utf-8", None, "utf-8"]
    assert text_of(message.get_body(("plain",))) == SEED["body"]


def test_what_looks_like_an_encoded_word_arrives_as_it_was_written(run, mail):
    run("email", **{**SEED, "subject": "=?utf-8?q?x?="})
    assert mail.received[0].message["Subject"] == "=?utf-8?q?x?="


def test_further_headers_are_sent_whole(run, mail):
    headers = {
        "X-Campaign": "May für alle",
        "List-Unsubscribe": f"<https://example.com/{'u' * 200}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "In-Reply-To": f"<{'i' * 100}@example.com>",
        "References": " ".join(f"<{n}-{'r' * 90}@example.com>" for n in range(5)),
        "Auto-Submitted": "no",
    }
    assert fits({**SEED, "headers": headers})
    run("email", **SEED, headers=headers)
    message = mail.received[0].message
    assert {name: message[name] for name in headers} == headers
    raw = mail.received[0].envelope.original_content.decode()
    assert headers["List-Unsubscribe"] in raw
    assert headers["References"] in raw


def test_names_and_subjects_in_any_script_arrive(run, mail):
    to = [
        '"Müller, Hans, von und zu einem sehr langen Namen" <hans@example.org>',
        'Doe, Ann "the \\ one" <ann@example.org>',
        "=?utf-8?q?x?= <x@example.org>",
        "山田 太郎 <taro@example.org>",
        "ann@bücher.example",
        "bob@faß.example",
    ]
    subject = "Grüße 👋 " + "an alle, " * 30
    run("email", **{**SEED, "to": to, "subject": subject, "body": "Schöne Grüße\n👋\n"})
    received = mail.received[0]
    assert received.envelope.original_content.isascii()
    assert [name for name, _ in mailboxes(received.message)] == [
        "Müller, Hans, von und zu einem sehr langen Namen",
        'Doe, Ann "the \\ one"',
        "=?utf-8?q?x?=",
        "山田 太郎",
        "",
        "",
    ]
    assert received.message["Subject"] == subject
    assert text_of(received.message) == "Schöne Grüße\n👋"
    assert received.envelope.rcpt_tos[-2:] == [
        "ann@xn--bcher-kva.example",
        "bob@xn--fa-hia.example",
    ]


def test_a_local_part_in_any_script_needs_smtputf8(run, mail):
    run("email", **{**SEED, "to": "Jürgen <jürgen@bücher.example>"})
    received = mail.received[0]
    assert received.envelope.rcpt_tos == ["jürgen@xn--bcher-kva.example"]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(received.envelope.mail_options)
    assert received.message["To"].addresses[0].display_name == "Jürgen"


def test_without_smtputf8_such_an_address_is_discarded(run, app):
    with mail_server(enable_SMTPUTF8=False) as mail:
        app.conf.dispatch_smtp_url = mail.url()
        for field in ("to", "reply_to", "sender"):
            with pytest.raises(Discard, match="has no SMTPUTF8"):
                run("email", **{**SEED, field: "jürgen@example.org"})
        assert not mail.received


def test_long_and_odd_lines_survive(run, mail):
    body = f"{'x' * 3000}\n.\n..two\nFrom here\r\nlast"
    run("email", **{**SEED, "body": body})
    received = mail.received[0]
    assert text_of(received.message) == body.replace("\r\n", "\n")
    lines = received.envelope.original_content.split(b"\r\n")
    assert max(map(len, lines)) < 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)


printable = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "))


@bounded(40)
@given(name=printable, subject=printable, filename=printable.filter(str.strip), body=printable)
def test_any_text_comes_back(run, tmp_path, app, name, subject, filename, body):
    app.conf.dispatch_data_dir = str(tmp_path)
    name, subject = name.replace("<", "").replace(">", "").strip(), subject.strip()
    filename = "".join(c for c in filename if c not in "/\\").strip() or "f"
    payload = {
        "to": [f"{name} <a@example.org>", "b@example.org"],
        "subject": subject,
        "body": body,
        "attachments": [{"filename": filename, "content": body}],
    }
    result = run("email", **payload)
    raw = Path(result["file"]).read_bytes()
    assert raw.isascii()
    message = message_from_bytes(raw, policy=default)
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    (first, address), second = mailboxes(message)
    assert (address, second) == ("a@example.org", ("", "b@example.org"))
    assert quoted or first == name
    assert message["Subject"] == subject
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == filename
    assert attached.get_payload(decode=True) == body.encode()
    assert text_of(message.get_body(("plain",))) == body


# --- what is refused before anything is sent


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": ""},
        {"to": []},
        {"to": "ann"},
        {"to": "ann@"},
        {"to": "@example.org"},
        {"to": "a b@example.org"},
        {"to": "ann@example.org, bob@example.org"},
        {"to": "ann@example.org\n"},
        {"to": "ann@example.org\r\nBcc: eve@example.org"},
        {"to": "Ann\r\nBcc: eve@example.org <ann@example.org>"},
        {"to": "Ann <ann@example.org>\n"},
        {"to": "Ann <ann@example.org> <bob@example.org>"},
        {"to": ["ann@example.org", 7]},
        {"to": 7},
        {"to": [f"u{n}@example.org" for n in range(101)]},
        {"cc": "a..b@example.org"},
        {"bcc": ".a@example.org"},
        {"reply_to": "a@b@c"},
        {"sender": "Me"},
        {"sender": "me@example.org\u2028X: y"},
        {"subject": "Hello\nBcc: eve@example.org"},
        {"subject": "Hello\r"},
        {"subject": "Hello\n"},
        {"subject": "x" * 901},
        {"body": 7},
        {"headers": {"Bcc": "eve@example.org"}},
        {"headers": {"To": "eve@example.org"}},
        {"headers": {"X-A\nBcc": "eve@example.org"}},
        {"headers": {"X-A: b": "c"}},
        {"headers": {"X-A\n": "b"}},
        {"headers": {"X-A": "b\nBcc: eve@example.org"}},
        {"headers": {"X-A": "b\x85Bcc: eve@example.org"}},
        {"attachments": [{"filename": "a"}]},
        {"attachments": [{"filename": "a", "content": "b", "content_base64": "Yg=="}]},
        {"attachments": [{"filename": "../a", "content": "b"}]},
        {"attachments": [{"filename": "a\nX: y", "content": "b"}]},
        {"attachments": [{"filename": "", "content": "b"}]},
        {"attachments": [{"filename": "a", "content_base64": "ä"}]},
        {"attachments": [{"filename": "a", "content": "b", "content_type": "text"}]},
        {"attachments": [{"filename": "a", "content": "b", "content_type": "text/x\nX: y"}]},
        {"attachments": [{"filename": "a", "content": "b", "content_type": "multipart/mixed"}]},
    ],
    ids=lambda wrong: ascii(wrong)[:60],
)
def test_a_wrong_field_fits_no_schema_and_is_discarded_by_name(run, mail, wrong):
    assert not fits({**SEED, **wrong})
    with pytest.raises(Discard, match=next(iter(wrong))):
        run("email", **{**SEED, **wrong})
    assert not mail.received


def test_a_wrong_field_is_said_in_words(run, mail):
    with pytest.raises(Discard) as caught:
        run("email", **{**SEED, "cc": ["ann"]})
    address = "An address: ann@example.org or Ann <ann@example.org>."
    assert str(caught.value) == f"cc.0: got 'ann', expected: {address}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": f"ann@{'x' * 64}.example"},
        {"to": "ann@exa!mple.org"},
        {"cc": "ann@a\u200db\u0627.example"},
        {"sender": "\udc80@example.org"},
        {"attachments": [{"filename": "a", "content_base64": "AAE"}]},
        {"attachments": [{"filename": "a", "content_base64": "AA==AAAA"}]},
    ],
)
def test_what_a_schema_cannot_see_is_discarded_by_name(run, mail, wrong):
    with pytest.raises(Discard, match=next(iter(wrong))):
        run("email", **{**SEED, **wrong})
    assert not mail.received


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "\ud800"},
        {"body": "\ud800"},
        {"to": "\ud800 <ann@example.org>"},
        {"html": "\ud800"},
        {"attachments": [{"filename": "\ud800", "content": ""}]},
        {"attachments": [{"filename": "a", "content": "\ud800"}]},
    ],
)
def test_half_a_character_is_discarded(run, mail, wrong):
    with pytest.raises(Discard):
        run("email", **{**SEED, **wrong})
    assert not mail.received


def test_a_sender_in_the_settings_that_is_none_is_named(run, app, mail):
    app.conf.dispatch_smtp_sender = "Us"
    with pytest.raises(Discard, match="SMTP_SENDER: expected an address"):
        run("email", **SEED)


# --- the way to the server


def test_goes_over_to_tls_and_logs_in(run, app):
    with mail_server(starttls=True, auth_required=True) as mail:
        app.conf.dispatch_smtp_url = mail.url("me%40example.com:p%2F%40%3Ass")
        run("email", **SEED)
        assert mail.logins == [("me@example.com", "p/@:ss")]
        assert mail.received[0].session.ssl is not None


def test_tls_is_used_where_it_is_offered_without_a_login_too(run, app):
    with mail_server(starttls=True) as mail:
        app.conf.dispatch_smtp_url = mail.url(host="127.1")
        run("email", **SEED, sender="us@example.com")
        assert mail.received[0].session.ssl is not None


# 127.1 is this machine by another name, which is taken for that of another machine


def test_a_login_elsewhere_is_not_sent_in_clear(run, app):
    with mail_server(auth_require_tls=False) as mail:
        app.conf.dispatch_smtp_url = mail.url("me:secret", host="127.1")
        with pytest.raises(Discard, match="offers no STARTTLS"):
            run("email", **SEED, sender="us@example.com")
        assert not mail.logins


def test_a_login_elsewhere_is_not_sent_to_whom_no_certificate_names(run, app):
    with mail_server(starttls=True) as mail:
        app.conf.dispatch_smtp_url = mail.url("me:secret", host="127.1")
        with pytest.raises(ssl.SSLCertVerificationError):
            run("email", **SEED, sender="us@example.com")
        assert not mail.logins


def test_a_login_on_this_machine_needs_no_tls(run, app):
    with mail_server(auth_require_tls=False) as mail:
        app.conf.dispatch_smtp_url = mail.url("me:secret", host="localhost")
        run("email", **SEED)
        assert mail.logins == [("me", "secret")]


def test_smtps_is_tls_from_the_first_byte_with_a_checked_certificate(run, app, monkeypatch):
    with mail_server(tls=True, auth_require_tls=False) as mail:
        app.conf.dispatch_smtp_url = mail.url("me:secret", "localhost", "smtps")
        with pytest.raises(ssl.SSLCertVerificationError):
            run("email", **SEED)
        assert not mail.logins
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        run("email", **SEED)
        assert mail.logins == [("me", "secret")]
        assert len(mail.received) == 1


def test_a_sender_for_another_machine_has_to_be_said(run, app, mail):
    app.conf.dispatch_smtp_url = mail.url(host="127.1")
    with pytest.raises(Discard, match="set SMTP_SENDER"):
        run("email", **SEED)
    app.conf.dispatch_smtp_sender = "us@example.com"
    run("email", **SEED)
    assert mail.received[0].envelope.mail_from == "us@example.com"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, False, "", "")),
        ("smtp://me:pw@mail.example.com/", ("mail.example.com", 587, False, "me", "pw")),
        ("smtps://me@Mail.example.com", ("mail.example.com", 465, True, "me", "")),
        ("smtp://[::1]:2525", ("::1", 2525, False, "", "")),
    ],
)
def test_a_url_says_where_and_who(url, expected):
    assert smtp.parse_url(url) == smtp.Server(*expected)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://me:hunter2@",
        "smtp://me:hunter2@host:0",
        "smtp://me:hunter2@host:99999",
        "smtp://me:hunter2/x@host",
        "smtp://me:hunter2@host/path",
        "smtp://me:hunter2@host?tls=no",
        "smtp://me:hunter2é@host",
        "smtp://:hunter2@host",
        "smtp://[::1:25",
    ],
)
def test_a_url_that_is_none_is_discarded_without_its_password(run, app, url):
    app.conf.dispatch_smtp_url = url
    with pytest.raises(Discard, match="SMTP_URL: expected smtp://") as caught:
        run("email", **SEED)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_servers_password_is_in_no_description():
    assert "hunter2" not in repr(smtp.parse_url("smtp://me:hunter2@host"))


# --- what a server answers


def test_who_is_refused_beside_others_is_named_and_nobody_gets_it_twice(run, mail):
    mail.answers["RCPT bob@example.org"] = "550 5.1.1 no such user"
    mail.answers["RCPT eve@example.org"] = "451 4.7.1 try later"
    to = ["ann@example.org", "bob@example.org", "eve@example.org"]
    result = run("email", **{**SEED, "to": to})
    assert result["accepted"] == mail.received[0].envelope.rcpt_tos == ["ann@example.org"]
    assert result["refused"] == {
        "bob@example.org": "550 5.1.1 no such user",
        "eve@example.org": "451 4.7.1 try later",
    }


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("MAIL", "the sender"),
        ("RCPT", "all recipients: user@example.com"),
        ("DATA", "the mail"),
    ],
)
@pytest.mark.parametrize(
    ("answer", "error"), [("554 5.0.0 never", Discard), ("452 4.0.0 not now", MailDeferred)]
)
def test_a_5xx_is_final_and_a_4xx_is_not(run, mail, verb, what, answer, error):
    mail.answers[verb] = answer
    with pytest.raises(error, match=f"The mail server refused {what}: {answer}"):
        run("email", **SEED)
    assert not mail.received


def test_recipients_that_are_all_refused_are_tried_again_while_one_may_pass(run, mail):
    mail.answers["RCPT"] = "550 no such user"
    mail.answers["RCPT bob@example.org"] = "451 try later"
    to = ["ann@example.org", "bob@example.org"]
    with pytest.raises(MailDeferred, match=r"ann@\S+: 550 no .*; bob@\S+: 451 try"):
        run("email", **{**SEED, "to": to})


@pytest.mark.parametrize(
    ("answer", "error"),
    [("535 5.7.8 wrong password", Discard), ("454 4.7.0 the directory is away", MailDeferred)],
)
def test_a_login_that_is_refused_for_good_is_final(run, app, answer, error):
    with mail_server(auth_require_tls=False) as mail:
        mail.answers["AUTH"] = answer
        app.conf.dispatch_smtp_url = mail.url("me:secret")
        with pytest.raises(error, match=f"refused the login: {answer}"):
            run("email", **SEED)


def test_a_server_without_any_login_is_final(run, app, mail):
    app.conf.dispatch_smtp_url = mail.url("me:secret")
    with pytest.raises(Discard, match="cannot do what SMTP_URL asks: SMTP AUTH"):
        run("email", **SEED)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"554 we take no mail\r\n", Discard),
        (b"421 too busy\r\n", MailDeferred),
        (b"HTTP/1.1 400 Bad Request\r\n", MailDeferred),
        (b"", smtplib.SMTPServerDisconnected),
    ],
)
def test_a_greeting_that_is_none(run, app, monkeypatch, line, error):
    monkeypatch.setattr(smtp, "TIMEOUT", 0.3)
    with greeting(line) as port:
        app.conf.dispatch_smtp_url = f"smtp://127.0.0.1:{port}"
        with pytest.raises(error):
            run("email", **SEED)


def test_nobody_there_is_tried_again(run, app):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        app.conf.dispatch_smtp_url = f"smtp://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(ConnectionRefusedError):
            run("email", **SEED)


def test_a_second_attempt_can_be_told_by_its_message_id(run, mail):
    mail.answers["DATA"] = None
    with pytest.raises(smtplib.SMTPServerDisconnected):
        run("email", "run-1", **SEED)
    del mail.answers["DATA"]
    run("email", "run-1", **SEED)
    first, second = (received.message["Message-ID"] for received in mail.received)
    assert first == second == "<run-1@localhost>"


@pytest.mark.parametrize("farewell", ["500 what?", "421 shutting down", None])
def test_a_mail_that_was_taken_is_sent_whatever_follows(run, mail, farewell):
    mail.answers["QUIT"] = farewell
    assert run("email", **SEED)["accepted"] == ["user@example.com"]


def test_its_errors_survive_a_pool_process(run, mail):
    mail.answers["MAIL"] = "451 not now"
    with pytest.raises(MailDeferred) as caught:
        run("email", **SEED)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# --- without a server


def test_without_a_server_it_becomes_a_file(run, app, tmp_path):
    app.conf.dispatch_data_dir = str(tmp_path / "data")
    result = run("email", "run-1", **SEED, cc="jürgen@example.org", bcc="eve@example.org")
    path = tmp_path / "data" / "mail" / "run-1.eml"
    assert result == {
        "file": str(path),
        "message_id": "<run-1@localhost>",
        "recipients": ["user@example.com", "jürgen@example.org", "eve@example.org"],
    }
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert (message["To"], message["Subject"]) == (SEED["to"], SEED["subject"])
    assert text_of(message) == SEED["body"]
    assert b"eve@" not in path.read_bytes()
    assert [each.name for each in path.parent.iterdir()] == ["run-1.eml"]


def test_the_files_folder_is_below_where_the_worker_runs(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("email", "run-1", **SEED)["file"] == str(tmp_path / ".dispatch/mail/run-1.eml")


def test_a_file_replaces_that_of_the_attempt_before(run, app, tmp_path):
    app.conf.dispatch_data_dir = str(tmp_path)
    run("email", "run-1", **SEED)
    path = Path(run("email", "run-1", **{**SEED, "subject": "Again"})["file"])
    assert b"Subject: Again\r\n" in path.read_bytes()
    assert len(list(path.parent.iterdir())) == 1


def test_a_file_that_cannot_be_written_leaves_nothing(run, app, tmp_path):
    app.conf.dispatch_data_dir = str(tmp_path)
    (tmp_path / "mail" / "run-1.eml").mkdir(parents=True)
    with pytest.raises(OSError):
        run("email", "run-1", **SEED)
    assert [each.name for each in (tmp_path / "mail").iterdir()] == ["run-1.eml"]


def test_a_runs_id_cannot_lead_out_of_the_folder(run, app, tmp_path):
    app.conf.dispatch_data_dir = str(tmp_path)
    result = run("email", "../../x <y>", **SEED)
    assert Path(result["file"]).parent == tmp_path / "mail"
    assert result["message_id"] == "<..%2F..%2Fx%20%3Cy%3E@localhost>"
