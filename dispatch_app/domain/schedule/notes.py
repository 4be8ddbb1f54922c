"""What a change of the clock makes of an occurrence, in words."""

from __future__ import annotations

from collections.abc import Callable

from dispatch_app.domain.schedule.phrases import PHRASES, Language, Phrases
from dispatch_app.domain.schedule.zones import Dst, Segment, segments, to_datetime


def note(
    zone: str,
    moment: int,
    *,
    policy: Dst,
    language: Language,
    fell_into_gap: Callable[[Segment], bool],
    is_first_after: Callable[[Segment, int], bool],
) -> str | None:
    """The note on an occurrence; None: no change of the clock concerns it.

    Args:
        zone: of the schedule.
        moment: the occurrence, ms.
        policy: of the schedule; `run_twice` for one that follows real time.
        language: of the note.
        fell_into_gap: whether a time of the schedule lies in the gap before a segment.
        is_first_after: whether an occurrence is the first one after that gap.
    """
    phrases = PHRASES[language]
    here, *later = _two_segments(zone, moment)
    wall = to_datetime(moment) + here.offset
    if here.gap:
        fell = fell_into_gap(here)
        if wall == here.gap[1] or (policy == "skip" and fell and is_first_after(here, moment)):
            return _on_gap(phrases, here, policy if fell else None)
    if here.overlap_end and wall < here.overlap_end:
        return phrases.second_of_two.format(f"{wall:%H:%M}")
    if later and later[0].overlap_end and wall >= later[0].start + later[0].offset:
        phrase = phrases.first_of_two if policy == "run_twice" else phrases.only_of_two
        return phrase.format(f"{wall:%H:%M}")
    return None


def _on_gap(phrases: Phrases, here: Segment, policy: Dst | None) -> str:
    """That the clock went forward, and what became of what fell into the gap, if anything did."""
    assert here.gap is not None
    change = phrases.forward.format(*(f"{wall:%Y-%m-%d %H:%M}" for wall in here.gap))
    if policy is None:
        return f"{change}."
    return f"{change}{phrases.left_out if policy == 'skip' else phrases.moved}."


def _two_segments(zone: str, moment: int) -> list[Segment]:
    """The segment of a zone that holds an instant, and the one after it if there is one."""
    return [
        segment for segment, _ in zip(segments(zone, to_datetime(moment)), range(2), strict=False)
    ]
