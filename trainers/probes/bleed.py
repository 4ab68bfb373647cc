"""Answers that run on: past their end, into a next sample or another role's turn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from trainers.probes.greedy import continued
from trainers.seam import TrialFailed
from trainers.special_tokens import special_ids
from trainers.tokens import Tokens

ROWS = 16
MARGIN = 16
"""Tokens beyond the reference's length within which an answer must end."""

_SHORTEST_START, _LONGEST_START = 2, 8  # tokens of the prompts' shared beginning that make a next sample


class Bleed:
    """Continues the first `ROWS` validation prompts greedily and looks for what is no part of an answer."""

    def __init__(self, rows: Sequence[Tokens], tokenizer: Any) -> None:
        self._rows = [row for row in rows[:ROWS] if row.prompt]
        if not self._rows:
            raise TrialFailed("training.probes=[bleed] needs rows with prompts; try training.probes=[]")
        self._end, self._pad = tokenizer.eos_token_id, tokenizer.pad_token_id
        special = special_ids(tokenizer)  # those of roles included
        self._foreign = special - {self._end}
        self._start = _start([row.prompt for row in rows], special)

    def measure(self, model: Any) -> dict[str, float]:
        """Returns the shares of the answers that run on (`bleed_rate`) and that do not end at all (`run_on_rate`)."""
        most = max(len(row.completion) for row in self._rows) + MARGIN
        mode = model.training
        model.eval()
        with torch.no_grad():
            made = continued(model, [row.prompt for row in self._rows], most, self._end, self._pad)
        model.train(mode)
        answers = [tokens[: len(row.completion) + MARGIN] for row, tokens in zip(self._rows, made, strict=True)]
        endless = [self._end not in answer for answer in answers]
        bleeding = [runs_on or self._goes_elsewhere(answer) for runs_on, answer in zip(endless, answers, strict=True)]
        return {"bleed_rate": sum(bleeding) / len(answers), "run_on_rate": sum(endless) / len(answers)}

    def _goes_elsewhere(self, answer: Sequence[int]) -> bool:
        return not self._foreign.isdisjoint(answer) or _contains(answer, self._start)


def _start(prompts: Sequence[Sequence[int]], special: set[int]) -> list[int]:
    """Returns how a next sample would begin: what all prompts share, special tokens before it aside."""
    columns = itertools.takewhile(lambda column: len(set(column)) == 1, zip(*prompts, strict=False))
    shared = itertools.dropwhile(special.__contains__, (column[0] for column in columns))
    start = list(itertools.islice(shared, _LONGEST_START))
    return start if len(start) >= _SHORTEST_START else []


def _contains(tokens: Sequence[int], part: Sequence[int]) -> bool:
    places = range(len(tokens) - len(part) + 1)
    return bool(part) and any(list(tokens[place : place + len(part)]) == part for place in places)
