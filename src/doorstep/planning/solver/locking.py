"""Whether locked stops keep their places: nothing comes in front of one that was not there, and what was there stays there or leaves the route."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from doorstep.planning.solver.handwork import Act, Stop


def keep_places(
    before: Sequence[Stop], after: Sequence[Stop], locked: Collection[Stop], *, may_leave: bool = True
) -> bool:
    """Whether the ``locked`` stops of ``before`` are in ``after`` at their places.

    ``may_leave``: what is in front of one may leave the route, which brings the locked stop nearer; otherwise it must stay too, so that as many
    stops come before it as now.
    """
    return all(_keeps(before, after, stop, may_leave) for stop in locked)


def _keeps(before: Sequence[Stop], after: Sequence[Stop], stop: Stop, may_leave: bool) -> bool:
    if stop not in after:
        return False
    was, now = _in_front(before, stop), _in_front(after, stop)
    gone = was - now
    staying = {act for one in after for act in one}
    return now <= was and not (gone & staying if may_leave else gone)


def _in_front(stops: Sequence[Stop], stop: Stop) -> set[Act]:
    return {act for one in stops[: list(stops).index(stop)] for act in one}
