"""The bounds that types cannot express, as a table."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.thresholds import Thresholds
from sweeper.validation import Problem


@dataclass(frozen=True)
class Rule:
    """A bound on one dotted key; `holds` is only asked for values that are not None."""

    key: str
    holds: Callable[[Any], bool]
    rule: str
    remedy: str


def _at_least(key: str, least: float, remedy: str) -> Rule:
    return Rule(key, lambda value: value >= least, f"must be at least {least:g}", f"{key}={remedy}")


def _finite(key: str, holds: Callable[[Any], bool], rule: str, remedy: str) -> Rule:
    return Rule(key, lambda value: math.isfinite(value) and holds(value), rule, f"{key}={remedy}")


def _share(key: str, remedy: str) -> Rule:
    return Rule(key, lambda value: 0 <= value < 1, "must be at least 0 and below 1", f"{key}={remedy}")


_BEGINNINGS = r"gaussian|loftq|pissa(_niter_[0-9]+)?|olora|orthogonal|mica"

TRIAL_RULES = (
    _at_least("lora.r", 1, "8"),
    Rule("lora.alpha", lambda value: math.isfinite(value) and value > 0, "must be above 0", "lora.alpha=16"),
    Rule("lora.gain", lambda value: math.isfinite(value) and value > 0, "must be above 0", "lora.gain=2"),
    _at_least("lora.alpha_r", 1, "16"),
    _share("lora.dropout", "0.05"),
    Rule(
        "lora.init_lora_weights",
        # Others of PEFT's want a pass over data first (eva, corda, lora_ga), or do not exist.
        lambda value: isinstance(value, bool) or re.fullmatch(_BEGINNINGS, value) is not None,
        "is true, false, gaussian, loftq, pissa, pissa_niter_ and a number, olora, orthogonal or mica",
        "lora.init_lora_weights=true",
    ),
    _at_least("lora.loftq_iter", 1, "4"),
    Rule("lora.target_modules", bool, "must name at least one module", "lora.target_modules=all-linear"),
    Rule(
        "training.learning_rate",
        lambda value: math.isfinite(value) and value > 0,
        "must be a number above 0",
        "training.learning_rate=2e-4",
    ),
    _finite("training.warmup_steps", lambda value: value >= 0, "must be a finite number, at least 0", "10"),
    _at_least("training.weight_decay", 0, "0.01"),
    _at_least("training.per_device_train_batch_size", 1, "8"),
    _at_least("training.per_device_eval_batch_size", 1, "64"),
    _at_least("training.gradient_accumulation_steps", 1, "1"),
    Rule(
        "training.max_steps",
        lambda value: value == -1 or value >= 1,
        "must be at least 1, or -1 for num_train_epochs",
        "training.max_steps=200",
    ),
    _finite("training.num_train_epochs", lambda value: value > 0, "must be a finite number above 0", "3"),
    _finite("training.stop_at", lambda value: value > 0, "must be a finite number above 0", "0.1"),
    _at_least("training.eval_steps", 1, "50"),
    _at_least("training.early_stopping_patience", 1, "3"),
    _at_least("training.logging_steps", 1, "10"),
    _at_least("training.max_length", 2, "256"),
    _at_least("training.max_grad_norm", 0, "1.0"),
    _at_least("training.seed", 0, "42"),
    _at_least("data.max_samples", 1, "1000"),
    _at_least("data.augmentation_factor", 2, "3"),
    _at_least("data.max_new_tokens", 1, "64"),
    Rule(
        "data.generated_rows",
        lambda value: value == "all" or value >= 0,
        "must be at least 0, or all",
        "data.generated_rows=100",
    ),
    _share("training.label_smoothing_factor", "0.1"),
    _finite("training.neftune_noise_alpha", lambda value: value > 0, "must be a finite number above 0, or null", "5"),
    Rule(
        "data.validation_prompts",
        lambda value: all(isinstance(prompt, str) and prompt.strip() for prompt in value),
        "each must hold a word",
        "data.validation_prompts=[]",
    ),
    Rule(
        "data.validation_fraction",
        lambda value: 0 < value < 1,
        "must be above 0 and below 1",
        "data.validation_fraction=0.1",
    ),
)

_LONGEST_EXPERIMENT = 500  # characters (mlflow/utils/validation.py)


def _is_short(name: str) -> bool:
    return len(name.encode(errors="surrogateescape")) <= 255  # what file systems take


SETTINGS_RULES = (
    Rule(
        "sweep.name",  # a folder's name, and quoted in MLflow's filters
        lambda value: re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", value) is not None,
        "must begin with a letter or digit and hold only those, dots, dashes and underscores, 200 at most",
        "sweep.name=my-sweep",
    ),
    Rule(
        "sweep.dir",
        lambda value: value.isprintable() and bool(value.strip()) and all(map(_is_short, Path(value).parts)),
        "must be the path of a folder, its names of at most 255 bytes and without control characters",
        "sweep.dir=runs",
    ),
    Rule(
        "sweep.keep_adapters",
        lambda value: re.fullmatch(r"best|all|none|top:[1-9][0-9]*", value) is not None,
        "is best, all, none or top: and a number",
        "sweep.keep_adapters=top:3",
    ),
    Rule(
        "tracking.experiment",
        lambda value: value.isprintable() and 0 < len(value.strip()) <= _LONGEST_EXPERIMENT,
        f"must have a name of at most {_LONGEST_EXPERIMENT} characters, control characters not among them",
        "tracking.experiment=lora-sweeper",
    ),
    _at_least("executor.workers", 1, "1"),
    _at_least("executor.threads", 1, "1"),
    _at_least("sweep.n_trials", 1, "20"),
    _at_least("sweep.max_trials", 1, "40"),
    Rule("sweep.max_hours", lambda value: value > 0, "must be above 0", "sweep.max_hours=8"),
    Rule("sweep.timeout_s", lambda value: value > 0, "must be above 0", "sweep.timeout_s=3600"),
    _at_least("sweep.seed", 0, "0"),
    _share("sweep.noise", "0.0025"),
    *(_at_least(f"diagnosis.thresholds.{item.name}", 0, f"{item.default}") for item in dataclasses.fields(Thresholds)),
)


def broken(rules: tuple[Rule, ...], flat: Mapping[str, Any]) -> Iterator[Problem]:
    """Yields a problem for every rule that a value breaks.

    Args:
        rules: The bounds.
        flat: Values under their dotted keys; what is missing or None breaks nothing.
    """
    for rule in rules:
        value = flat.get(rule.key)
        if value is not None and not _holds(rule, value):
            yield Problem(rule.key, value, rule.rule, rule.remedy)


def _holds(rule: Rule, value: Any) -> bool:
    try:
        return not (isinstance(value, float) and math.isnan(value)) and rule.holds(value)
    except TypeError:  # not even the right type: validation says so
        return True


def remedy(key: str) -> str | None:
    """Returns what mends a key that a rule is about, None where there is none."""
    return next((rule.remedy for rule in (*TRIAL_RULES, *SETTINGS_RULES) if rule.key == key), None)
