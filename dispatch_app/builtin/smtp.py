"""Where mails of the type `email` go: the server of an `smtp://` or `smtps://` URL.

`smtps://` is TLS from the first byte, with a certificate that is checked. `smtp://` goes over to
TLS when the server offers it. With a login at another machine that is a must, and the certificate
is checked; without one an attacker could hide the offer anyway, and TLS with whomever it may be is
better than none (RFC 7435). On this machine nobody is between, and certificates are self-made.
"""

from __future__ import annotations

import contextlib
import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from dispatch_app.builtin.letter import Letter
from dispatch_app.domain.errors import Discard

#: Seconds that a server may take for one answer.
TIMEOUT = 30.0
#: Seconds for the answer to QUIT, when the mail is delivered and nothing can be lost any more.
FAREWELL = 1.0
#: Characters of a server's answer that are kept.
_EXCERPT = 500

#: What was refused when smtplib raises one of these.
_REFUSED = {
    smtplib.SMTPConnectError: "the connection",
    smtplib.SMTPHeloError: "the greeting",
    smtplib.SMTPAuthenticationError: "the login",
    smtplib.SMTPSenderRefused: "the sender",
    smtplib.SMTPDataError: "the mail",
}


class MailDeferred(Exception):
    """The server does not take the mail for now (a 4xx answer); another attempt may help."""


@dataclass(frozen=True)
class Server:
    """What an SMTP_URL says."""

    host: str
    port: int
    tls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is this machine, by its name or address alone."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_url(url: str) -> Server:
    """The server of an SMTP_URL; the port is 465 with TLS, 587 with a login, else 25.

    Raises:
        Discard: it is no such URL. The text has nothing of it, since it may hold a password.
    """
    wrong = Discard(
        "SMTP_URL: expected smtp://user:password@host:587 or smtps://user:password@host, with "
        "user and password in ASCII and percent-encoded, and nothing after the port."
    )
    try:
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        port = parts.port
    except ValueError:
        # its text may quote a password whose slash was not encoded
        raise wrong from None
    tls = parts.scheme == "smtps"
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or rest or port == 0:
        raise wrong
    if not (user + password).isascii() or (password and not user):
        raise wrong
    default = 465 if tls else 587 if user else 25
    return Server(parts.hostname, port or default, tls, user, password)


def deliver(server: Server, letter: Letter) -> dict[str, str]:
    """Hand a letter over; gives each recipient that was refused, with the server's answer.

    As long as one recipient was accepted the mail is on its way, and is not sent again.

    Raises:
        Discard: refused for good (5xx), or something is needed that the server does not offer.
        MailDeferred: not now (4xx).
        OSError: no connection, no answer in time, a certificate that is not valid.
    """
    with _meaning(), _session(server) as session:
        options = _options(session, letter)
        refused = session.sendmail(letter.sender, letter.recipients, letter.content, options)
    return {address: _said(*answer) for address, answer in refused.items()}


@contextlib.contextmanager
def _session(server: Server) -> Iterator[smtplib.SMTP]:
    """A session that is encrypted and logged in as the URL asks."""
    session = _connected(server)
    try:
        if not server.tls:
            _start_tls(session, server)
        if server.user:
            session.login(server.user, server.password)
        yield session
        _say_goodbye(session)
    finally:
        session.close()


def _connected(server: Server) -> smtplib.SMTP:
    if server.tls:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)


def _start_tls(session: smtplib.SMTP, server: Server) -> None:
    required = bool(server.user) and not server.is_local
    session.ehlo_or_helo_if_needed()
    if session.has_extn("starttls"):
        context = ssl.create_default_context()
        if not required:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        session.starttls(context=context)
    elif required:
        raise Discard("The mail server offers no STARTTLS, and a login in clear is not sent.")


def _options(session: smtplib.SMTP, letter: Letter) -> tuple[str, ...]:
    """Options of MAIL FROM."""
    if not letter.international:
        return ()
    session.ehlo_or_helo_if_needed()
    if not session.has_extn("smtputf8"):
        raise Discard("An address is not ASCII before its @, and the mail server has no SMTPUTF8.")
    return ("SMTPUTF8", "BODY=8BITMIME")


def _say_goodbye(session: smtplib.SMTP) -> None:
    """The mail is delivered: whatever happens now must not have it sent again."""
    with contextlib.suppress(OSError):
        if session.sock:
            session.sock.settimeout(FAREWELL)
        session.quit()


@contextlib.contextmanager
def _meaning() -> Iterator[None]:
    """Tell errors that the next attempt would meet again from those that may pass."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        answers = error.recipients.items()
        text = "; ".join(f"{address}: {_said(*answer)}" for address, answer in answers)
        final = all(_is_final(code) for _, (code, _) in answers)
        raise _failure(final, f"all recipients: {text}") from error
    except smtplib.SMTPResponseException as error:
        what = _REFUSED.get(type(error), "a command")
        text = _said(error.smtp_code, error.smtp_error)
        raise _failure(_is_final(error.smtp_code), f"{what}: {text}") from error
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPException as error:
        # it offers no login, or none that we know
        raise Discard(f"The mail server cannot do what SMTP_URL asks: {error}") from error


def _failure(final: bool, what: str) -> Exception:
    return (Discard if final else MailDeferred)(f"The mail server refused {what}")


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _said(code: int, text: bytes | str) -> str:
    """A server's answer in one line."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())[:_EXCERPT]}"
