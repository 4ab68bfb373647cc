"""What keeps trials comparable that see different numbers of tokens per update: run length, intervals, micro-batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeper.facts import Facts
from sweeper.settled import is_open

_BATCH, _ACCUMULATION = "training.per_device_train_batch_size", "training.gradient_accumulation_steps"
_STEPS = (
    *("training.max_steps", "training.stop_at", "training.eval_steps"),
    *("training.logging_steps", "training.warmup_steps"),
)
"""What is counted in updates; below 1 it is a share of the run, and -1 steps leave the length to the epochs."""

_DECIDES = (_BATCH, _ACCUMULATION, "training.packing", "training.max_length")


def equalised(equal: str, full: Mapping[str, Any], base: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Returns what a trial sets so that it sees as many tokens as the configuration's own run.

    Intervals and warm-up are divided with the updates, so that they stay equal in examples (tuning guide,
    gradient_accumulation_steps, "Detailed Configuration", 4).

    Args:
        equal: The procedure's: `steps`, `tokens` or `tokens_per_update`.
        full: All that the trial sets.
        base: The configuration's own values, under dotted names.
        facts: Of the data: the mean length of a row decides how many fit into a packed one.

    Returns:
        Parameters, empty where nothing changes or where a winner that decides it is not known yet.
    """
    now = {**base, **full}
    if equal == "steps" or any(is_open(now[key]) for key in _DECIDES):
        return {}
    made: dict[str, Any] = {}
    if equal == "tokens_per_update":
        rows = _tokens_per_update(base, facts) / (now[_ACCUMULATION] * _tokens_per_row(now, facts))
        made = {_BATCH: max(1, round(rows))}
    ratio = _tokens_per_update(base, facts) / _tokens_per_update({**now, **made}, facts)
    made |= {key: max(1, round(now[key] * ratio)) for key in _STEPS if _is_counted(now.get(key))}
    return {key: value for key, value in made.items() if value != now[key]}


def _is_counted(value: Any) -> bool:
    return isinstance(value, (int, float)) and value >= 1


def _tokens_per_update(config: Mapping[str, Any], facts: Facts) -> float:
    return float(config[_BATCH] * config[_ACCUMULATION] * _tokens_per_row(config, facts))


def _tokens_per_row(config: Mapping[str, Any], facts: Facts) -> float:
    """Returns the tokens of a row; a packed one is taken as full, which best-fit decreasing nearly reaches."""
    length = float(config["training.max_length"])
    return length if config["training.packing"] else max(1.0, min(facts.mean_tokens, length))
