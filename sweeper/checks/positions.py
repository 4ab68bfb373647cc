"""Examples that are longer than the base model has positions for."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding, Severity
from sweeper.lengths import COUNTED
from sweeper.model_facts import ModelFacts
from sweeper.scene import Scene

KEY = "training.max_length"

_CONFIGURED = ("max_position_embeddings", "n_positions")
_TABLES = ("wpe.weight", "embed_positions.weight")


def check(scene: Scene) -> Iterator[Finding]:
    """Compares the longest example, as `training.max_length` cuts it, with the model's positions.

    An error where they are a table of the model's, which ends there, and the tokens were counted; rotary ones go on.
    """
    tokens, limit = scene.facts.tokens, positions(scene.model)
    if scene.model is None or tokens is None or limit is None:
        return
    length = scene.config.training.max_length
    longest = min(tokens.longest, length)
    if longest <= limit:
        return
    is_table = any(name.endswith(_TABLES) for name in scene.model.shapes)
    severity: Severity = "error" if is_table and tokens.source == COUNTED else "warning"
    number = f"the longest example has {longest:,} tokens, the model positions for {limit:,}"
    effect = "its table of positions ends there, and training with it" if is_table else "it was made for no longer ones"
    yield Finding(severity, KEY, length, number, effect, "config.json of the base model", f"{KEY}={limit}")


def positions(model: ModelFacts | None) -> int | None:
    """Returns how many tokens a base model has positions for, None where it does not say."""
    found = (model.config.get(key) for key in _CONFIGURED) if model is not None else iter(())
    return next((value for value in found if isinstance(value, int) and value > 0), None)
