"""Backfills, carried on piece by piece."""

from __future__ import annotations

from celery.utils.log import get_logger

from dispatch_app.domain.backfill import Backfill
from dispatch_app.domain.errors import CorruptRecord, DispatchError, NotFound, StoreUnavailable
from dispatch_app.operations import Platform
from dispatch_app.operations.backfills import next_piece
from dispatch_app.store.agenda import DueMember
from dispatch_app.store.backfills import Piece

logger = get_logger(__name__)


def carry_on(dispatch: Platform, member: DueMember, now: int) -> int:
    """Make the next runs of a backfill; 0: somebody was faster."""
    try:
        backfill = dispatch.store.backfills.get(member.member[2:])
        piece = _piece(dispatch, backfill, now)
    except (NotFound, CorruptRecord) as error:
        logger.error("%s is taken off the agenda: %s", member.member, error)
        dispatch.store.agenda.overdue([member])
        return 1
    return dispatch.store.backfills.carry_on(member, piece)


def _piece(dispatch: Platform, backfill: Backfill, now: int) -> Piece:
    try:
        return next_piece(dispatch, backfill, now)
    except (NotFound, StoreUnavailable):
        raise
    except DispatchError as error:
        logger.error("Backfill %s has failed: %s", backfill.id, error)
        return Piece(cursor=backfill.cursor, fault=str(error))
