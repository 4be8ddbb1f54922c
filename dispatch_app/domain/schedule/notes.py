"""What a change of the clock makes of an occurrence, in words."""

from __future__ import annotations

from collections.abc import Callable

from dispatch_app.domain.schedule.zones import Dst, Segment, segments, to_datetime


def note(
    zone: str,
    moment: int,
    *,
    policy: Dst,
    fell_into_gap: Callable[[Segment], bool],
    is_first_after: Callable[[Segment, int], bool],
) -> str | None:
    """The note on an occurrence; None: no change of the clock concerns it.

    Args:
        zone: of the schedule.
        moment: the occurrence, ms.
        policy: of the schedule; `run_twice` for one that follows real time.
        fell_into_gap: whether a time of the schedule lies in the gap before a segment.
        is_first_after: whether an occurrence is the first one after that gap.
    """
    here, *later = _two_segments(zone, moment)
    wall = to_datetime(moment) + here.offset
    if here.gap:
        fell = fell_into_gap(here)
        if wall == here.gap[1] or (policy == "skip" and fell and is_first_after(here, moment)):
            return _on_gap(here, policy if fell else None)
    if here.overlap_end and wall < here.overlap_end:
        return f"The clock shows {wall:%H:%M} twice on this day; this is the second time."
    if later and later[0].overlap_end and wall >= later[0].start + later[0].offset:
        only = "" if policy == "run_twice" else ", and the only one that runs"
        return f"The clock shows {wall:%H:%M} twice on this day; this is the first time{only}."
    return None


def _on_gap(here: Segment, policy: Dst | None) -> str:
    """That the clock went forward, and what became of what fell into the gap, if anything did."""
    assert here.gap is not None
    change = (
        f"The clock goes forward from {here.gap[0]:%Y-%m-%d %H:%M} to {here.gap[1]:%Y-%m-%d %H:%M}"
    )
    if policy is None:
        return f"{change}."
    fate = "was left out" if policy == "skip" else "runs now, once"
    return f"{change}; what was due in between {fate}."


def _two_segments(zone: str, moment: int) -> list[Segment]:
    """The segment of a zone that holds an instant, and the one after it if there is one."""
    return [
        segment for segment, _ in zip(segments(zone, to_datetime(moment)), range(2), strict=False)
    ]
