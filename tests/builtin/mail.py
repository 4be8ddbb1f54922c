"""A real SMTP server on 127.0.0.1 whose answers a test says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.tls import CERTIFICATE, KEY


@dataclass
class Received:
    """A mail as the server got it."""

    envelope: Envelope
    session: Session
    #: on this machine's clock, seconds
    at: float

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.envelope.original_content, policy=default)


@dataclass
class Mail:
    """The server: `mail.answers["RCPT ann@example.org"] = "550 no such user"`; None hangs up.

    Verbs: CONNECT, MAIL, RCPT (also with an address), DATA (after the mail), QUIT, AUTH.
    """

    port: int
    answers: dict[str, str | None] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    #: user and password of each login
    logins: list[tuple[str, str]] = field(default_factory=list)

    def url(self, login: str = "", host: str = "127.0.0.1", scheme: str = "smtp") -> str:
        return f"{scheme}://{login and f'{login}@'}{host}:{self.port}"

    def answer(self, server: SMTP, verb: str, usual: str) -> str:
        answer = self.answers.get(verb, usual)
        if answer is None:
            server.transport.abort()
        return answer or usual

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answer(server, "MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        answer = self.answer(server, f"RCPT {address}", self.answers.get("RCPT") or "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope) -> str:
        answer = self.answer(server, "DATA", "250 OK")
        if self.answers.get("DATA", answer) is None or answer.startswith("250"):
            self.received.append(Received(envelope, session, time.time()))
        return answer

    async def handle_QUIT(self, server, session, envelope) -> str:
        return self.answer(server, "QUIT", "221 Bye")

    def authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        answer = self.answers.get("AUTH")
        return AuthResult(success=answer is None, handled=False, message=answer)


class _Controller(Controller):
    """aiosmtpd's, on a socket that is bound already, so that its port is free for sure."""

    def __init__(self, listener: socket.socket, mail: Mail, **options: Any) -> None:
        super().__init__(mail, *listener.getsockname(), authenticator=mail.authenticate, **options)
        self._listener = listener

    def _create_server(self):
        return self.loop.create_server(
            self._factory_invoker, sock=self._listener, ssl=self.ssl_context
        )


@contextlib.contextmanager
def mail_server(*, tls: bool = False, starttls: bool = False, **options: Any) -> Iterator[Mail]:
    """A server, with TLS from the first byte or on demand; options are those of aiosmtpd's SMTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    if starttls:
        options["tls_context"] = context
    # asyncio answers without delay (TCP_NODELAY) only where the protocol is said
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    mail = Mail(listener.getsockname()[1])
    controller = _Controller(listener, mail, ssl_context=context if tls else None, **options)
    controller.start()
    try:
        yield mail
    finally:
        controller.stop()


@contextlib.contextmanager
def greeting(line: bytes) -> Iterator[int]:
    """The port of a server that says one line to who comes, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        callers: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    callers.append(listener.accept()[0])
                    callers[-1].sendall(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for caller in callers:
                caller.close()
