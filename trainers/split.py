"""Seeded, stratified shares of examples: of every label as many as it has rows for."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from trainers.example import Example

SPLIT_SEED = 0
"""Splits and subsets depend on the data alone, never on a trial's seed, so that trials see the same rows."""


def set_aside(examples: Sequence[Example], fraction: float) -> tuple[list[Example], list[Example]]:
    """Sets aside a share of every label's examples, at least one example in all.

    Args:
        examples: At least two.
        fraction: Of them, above 0 and below 1.

    Returns:
        Those that stay, at least one, and those set aside. The last row of a label stays where others can go.
    """
    count = min(max(1, round(fraction * len(examples))), len(examples) - 1)
    return _parted(examples, _kept(examples, count))


def subset(examples: Sequence[Example], count: int | None) -> list[Example]:
    """Returns exactly so many of the examples, all where there are no more or `count` is None."""
    if count is None or count >= len(examples):
        return list(examples)
    return _parted(examples, stratified(examples, count))[1]


def _parted(examples: Sequence[Example], chosen: set[int]) -> tuple[list[Example], list[Example]]:
    rest = [example for index, example in enumerate(examples) if index not in chosen]
    return rest, [example for index, example in enumerate(examples) if index in chosen]


def _kept(examples: Sequence[Example], count: int) -> set[int]:
    """Draws positions as `stratified` does, without any label's last row: none could learn that label then."""
    chosen, groups = stratified(examples, count), by_label(examples)
    for members in groups.values():
        if set(members) <= chosen and (other := _spare(groups.values(), chosen)) is not None:
            chosen = (chosen - {members[0]}) | {other}
    return chosen


def _spare(groups: Iterable[list[int]], chosen: set[int]) -> int | None:
    """Returns a row of the label that has the most left, if it is not its last."""
    left = max(([index for index in members if index not in chosen] for members in groups), key=len)
    return left[0] if len(left) > 1 else None


def stratified(examples: Sequence[Example], count: int) -> set[int]:
    """Draws exactly `count` positions, of every label its share (largest remainders first)."""
    groups = by_label(examples)
    shares = {label: count * len(members) / len(examples) for label, members in groups.items()}
    quota = {label: int(share) for label, share in shares.items()}
    for label in sorted(shares, key=lambda item: quota[item] - shares[item])[: count - sum(quota.values())]:
        quota[label] += 1
    for members in groups.values():
        random.Random(SPLIT_SEED).shuffle(members)
    return {index for label, members in groups.items() for index in members[: quota[label]]}


def by_label(examples: Sequence[Example]) -> dict[int | None, list[int]]:
    """Returns the positions of every label's examples."""
    members: dict[int | None, list[int]] = {}
    for index, example in enumerate(examples):
        members.setdefault(example.label, []).append(index)
    return members
