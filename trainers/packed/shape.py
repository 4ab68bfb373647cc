"""The pack's shape: constant for a sweep, so that a trial's curve does not feel its neighbours."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from trainers.label_scores import shared_prefix
from trainers.packed.layout import Lines, Pass, passes
from trainers.packed.ranks import padded
from trainers.tokens import TokenRows, Tokens
from trainers.trial import TrialConfig

_WORTH = 0.1  # the least share of a pass's tokens that makes a second, short pass for the prefix worth its overhead


@dataclass(frozen=True)
class Shape:
    """What every pass computes, filled with dummy tokens where a batch is short or a slot is empty.

    Attributes:
        slots: How many trials there is room for.
        rows: The micro-batch of a slot.
        lines: Sequences of a slot in a pass: one per row, or fewer where short rows share them.
        length: Tokens of a line, the prefix not counted.
        completion: Tokens of the longest completion: logits are computed for as many positions of every row.
        r: The rank that adapters are padded to.
        prefix: What every row begins with: it is run once per slot, not once per row.
    """

    slots: int
    rows: int
    lines: int
    length: int
    completion: int
    r: int
    prefix: tuple[int, ...] = ()

    def facts(self) -> dict[str, int]:
        """Returns what is recorded with a trial: two trials whose shapes agree can be equal to the last bit."""
        numbers = {name: value for name, value in dataclasses.asdict(self).items() if name != "prefix"}
        return {f"pack.{name}": value for name, value in {**numbers, "prefix": len(self.prefix)}.items()}

    @property
    def is_dense(self) -> bool:
        """True where rows share lines."""
        return self.lines < self.rows

    def passes(self, rows: Sequence[Tokens]) -> list[Pass]:
        """Returns the passes that a micro-batch takes: one, unless rows share lines and do not all fit.

        A pack of one slot takes as many lines as it needs: it has no neighbours to agree with.
        """
        if not self.is_dense:
            return [[[row] for row in rows]]
        count = self.rows if self.slots == 1 else self.lines
        return passes(rows, Lines(count, self.length), len(self.prefix))


def shape(config: TrialConfig, rows: TokenRows, slots: int, with_prefix: bool) -> Shape:
    """Measures the training rows; each has a line of its own.

    Args:
        config: Any trial of the pack.
        rows: Its data.
        slots: How many trials there is room for.
        with_prefix: Whether what all rows begin with may be shared.
    """
    batch = config.training.per_device_train_batch_size
    longest = max(len(row.prompt) + len(row.completion) for row in rows.train)
    shared = shared_prefix([row.prompt for row in rows.train]) if with_prefix else []
    prefix = shared if len(shared) * (batch - 1) / (longest * batch) >= _WORTH else []
    return Shape(
        slots=slots,
        rows=batch,
        lines=batch,
        length=longest - len(prefix),
        completion=max(len(row.completion) for row in rows.train),
        r=padded(config.lora.r),
        prefix=tuple(prefix),
    )


def resized(shape: Shape, slots: int) -> Shape:
    """Returns the same shape with room for another number of trials."""
    return dataclasses.replace(shape, slots=slots)


def predicted(prompt: Sequence[int], completion: Sequence[int]) -> range:
    """Returns the positions whose logits predict a completion's tokens; nothing predicts the very first token."""
    return range(max(1, len(prompt)) - 1, len(prompt) + len(completion) - 1)
