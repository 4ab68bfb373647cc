"""How many of the labels are scored behind a prompt in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence

MOST_TOGETHER = 512
"""Tokens of answers behind a prompt in one pass. What attention computes and its mask grow with their square: for 64
prompts, 221 labels of up to 27 tokens at once had a mask of 9 GiB."""


def grouped(answers: Sequence[Sequence[int]]) -> list[Sequence[Sequence[int]]]:
    """Returns the answers in their order, in groups of at most `MOST_TOGETHER` tokens when filled up to one length.

    Few are one group. A group has an answer at least; an answer's last token is predicted and never read.
    """
    size = max(1, MOST_TOGETHER // max(1, max(map(len, answers)) - 1))
    return [answers[start : start + size] for start in range(0, len(answers), size)]
