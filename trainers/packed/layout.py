"""How the rows of a micro-batch lie in the lines of a pass: several short ones in a line, instead of filled-up places.

A pass has a constant number of lines of constant length, whatever rows a slot has; what does not fit goes into the
slot's next pass, as a further micro-batch of the same update would. Rows in a line do not see each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from trainers.tokens import Tokens

Line = list[Tokens]
Pass = list[Line]

STEP = 8  # tokens: lines are multiples of it
_LENGTHS = 8  # tried, from the longest row's to twice that
_TRIED = 64  # micro-batches, drawn as a trial would draw them
_GAIN = 0.9  # the most that sharing lines may cost of what a line per row costs: masks cost something, too


@dataclass(frozen=True)
class Lines:
    """So many lines of so many tokens each, what all rows begin with not counted."""

    count: int
    length: int


def passes(rows: Sequence[Tokens], lines: Lines, begin: int) -> list[Pass]:
    """Lays rows into as few passes as first fit, longest first, finds.

    Args:
        rows: A micro-batch.
        lines: Of a pass.
        begin: Tokens at the beginning of every row that are run elsewhere.
    """
    made: list[Pass] = []
    room: list[list[int]] = []
    for row in sorted(rows, key=lambda row: -_length(row, begin)):
        _place(row, _length(row, begin), made, room, lines)
    return made


def _place(row: Tokens, length: int, made: list[Pass], room: list[list[int]], lines: Lines) -> None:
    for lay, left in zip(made, room, strict=True):
        for at, free in enumerate(left):
            if length <= free:
                lay[at].append(row)
                left[at] -= length
                return
        if len(lay) < lines.count:
            lay.append([row])
            left.append(lines.length - length)
            return
    made.append([[row]])
    room.append([lines.length - length])


def _length(row: Tokens, begin: int) -> int:
    return len(row.prompt) + len(row.completion) - begin


def chosen(rows: Sequence[Tokens], batch: int, begin: int, width: int) -> Lines | None:
    """Returns the lines that cost least for micro-batches of some rows, None where a line per row does.

    What a token costs: as many multiplications as 12 squares of the model's width per layer, and in attention twice the
    width for each token that it is compared with, so 1 + keys / (6 width) in relation (Kaplan et al. 2020, table 1).

    Args:
        rows: The training rows.
        batch: Rows of a micro-batch.
        begin: Tokens at the beginning of every row that are run elsewhere.
        width: The model's hidden size.
    """
    longest = max(_length(row, begin) for row in rows)
    drawn = _drawn(rows, batch)
    tokens = [sum(_length(row, begin) for row in group) for group in drawn]
    best, least = None, _GAIN * batch * longest * (1 + (begin + longest) / (6 * width))
    shortest = -(-longest // STEP) * STEP
    for length in range(shortest, 2 * shortest + 1, max(STEP, shortest // (_LENGTHS * STEP) * STEP)):
        for count in range(max(1, math.floor(min(tokens) / length)), batch):
            lines = Lines(count, length)
            turns = sum(len(passes(group, lines, begin)) for group in drawn) / len(drawn)
            cost = turns * count * length * (1 + (begin + length) / (6 * width))
            if cost < least:
                best, least = lines, cost
    return best


def _drawn(rows: Sequence[Tokens], batch: int) -> list[list[Tokens]]:
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0)).tolist()
    whole = range(0, max(1, len(rows) - batch + 1), batch)
    return [[rows[at] for at in order[begin : begin + batch]] for begin in whole][:_TRIED]
