"""A mail as the bytes that a server takes, made from the fields of an `email` payload.

The lines of addresses and texts are written here. Python's own policies (up to 3.13 at least) put
long addresses, URLs and message ids into encoded words when they fold a line, which RFC 2047 (5)
forbids and readers do not undo, and lose quotes around names. MIME is all Python's.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, quote
from typing import Any

import idna

from dispatch_app.domain.errors import Discard

#: What no header may hold, for it could begin another one: controls and ends of lines, as the
#: inside of a character class.
_BREAKS = r"\x00-\x1f\x7f\x85\u2028\u2029"
_ATOM = rf'[^\s.@<>()\[\]\\,;:"{_BREAKS}]+'
_SPEC = rf"{_ATOM}(?:\.{_ATOM})*@{_ATOM}(?:\.{_ATOM})*"

#: A header's text. The end is said twice, because Python's `$` matches before a last newline.
TEXT_PATTERN = rf"^[^{_BREAKS}]*$(?!\n)"
#: The name of an attached file, without a folder.
FILENAME_PATTERN = rf"^[^/\\{_BREAKS}]+$(?!\n)"
#: One address, with a name or without (RFC 5322, 3.4, and RFC 6532; no quoted local part).
ADDRESS_PATTERN = rf"^(?:{_SPEC}|[^<>{_BREAKS}]*<{_SPEC}>)$(?!\n)"

_DOMAIN = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
#: A name that needs no quotes (RFC 5322, 3.2.3).
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]*")
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class Address:
    """One mailbox. Its domain is ASCII (RFC 5890), so that most servers take it."""

    name: str
    local: str
    domain: str

    @property
    def spec(self) -> str:
        """It without the name, as the envelope has it."""
        return f"{self.local}@{self.domain}"

    def __str__(self) -> str:
        """It as a header has it."""
        return f"{_phrase(self.name)} <{self.spec}>" if self.name else self.spec


@dataclass(frozen=True)
class Letter:
    """A mail and its envelope.

    Attributes:
        international: whether only a server with SMTPUTF8 (RFC 6531) can take it.
    """

    sender: str
    recipients: list[str]
    message_id: str
    content: bytes
    international: bool


class _Line(str):
    """A header that is written as it is: EmailMessage leaves alone what has a name and folds
    itself."""

    name: str

    def fold(self, *, policy: EmailPolicy) -> str:
        """The whole line."""
        return f"{self.name}: {self}{policy.linesep}"


def parse_address(field: str, text: str) -> Address:
    """The mailbox of `Ann <ann@example.org>` or `ann@example.org`.

    Raises:
        Discard: it is none.
    """
    wrong = Discard(f"{field}: expected an address as ann@example.org, got {text!r}.")
    if not re.search(ADDRESS_PATTERN, text):
        raise wrong
    name, _, spec = text.rpartition("<")
    local, _, domain = spec.rstrip(">").partition("@")
    try:
        spec.encode()
        if not domain.isascii():
            # not Python's own codec, which makes another domain of faß.example (IDNA 2003)
            domain = idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        raise wrong from None
    if not _DOMAIN.fullmatch(domain):
        raise wrong
    return Address(_unquoted(name.strip()), local, domain)


def compose(payload: dict[str, Any], sender: Address, run_id: str) -> Letter:
    """The letter of a payload whose fields the schema has checked.

    Its Message-ID is the run's in each of its attempts, so that who gets it twice can tell.

    Raises:
        Discard: a field cannot be written.
    """
    people = {field: _addresses(field, payload) for field in ("to", "cc", "bcc", "reply_to")}
    message_id = f"<{run_id}@{sender.domain}>"
    mailboxes = [sender, *(address for found in people.values() for address in found)]
    international = not all(address.local.isascii() for address in mailboxes)
    message = EmailMessage(policy=_POLICY.clone(utf8=international))
    try:
        for name, text in _lines(payload, sender, people, message_id):
            line = _Line(text)
            line.name = name
            message[name] = line
        _fill(message, payload)
        content = message.as_bytes()
    except UnicodeError as error:
        raise Discard(f"The mail cannot be written: {error}.") from error
    everybody = [address.spec for field in ("to", "cc", "bcc") for address in people[field]]
    recipients = list(dict.fromkeys(everybody))
    return Letter(sender.spec, recipients, message_id, content, international)


def _lines(
    payload: dict[str, Any], sender: Address, people: dict[str, list[Address]], message_id: str
) -> Iterator[tuple[str, str]]:
    """The header, without what MIME adds. Nobody may read who got a blind copy."""
    yield "Date", format_datetime(datetime.now(timezone.utc))
    yield "From", str(sender)
    for field, name in (("to", "To"), ("cc", "Cc"), ("reply_to", "Reply-To")):
        if people[field]:
            yield name, ",\r\n ".join(str(address) for address in people[field])
    yield "Subject", _text(payload["subject"])
    yield "Message-ID", message_id
    # RFC 3834: no answers by machines. A payload may say otherwise
    for name, value in {"Auto-Submitted": "auto-generated", **payload.get("headers", {})}.items():
        yield name, _text(value)


def _fill(message: EmailMessage, payload: dict[str, Any]) -> None:
    message.set_content(payload["body"])
    if "html" in payload:
        message.add_alternative(payload["html"], subtype="html")
    for number, attachment in enumerate(payload.get("attachments", [])):
        main, _, sub = _content_type(attachment).partition("/")
        message.add_attachment(
            _bytes(f"attachments.{number}.content_base64", attachment),
            main,
            sub,
            filename=attachment["filename"],
            params={"charset": "utf-8"} if "content" in attachment and main == "text" else None,
        )


def _addresses(field: str, payload: dict[str, Any]) -> list[Address]:
    given = payload.get(field, [])
    return [parse_address(field, each) for each in ([given] if isinstance(given, str) else given)]


def _content_type(attachment: dict[str, str]) -> str:
    """As it says, else as its name says, else text or bytes."""
    if "content_type" in attachment:
        return attachment["content_type"]
    guess, encoding = mimetypes.guess_type(attachment["filename"])
    if guess and not encoding and not guess.startswith(("multipart/", "message/")):
        return guess
    return "text/plain" if "content" in attachment else "application/octet-stream"


def _bytes(field: str, attachment: dict[str, str]) -> bytes:
    if "content" in attachment:
        return attachment["content"].encode()
    try:
        return base64.b64decode("".join(attachment["content_base64"].split()), validate=True)
    except ValueError as error:
        raise Discard(f"{field}: expected base64: {error}.") from error


def _phrase(name: str) -> str:
    """A name before an address."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    return f'"{quote(name)}"' if name.isascii() and "=?" not in name else _encoded(name)


def _text(value: str) -> str:
    """A header's text; what is ASCII stays as it is, in one line."""
    return value if value.isascii() and "=?" not in value else _encoded(value)


def _encoded(text: str) -> str:
    """The text as encoded words (RFC 2047), each on a line of its own."""
    return Header(text, "utf-8", maxlinelen=60).encode(linesep="\r\n")


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
