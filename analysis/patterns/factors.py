"""Which parameters of a sweep vary, each told once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.patterns import adapter_scale
from analysis.patterns.values import same, words

Params = Mapping[str, Any]
DECIDES = ("model.", "quantization.", "lora.", "data.", "training.")
"""How the keys begin of what decides a trial."""

_NOT = {
    *("training.seed", "data.validation_prompts", "data.max_new_tokens", "data.cache_dir", "model.cache_dir"),
    *("training.logging_steps", "training.per_device_eval_batch_size", "training.probes"),
}
"""What is no parameter of the training, or is looked at elsewhere."""

_SCHEDULER, _KNOBS = "training.lr_scheduler_type", "training.lr_scheduler_kwargs"

_LEADS = {
    **{"model.name": "model.", "quantization.name": "quantization.", "data.name": "data."},
    **{_SCHEDULER: "training.lr_scheduler_", "lora.init_lora_weights": "lora.loftq_"},
    **{"training.max_steps": "training.eval_steps", "training.num_train_epochs": "training.eval_steps"},
    "data.path": "data.",
}
"""Keys that name something whose other keys come with it, and how those begin."""


@dataclass(frozen=True)
class Factor:
    """A parameter that varies.

    Attributes:
        key: Its dotted name.
        told_with: Keys whose values follow from this one's.
        with_knobs: A scheduler whose own knobs vary, so that each of their values makes it another one.
    """

    key: str
    told_with: tuple[str, ...] = ()
    with_knobs: bool = False

    def value(self, params: Params) -> Any:
        """Returns its value in a trial; None where it has none."""
        if self.key == adapter_scale.GAIN:
            return adapter_scale.gain(params)
        if self.with_knobs and params.get(_KNOBS):
            return f"{params.get(_SCHEDULER)} ({words(params[_KNOBS])})"
        return params.get(self.key)


def factors(trials: Sequence[Params], scale: adapter_scale.Scale) -> list[Factor]:
    """Finds what varies among trials.

    Args:
        trials: Parameters of all trials asked for.
        scale: Which of rank, alpha and gain are looked at.

    Returns:
        A factor for each parameter with two values or more, in the order of the groups; a key that follows from the
        name of its group (`data.path` from `data.name`) is told with that, a scheduler's own knobs with the scheduler.
    """
    keys = dict.fromkeys(key for params in trials for key in params if key.startswith(DECIDES) and key not in _NOT)
    chosen = [key for key in keys if key not in adapter_scale.KEYS] + list(scale.keys)
    columns = {key: tuple(same(Factor(key).value(params)) for params in trials) for key in chosen}
    varying = {key: column for key, column in columns.items() if len(set(column)) > 1}
    followers = {key: _followers(key, varying) for key in varying}
    joined = {_KNOBS} if _SCHEDULER in varying and _KNOBS in varying else set()
    told = {key for some in followers.values() for key in some} | joined
    knobs = bool(joined) and _KNOBS not in followers[_SCHEDULER]
    found = [Factor(key, followers[key], key == _SCHEDULER and knobs) for key in varying if key not in told]
    return sorted(found, key=_place)


def _followers(key: str, varying: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Returns the keys of the same thing whose values follow from this key's."""
    begins = _LEADS.get(key)
    if begins is None or (key == "data.path" and "data.name" in varying):
        return ()
    others = (other for other in varying if other.startswith(begins) and other != key)
    return tuple(other for other in others if _follows(varying[other], varying[key]))


def _follows(column: Sequence[str], leader: Sequence[str]) -> bool:
    return len(set(zip(leader, column, strict=True))) == len(set(leader))


_ORDER = ("lora.", "training.", "data.", "quantization.", "model.")


def _place(factor: Factor) -> tuple[int, str]:
    return next(at for at, group in enumerate(_ORDER) if factor.key.startswith(group)), factor.key
