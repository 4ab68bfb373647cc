"""How many rows are different: "2,000 highly repetitive examples behave like 500" (tuning guide 001, r).

Two rows are one where their sets of words have a Jaccard similarity of at least 0.8 (the resemblance of Broder 1997, at
the threshold of Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", section 4.2). They compare
shingles of 5 words in whole documents; rows here are often 20 words long, and one word changed takes 3 of their 18
shingles of 3 words with it: 0.71, where the words alone are at 0.90.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainers.data import Example
from trainers.evenly_spaced import evenly_spaced

SHARED, OF = 4, 5
"""Rows count as one where they share four of five of their words: 0.8, in integers so that nothing is rounded."""

MOST_EXACT = 5_000
"""Rows up to which every pair that can be similar is looked at: beyond, long rows take minutes (84 s at 20,000 rows of
300 words)."""

SAMPLED = 1_000
"""Of more rows, those that are compared with all: what they say of all is off by 1.6 % at most, as one standard error
(a share between 0 and 1 has a deviation of at most a half)."""

Words = frozenset[str]


@dataclass(frozen=True)
class Different:
    """How many rows are different, and whether every one was compared with all that can be similar."""

    rows: int
    exact: bool


def different(examples: Sequence[Example]) -> Different:
    """Counts rows greedily: a row counts unless one counted before it is similar.

    Args:
        examples: The rows, in their order.

    Returns:
        The count; exact up to MOST_EXACT rows, else estimated.
    """
    rows = list(dict.fromkeys(words_of(examples)))
    exact = len(rows) <= MOST_EXACT
    return Different(sum(exactly(rows)) if exact else estimated(rows), exact)


def words_of(examples: Sequence[Example]) -> list[Words]:
    """Returns the words of every row, without those that all prompts begin and end with: a template's own."""
    prompts = [_words(example.prompt) for example in examples]
    begin = _shared(prompts)
    rest = [prompt[begin:] for prompt in prompts]
    end = _shared([prompt[::-1] for prompt in rest])
    own = [prompt[: len(prompt) - end] for prompt in rest]
    return [frozenset([*some, *_words(item.completion)]) for some, item in zip(own, examples, strict=True)]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _shared(rows: Sequence[list[str]]) -> int:
    """Counts the words that all rows begin with: those that the first and the last in order have in common."""
    pairs = zip(min(rows, default=[]), max(rows, default=[]), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def are_similar(one: Words, other: Words) -> bool:
    """True where two rows count as one."""
    shared = len(one & other)
    return OF * shared >= SHARED * (len(one) + len(other) - shared)


def exactly(rows: Sequence[Words]) -> Iterator[bool]:
    """Yields for every row whether it counts."""
    index = _Prefixes(rows)
    for row in rows:
        is_new = not any(are_similar(row, other) for other in index.candidates(row))
        if is_new:
            index.add(row)
        yield is_new


def estimated(rows: Sequence[Words]) -> int:
    """Returns about how many rows count: of n that are alike each stands for 1/n, so that their mean says it of all.

    Args:
        rows: Different ones, in their order; `SAMPLED` of them, evenly spaced, are compared with all.
    """
    index, alike = _Prefixes(rows), Counter[Words]()
    taken = evenly_spaced(rows, SAMPLED)
    for row in taken:
        index.add(row)
    for row in rows:
        alike.update(other for other in index.candidates(row) if are_similar(row, other))
    return round(len(rows) * statistics.fmean(1 / max(1, alike[row]) for row in taken))


def met(rows: Sequence[Words], others: Iterable[Words]) -> set[Words]:
    """Returns those of some rows that are similar to any of the others; nothing of the others is kept in memory."""
    index = _Prefixes(rows)
    for row in set(rows):
        index.add(row)
    found: set[Words] = set()
    for other in others:
        found.update(row for row in index.candidates(other) if row not in found and are_similar(row, other))
    return found


class _Prefixes:
    """Finds all rows that can be similar to one: they share one of its rarest words.

    The filters by prefix, size and position of Xiao et al. 2008, "Efficient Similarity Joins for Near Duplicate
    Detection" (PPJoin): of n words in order of rarity, similar rows share one of the first n - ceil(0.8 n) + 1, and
    from the first shared one on there must be enough words left in both.
    """

    def __init__(self, rows: Iterable[Words]) -> None:
        counts = Counter(word for row in rows for word in row)
        self._places = {word: place for place, word in enumerate(sorted(counts, key=lambda word: (counts[word], word)))}
        self._rows: dict[str, list[tuple[Words, int]]] = defaultdict(list)

    def _rarest(self, row: Words) -> Iterator[tuple[str, int]]:
        """Yields the words of a row's prefix, each with how many words there are from it on."""
        # A word that no row of the index has is rarer than any: -1.
        ordered = sorted(row, key=lambda word: self._places.get(word, -1))
        for place, word in enumerate(ordered[: (OF - SHARED) * len(row) // OF + 1]):
            yield word, len(row) - place

    def candidates(self, row: Words) -> Iterator[Words]:
        seen: set[Words] = set()
        for word, left in self._rarest(row):
            for other, other_left in self._rows[word]:
                most = min(left, other_left)
                if (SHARED + OF) * most >= SHARED * (len(row) + len(other)) and other not in seen:
                    seen.add(other)
                    yield other

    def add(self, row: Words) -> None:
        for word, left in self._rarest(row):
            self._rows[word].append((row, left))
