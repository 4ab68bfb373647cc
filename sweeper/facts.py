"""What is known of a command's training data before anything is spent; nothing here loads torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sweeper import files, run_length
from sweeper.effective_rows import effective_rows
from sweeper.lengths import Lengths
from sweeper.near_duplicates import Different
from sweeper.row_lengths import row_lengths
from trainers.data import Rows
from trainers.trial import TrialConfig


@dataclass(frozen=True)
class Facts:
    """What priors and conditions know of the training rows, as they are after the split and `data.max_samples`.

    `rows` are all, `validation_rows` those that are measured on, `effective_rows` those left when near-duplicates count
    once (`sweeper.near_duplicates`), which is `exact` or, for big data, near it. `labels` are the classes' rows, most
    frequent first. `steps` are the optimizer steps of a full run. `metric` is what trials are ranked by.
    """

    rows: int
    effective_rows: int
    validation_rows: int = 0
    exact: bool = True
    tokens: Lengths | None = None
    labels: tuple[tuple[str, int], ...] = ()
    steps: int = 0
    metric: str = "eval_loss"

    @property
    def mean_tokens(self) -> float:
        """The mean length of an example in tokens, 0 where it is not known."""
        return 0.0 if self.tokens is None else self.tokens.mean


def facts_of(config: TrialConfig, known: Different | None = None) -> Facts:
    """Looks at a trial's training data; there are no rows where they cannot be read (the check of files says why).

    Args:
        config: The trial.
        known: How many of these rows are different, where they were compared before.
    """
    rows = files.rows_of(files.without_repeats(config.data))
    trained = files.rows_of(config.data)
    if rows is None or trained is None or not rows.train:
        return Facts(0, 0)
    different = known or effective_rows(config, rows.train)
    tokens = row_lengths(config)
    assert tokens is not None  # there are rows
    return Facts(
        rows=len(rows.train),
        effective_rows=different.rows,
        validation_rows=len(rows.validation),
        exact=different.exact,
        tokens=tokens,
        labels=_labels(rows),
        steps=run_length.steps(config, len(trained.train), tokens.mean),
    )


def _labels(rows: Rows) -> tuple[tuple[str, int], ...]:
    counts = Counter(rows.labels[example.label] for example in rows.train if example.label is not None)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
