"""Ids that sort by the time they were made (UUIDv7, RFC 9562): the only randomness and the only
host clock of the program."""

import random

import uuid_utils

#: Bits of an id that are no time.
_CHANCE = 74
#: The last id that was made for a moment, without version and variant.
_last = 0


def new_id(moment: int | None = None) -> str:
    """A new UUIDv7 in its usual form of 36 characters.

    Args:
        moment: ms, of the server's clock: so that what hosts make sorts by when it was made,
            however wrong their own clocks are. Those of one moment sort by their order in this
            process (RFC 9562, section 6.2, method 2). None: this host's clock.
    """
    global _last
    if moment is None:
        return str(uuid_utils.uuid7())
    if moment == _last >> _CHANCE:
        _last += 1 + random.getrandbits(32)
    else:
        # its first bit is 0: there is room for billions more in the same moment
        _last = moment << _CHANCE | random.getrandbits(_CHANCE - 1)
    return _written(_last)


def _written(bits: int) -> str:
    """48 bits of time and 74 of chance as a UUID, with version and variant between them."""
    high, low = bits >> 62, bits & (1 << 62) - 1
    whole = high >> 12 << 80 | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low
    text = f"{whole:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def chance() -> float:
    """A random number from [0, 1)."""
    return random.random()  # noqa: S311 - it spreads retries, it guards nothing
