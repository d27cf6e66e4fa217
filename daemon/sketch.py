"""Percentiles of durations within one per cent, mergeable: a DDSketch (Masson, Rim, Lee: VLDB 2019, section 2).

A value falls into the bucket whose bounds are a constant ratio apart; a bucket's middle is then never further than
`ACCURACY` of the value from it. A sketch is a mapping of bucket to (weighted) count: merging is adding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, log
from typing import TypeAlias

Buckets: TypeAlias = dict[int, int]

ACCURACY = 0.01
_RATIO = (1 + ACCURACY) / (1 - ACCURACY)
PER_LOG = 1 / log(_RATIO)
ZERO = -1  # the bucket of 0; those of 1 and more are 0 and more


def bucket_of(value: int) -> int:
    """The bucket of a whole number of nanoseconds, 0 or more."""
    return ceil(log(value) * PER_LOG) if value > 0 else ZERO


def middle_of(bucket: int) -> int:
    """The value that stands for a bucket."""
    return 0 if bucket == ZERO else round(2 * _RATIO**bucket / (_RATIO + 1))


def merge(into: Buckets, other: Mapping[int, int]) -> None:
    """Add the counts of another sketch."""
    for bucket, count in other.items():
        into[bucket] = into.get(bucket, 0) + count


def quantiles(buckets: Mapping[int, int], wanted: Iterable[float]) -> list[int | None]:
    """The value at each of `wanted` (0 to 1, rising); None where nothing was counted."""
    total = sum(buckets.values())
    if not total:
        return [None for _ in wanted]
    ordered = iter(sorted(buckets.items()))
    bucket, seen = next(ordered)
    found: list[int | None] = []
    for share in wanted:
        while seen < share * (total - 1) + 1:
            following = next(ordered, None)
            if following is None:
                break
            bucket, seen = following[0], seen + following[1]
        found.append(middle_of(bucket))
    return found
