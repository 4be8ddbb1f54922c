"""Listings by cursor: newest first, no scan, at most a bounded number of records read a page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from dispatch_app.domain.errors import InvalidInput
from dispatch_app.store.scripts import Client, reaching_redis

T = TypeVar("T")

#: Records that one page may read where a filter lets few pass; the page is then short, and its
#: cursor goes on from there.
MOST_READ = 2_000


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items, newest first, and the cursor of the page after them (None: that was all)."""

    items: list[T]
    next: str | None


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Which listing, and between which members of it (both inclusive, None: open)."""

    listings: list[str]
    newest: str | None = None
    oldest: str | None = None


def read_page(
    client: Client,
    where: Range,
    read: Callable[[list[str]], list[T | None]],
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """A page of what stands in all the listings and passes the filter in `read`.

    Args:
        where: the shortest of its listings is walked; `read` checks the others.
        read: members of a listing to items, None where one does not pass.
        limit: most items of the page, 1 to 500.
        cursor: of the page before, None for the first.

    Raises:
        InvalidInput: no cursor of ours.
        StoreUnavailable: Redis is away.
    """
    top = f"({decode_cursor(cursor)}" if cursor else f"[{where.newest}" if where.newest else "+"
    bottom = f"[{where.oldest}" if where.oldest else "-"
    items: list[T] = []
    with reaching_redis():
        listing = _shortest(client, where.listings)
        for _ in range(max(1, MOST_READ // limit)):
            members: list[str] = client.zrevrangebylex(listing, top, bottom, 0, limit)
            for member, item in zip(members, read(members), strict=True):
                top = f"({member}"
                if item is not None:
                    items.append(item)
                if len(items) == limit:
                    break
            if len(items) == limit or len(members) < limit:
                break
        more = bool(client.zrevrangebylex(listing, top, bottom, 0, 1))
    return Page(items, _encode_cursor(top[1:]) if more else None)


def decode_cursor(cursor: str) -> str:
    """The member after which a page begins.

    Raises:
        InvalidInput: no cursor of ours.
    """
    refusal = InvalidInput({"cursor": "Not a cursor: pass on `next` of the page before, as it is."})
    try:
        member = base64.urlsafe_b64decode(cursor.encode("ascii")).decode()
    except (binascii.Error, UnicodeError) as error:
        raise refusal from error
    # base64 overlooks what it does not know
    if _encode_cursor(member) != cursor:
        raise refusal
    return member


def _encode_cursor(member: str) -> str:
    return base64.urlsafe_b64encode(member.encode()).decode("ascii")


def _shortest(client: Client, listings: list[str]) -> str:
    if len(listings) == 1:
        return listings[0]
    with client.pipeline(transaction=False) as pipe:
        for listing in listings:
            pipe.zcard(listing)
        sizes = pipe.execute()
    shortest: tuple[int, str] = min(zip(sizes, listings, strict=True))
    return shortest[1]
