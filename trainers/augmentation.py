"""Variants of a text: easy data augmentation (Wei and Zou 2019, arXiv 1901.11196) without a thesaurus.

Three of the paper's four operations: random swap, random deletion, random insertion. The fourth, synonym replacement,
needs WordNet, and so does the paper's insertion; here a word of the same text is inserted instead of its synonym.
"""

from __future__ import annotations

import random

SHARE = 0.1
"""Of the words that an operation touches, at least one: the paper's alpha, whose ablations call 0.1 a sweet spot."""

_ATTEMPTS = 10  # only swaps can change nothing, and they are a third of the draws


def variant(text: str, number: int) -> str:
    """Varies a text.

    Args:
        text: Words between spaces; any space becomes a single blank.
        number: Which variant, from 1. Text and number alone decide the result, so that no trial's seed and no other
            row changes it.

    Returns:
        The variant, other than the text where a few attempts find one; a text of one word as it is.
    """
    words = text.split()
    if len(words) < 2:
        return text
    rng = random.Random(f"{number} {text}")
    made = words
    for _ in range(_ATTEMPTS):
        made = rng.choice((_swapped, _shortened, _extended))(words, max(1, int(SHARE * len(words))), rng)
        if made != words:
            break
    return " ".join(made)


def _swapped(words: list[str], count: int, rng: random.Random) -> list[str]:
    """Exchanges two words, so many times."""
    made = list(words)
    for _ in range(count):
        one, other = rng.sample(range(len(made)), 2)
        made[one], made[other] = made[other], made[one]
    return made


def _shortened(words: list[str], count: int, rng: random.Random) -> list[str]:
    """Deletes so many words; `SHARE` never takes all of two or more."""
    gone = set(rng.sample(range(len(words)), count))
    return [word for index, word in enumerate(words) if index not in gone]


def _extended(words: list[str], count: int, rng: random.Random) -> list[str]:
    """Inserts a word of the text anywhere, so many times."""
    made = list(words)
    for _ in range(count):
        made.insert(rng.randrange(len(made) + 1), rng.choice(words))
    return made
