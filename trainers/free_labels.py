"""Free answers to labelled rows: what a model says where nobody holds it to the labels.

Scoring the labels has shown the model's first choices along each of them. Where these lead through a label to its end,
greedy decoding makes that label; where they leave all labels, the token with which they do mostly says that no label
can follow. Only what is open then is decoded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trainers.answers import LabelReader, is_whole
from trainers.greedy_path import walked
from trainers.label_scores import Scores
from trainers.probes.greedy import continued
from trainers.tokens import TokenRows

MORE = 2
"""Tokens (ours) beyond the longest label's, so that quotes or a full stop do not cut a label off."""


@dataclass(frozen=True)
class FreeLabels:
    """Reads and decodes free answers to the validation rows."""

    rows: TokenRows
    tokenizer: Any
    reader: LabelReader

    @classmethod
    def of(cls, rows: TokenRows, tokenizer: Any) -> FreeLabels:
        """Prepares for some rows."""
        return cls(rows, tokenizer, LabelReader.of(rows.labels))

    @property
    def most(self) -> int:
        """The most tokens of an answer."""
        return max(map(len, self.rows.answers)) + MORE

    def label_of(self, answer: Sequence[int]) -> int | None:
        """Returns the label that an answer is: one that is made of a label's own tokens, or that reads like one."""
        own = next((index for index, tokens in enumerate(self.rows.answers) if tuple(tokens) == tuple(answer)), None)
        return self.reader.label_of(self._text(answer)) if own is None else own

    def known(self, scores: Scores) -> list[tuple[bool, int | None]]:
        """Says of each row of a batch whether its answer is known already, and which label it is."""
        return [self._known(choices) for choices in scores.choices.tolist()]

    def _known(self, choices: Sequence[Sequence[int]]) -> tuple[bool, int | None]:
        label, path = walked(choices, self.rows.answers)
        if label is not None:
            return True, label
        text = self._text(path)
        if path[-1] == self.tokenizer.eos_token_id or is_whole(text):
            return True, self.reader.label_of(text)
        return not self.reader.is_open(text), None

    def _text(self, answer: Sequence[int]) -> str:
        # As it is: cleaning spaces up would make a text's beginning depend on what follows.
        return str(self.tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def decoded(
        self, model: Any, prompts: Sequence[Sequence[Sequence[int]]], batch_size: int
    ) -> list[list[int | None]]:
        """Decodes greedily.

        All passes have one shape, whatever is open, so that no slot's answers depend on another's rows: places that
        nobody needs are filled, and no row is as long as the pass is wide, since attention may be computed another way
        where no row has padding.

        Args:
            model: A causal language model in evaluation mode; call this without gradients.
            prompts: Of the rows that are open, slot by slot.
            batch_size: The most rows per slot and pass.

        Returns:
            The label that each answer is, None for one that is no label; slot by slot.
        """
        width = max(len(row.prompt) for row in self.rows.validation) + 1
        end, pad = self.tokenizer.eos_token_id, self.tokenizer.pad_token_id
        size = batch_size if len(prompts) > 1 else min(batch_size, len(prompts[0]))  # alone, nobody else is there
        made: list[list[int | None]] = [[] for _ in prompts]
        for number in range(math.ceil(max(map(len, prompts)) / size) if size else 0):
            parts = [_filled(slot[number * size : (number + 1) * size], size) for slot in prompts]
            answers = continued(model, [row for part in parts for row in part], self.most, end, pad, width=width)
            for slot, part in enumerate(parts):
                mine = answers[slot * size : (slot + 1) * size]
                made[slot] += self._labels(answer for row, answer in zip(part, mine, strict=True) if row)
        return made

    def _labels(self, answers: Iterable[Sequence[int]]) -> list[int | None]:
        return [self.label_of(answer) for answer in answers]


def _filled(prompts: Sequence[Sequence[int]], size: int) -> list[Sequence[int]]:
    return [*prompts, *[()] * (size - len(prompts))]
