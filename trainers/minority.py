"""How well the rarest class is found: precision, recall and F1 at the threshold where F1 is best."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence


def minority_of(labels: Iterable[int | None]) -> int | None:
    """Returns the class with the fewest rows, the first among equals; None where no row has a class."""
    counts = Counter(label for label in labels if label is not None)
    return min(sorted(counts), key=counts.__getitem__, default=None)


def minority_scores(truth: Sequence[bool], scores: Sequence[float]) -> dict[str, float]:
    """Measures a class against the rest, where rows are taken for it from some score on.

    Args:
        truth: Whether each row is of the class.
        scores: How probable the model finds it, from 0 to 1.

    Returns:
        `eval_minority_f1`, `eval_minority_precision` and `eval_minority_recall` at `minority_threshold`, the score of
        a row. It is chosen on these very rows, for the best F1 and the highest threshold among equals: an upper bound
        of what another set of rows will show.
    """
    ranked = sorted(zip(scores, truth, strict=True), key=lambda row: -row[0])
    points, taken, hits, members = [], 0, 0, sum(truth)
    for score, equals in itertools.groupby(ranked, key=lambda row: row[0]):
        found = [is_member for _, is_member in equals]
        taken, hits = taken + len(found), hits + sum(found)
        points.append((2 * hits / (taken + members), hits, taken, score))
    _, hits, taken, threshold = max(points, key=lambda point: point[0])  # the first is the highest threshold
    return _scores(hits, taken, members, threshold)


def at_threshold(truth: Sequence[bool], scores: Sequence[float], threshold: float) -> dict[str, float]:
    """Measures a class against the rest at a threshold that was chosen on other rows.

    Args:
        truth: Whether each row is of the class.
        scores: How probable the model finds it, from 0 to 1.
        threshold: Rows with this score or more are taken for the class.

    Returns:
        What `minority_scores` returns, at this threshold; a share of nothing is 0.
    """
    found = [score >= threshold for score in scores]
    hits = sum(is_member and is_taken for is_member, is_taken in zip(truth, found, strict=True))
    return _scores(hits, sum(found), sum(truth), threshold)


def _scores(hits: int, taken: int, members: int, threshold: float) -> dict[str, float]:
    return {
        "eval_minority_f1": 2 * hits / (taken + members) if hits else 0.0,
        "eval_minority_precision": hits / taken if taken else 0.0,
        "eval_minority_recall": hits / members if members else 0.0,
        "minority_threshold": threshold,
    }
