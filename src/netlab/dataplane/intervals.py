"""Sets of whole numbers as sorted intervals that neither overlap nor touch.

nftables refuses overlapping elements in some of its sets (its auto-merge does not help in
concatenations), so addresses and ports are made disjoint here first.
"""

from bisect import bisect_right
from collections.abc import Iterable

Interval = tuple[int, int]  # first and last, both included
Intervals = tuple[Interval, ...]


def merge(intervals: Iterable[Interval]) -> Intervals:
    """Return the union of intervals in any order."""
    union: list[Interval] = []
    for first, last in sorted(intervals):
        if union and first <= union[-1][1] + 1:
            union[-1] = (union[-1][0], max(last, union[-1][1]))
        else:
            union.append((first, last))
    return tuple(union)


def minus(left: Intervals, right: Intervals) -> Intervals:
    """Return what of `left` is not in `right`."""
    rest: list[Interval] = []
    for interval in left:
        first, last = interval
        for hole_first, hole_last in right:
            if hole_last < first or hole_first > last:
                continue
            if hole_first > first:
                rest.append((first, hole_first - 1))
            first = hole_last + 1
        if first <= last:
            rest.append((first, last))
    return tuple(rest)


def common(left: Intervals, right: Intervals) -> Intervals:
    """Return what is in both."""
    return minus(left, minus(left, right))


def contains(intervals: Intervals, number: int) -> bool:
    """Tell whether a number is in one of the intervals."""
    index = bisect_right(intervals, number, key=lambda interval: interval[0]) - 1
    return index >= 0 and number <= intervals[index][1]
