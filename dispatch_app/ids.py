"""Ids that sort by the time they were made (UUIDv7, RFC 9562): the only randomness and the only
host clock of the program."""

import random

import uuid_utils


def new_id() -> str:
    """A new UUIDv7 in its usual form of 36 characters."""
    return str(uuid_utils.uuid7())


def chance() -> float:
    """A random number from [0, 1)."""
    return random.random()  # noqa: S311 - it spreads retries, it guards nothing
