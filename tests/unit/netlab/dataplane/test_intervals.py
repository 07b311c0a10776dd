"""Intervals: union, difference, intersection and membership agree with sets of numbers."""

from random import Random

import pytest

from netlab.dataplane import intervals


def _random(random: Random) -> list[intervals.Interval]:
    firsts = [random.randint(0, 30) for _ in range(random.randint(0, 5))]
    return [(first, first + random.randint(0, 6)) for first in firsts]


def _numbers(known: intervals.Intervals | list[intervals.Interval]) -> set[int]:
    return {number for first, last in known for number in range(first, last + 1)}


@pytest.mark.parametrize("seed", range(50))
def test_operations_agree_with_sets(seed: int) -> None:
    """Every operation gives the numbers that the same operation on sets gives."""
    random = Random(seed)
    left, right = _random(random), _random(random)
    one, other = intervals.merge(left), intervals.merge(right)
    assert _numbers(left) == _numbers(one)
    assert _numbers(left) - _numbers(right) == _numbers(intervals.minus(one, other))
    assert _numbers(left) & _numbers(right) == _numbers(intervals.common(one, other))
    assert _numbers(left) == {n for n in range(40) if intervals.contains(one, n)}


def test_merged_intervals_do_not_touch() -> None:
    """Neighbours become one interval, as nftables demands of its elements."""
    assert ((1, 9),) == intervals.merge([(5, 9), (1, 4), (2, 3)])
