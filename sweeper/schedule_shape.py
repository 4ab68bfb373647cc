"""What a learning-rate schedule really does at every step, without torch: the formulas of transformers 5.23.

`tests/sweeper/test_schedule_shape.py` holds them equal to `transformers.get_scheduler` and `trainers.schedules`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from trainers.trial import Training

Factor = Callable[[float], float]
"""Steps made so far -> the share of `learning_rate` that the next step is made with."""

UNFORESEEN = ("reduce_lr_on_plateau", "greedy")
"""Schedules that follow what is measured: nobody knows them before the run."""

WITHOUT_WARMUP = (*UNFORESEEN, "constant", "range_test")
"""Schedules that `training.warmup_steps` says nothing to."""


class ImpossibleScheduleError(ValueError):
    """A schedule that its library would refuse: a setting it does not know, or values that do not go together."""


def shape(training: Training, whole: int, most: int | None = None, stride: int = 1) -> list[float] | None:
    """Returns the share of `training.learning_rate` at every step, or at every so many.

    Args:
        training: The schedule, its arguments and its warm-up.
        whole: The steps of the whole run that the schedule is made for.
        most: How many of them are run; None for all.
        stride: From one step that is asked for to the next.

    Returns:
        A factor for each, that of the first step first; None for a schedule that follows what is measured.

    Raises:
        ImpossibleScheduleError: The schedule cannot be made, or not followed to the end.
    """
    if training.lr_scheduler_type in UNFORESEEN:
        return None
    try:
        factor = _factor(training, whole)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ImpossibleScheduleError(str(error)) from None
    try:
        return [factor(step) for step in range(0, whole if most is None else min(most, whole), stride)]
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ImpossibleScheduleError(f"it cannot be followed to the end: {error}") from None


def warmup(training: Training, whole: int) -> int:
    """Returns the steps of warm-up in a run of `whole` (`transformers.TrainingArguments.get_warmup_steps`)."""
    if training.lr_scheduler_type in WITHOUT_WARMUP:
        return 0
    asked = training.warmup_steps
    return int(asked) if asked >= 1 else math.ceil(whole * asked)


def _factor(training: Training, whole: int) -> Factor:
    """Returns a schedule's formula with its arguments in place."""
    name, kwargs = training.lr_scheduler_type, dict(training.lr_scheduler_kwargs)
    if name not in _MAKERS:
        raise ImpossibleScheduleError(f"there is no such schedule; known are {', '.join((*_MAKERS, *UNFORESEEN))}")
    if name == "constant":  # the library takes any arguments for these two, and makes nothing of them
        return lambda step: 1.0
    if name == "constant_with_warmup":
        return _constant_with_warmup(warmup(training, whole))
    if name == "range_test":
        return _range_test(training.learning_rate, whole, kwargs)
    share = kwargs.pop("decay_share", None)
    if share is not None:
        kwargs["num_decay_steps"] = max(1, round(float(share) * whole))
    return _made(_MAKERS[name], kwargs, warm=warmup(training, whole), whole=whole, peak=training.learning_rate)


def _made(maker: Callable[..., Factor], kwargs: Mapping[str, Any], **own: Any) -> Factor:
    takes = [key for key in inspect.signature(maker).parameters if key not in {"warm", "whole", "peak"}]
    if unknown := [key for key in kwargs if key not in takes]:
        raise ImpossibleScheduleError(f"it takes {', '.join(takes) or 'no arguments'}, not {', '.join(unknown)}")
    try:
        return maker(**own, **kwargs)
    except TypeError as error:  # an argument that it cannot do without
        raise ImpossibleScheduleError(str(error).partition("() ")[2] or str(error)) from None


def _range_test(peak: float, whole: int, kwargs: Mapping[str, Any]) -> Factor:
    start = float(kwargs.get("start", 1e-6)) / peak
    return lambda step: start ** (1 - min(1.0, step / max(1, whole - 1)))


def _warmed(after: Factor, warm: int) -> Factor:
    return lambda step: step / max(1, warm) if step < warm else after(step)


def _constant_with_warmup(warm: int) -> Factor:
    return _warmed(lambda step: 1.0, warm)


def _linear(warm: int, whole: int, peak: float) -> Factor:
    return _warmed(lambda step: max(0.0, (whole - step) / max(1, whole - warm)), warm)


def _wave(cycles: float, progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * cycles * 2.0 * progress))


def _cosine(warm: int, whole: int, peak: float, num_cycles: float = 0.5) -> Factor:
    return _warmed(lambda step: max(0.0, _wave(num_cycles, (step - warm) / max(1, whole - warm))), warm)


def _restarts(warm: int, whole: int, peak: float, num_cycles: int = 1) -> Factor:
    def after(step: float) -> float:
        progress = (step - warm) / max(1, whole - warm)
        return 0.0 if progress >= 1 else max(0.0, _wave(0.5, (num_cycles * progress) % 1.0))

    return _warmed(after, warm)


def _polynomial(warm: int, whole: int, peak: float, lr_end: float = 1e-7, power: float = 1.0) -> Factor:
    if not peak > lr_end:
        raise ImpossibleScheduleError(f"lr_end={lr_end:g} must be below training.learning_rate={peak:g}")
    return _warmed(lambda step: ((peak - lr_end) * (1 - (step - warm) / (whole - warm)) ** power + lr_end) / peak, warm)


def _inverse_sqrt(warm: int, whole: int, peak: float, timescale: int | None = None) -> Factor:
    scale = timescale if timescale is not None else warm or 10_000
    return _warmed(lambda step: 1.0 / math.sqrt((step + scale - warm) / scale), warm)


def _least(peak: float, min_lr: float | None, min_lr_rate: float | None) -> float:
    if min_lr is not None and min_lr_rate is not None:
        raise ImpossibleScheduleError("it takes one of min_lr and min_lr_rate, not both")
    if min_lr is None and min_lr_rate is None:
        raise ImpossibleScheduleError("it needs min_lr or min_lr_rate")
    return float(min_lr_rate if min_lr is None else min_lr / peak)  # type: ignore[arg-type]


def _cosine_with_min_lr(
    *,
    warm: int,
    whole: int,
    peak: float,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
) -> Factor:
    least = _least(peak, min_lr, min_lr_rate)
    return _warmed(
        lambda step: max(0.0, _wave(num_cycles, (step - warm) / max(1, whole - warm)) * (1 - least) + least), warm
    )


def _cosine_warmup_with_min_lr(
    *,
    warm: int,
    whole: int,
    peak: float,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
) -> Factor:
    """Begins above 0: at a step of warm-up, or at `warmup_lr_rate`; and decays from the first step after it."""
    least = _least(peak, min_lr, min_lr_rate)

    def factor(step: float) -> float:
        if step < warm and warmup_lr_rate is None:
            return (step + 1) / max(1, warm)
        if step < warm and warmup_lr_rate is not None:
            return warmup_lr_rate + (1 - warmup_lr_rate) * step / max(1, warm - 1)
        return max(0.0, _wave(num_cycles, (step - warm + 1) / max(1, whole - warm)) * (1 - least) + least)

    return factor


_RISES: Mapping[str, Factor] = {
    "linear": lambda progress: progress,
    "cosine": lambda progress: 0.5 * (1 - math.cos(math.pi * progress)),
    "1-sqrt": lambda progress: 1 - math.sqrt(1 - progress),
}


def _falls(kind: str, cycles: float, progress: float) -> float:
    if kind == "cosine":
        return _wave(cycles, progress)
    return 1 - (progress if kind == "linear" else math.sqrt(progress))


def _warmup_stable_decay(
    *,
    warm: int,
    whole: int,
    peak: float,
    num_decay_steps: int,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0.0,
    num_cycles: float = 0.5,
) -> Factor:
    if not {warmup_type, decay_type} <= set(_RISES):
        raise ImpossibleScheduleError(f"warmup_type and decay_type are among {', '.join(_RISES)}")
    stable = whole - warm - num_decay_steps if num_stable_steps is None else num_stable_steps
    floored = partial(_floored, least=min_lr_ratio)

    def factor(step: float) -> float:
        if step < warm:
            return floored(_RISES[warmup_type](step / max(1, warm)))
        if step < warm + stable:
            return 1.0
        if step < warm + stable + num_decay_steps:
            return floored(_falls(decay_type, num_cycles, (step - warm - stable) / max(1, num_decay_steps)))
        return min_lr_ratio

    return factor


def _floored(factor: float, least: float) -> float:
    return max(0.0, factor * (1 - least) + least)


_MAKERS: Mapping[str, Callable[..., Factor]] = {
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _restarts,
    "polynomial": _polynomial,
    "constant": lambda: lambda step: 1.0,
    "constant_with_warmup": _constant_with_warmup,
    "inverse_sqrt": _inverse_sqrt,
    "cosine_with_min_lr": _cosine_with_min_lr,
    "cosine_warmup_with_min_lr": _cosine_warmup_with_min_lr,
    "warmup_stable_decay": _warmup_stable_decay,
    "range_test": _range_test,
}
