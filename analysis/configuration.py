"""One configuration of a sweep and its trials, which differ in their seed alone."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.records import TrialRow

SEED = "training.seed"

DECIDES = ("model.", "quantization.", "lora.", "data.", "training.")
"""How the parameters begin that decide what a trial computes; the others say how it was run."""

READ = {"data.validation_prompts", "data.cache_dir", "model.cache_dir"}
"""What is only read by people, or where files lie."""

_LENGTH, _ANSWERED = "data.max_new_tokens", "data.generated_rows"


def deciding(params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters that decide what a trial computes; how long answers get only where they are measured."""
    read = READ if params.get(_ANSWERED) else {*READ, _LENGTH}
    return {key: value for key, value in params.items() if key.startswith(DECIDES) and key not in read}


@dataclass(frozen=True)
class Configuration:
    """Trials that differ in `training.seed` alone, in the order of their numbers."""

    trials: tuple[TrialRow, ...]

    @property
    def name(self) -> str:
        """The name of its first trial."""
        return self.trials[0].name

    @property
    def params(self) -> Mapping[str, Any]:
        """What its trials have in common, and the seed of the first."""
        return self.trials[0].params

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in the order of the trials; empty where they are not known."""
        return tuple(trial.params[SEED] for trial in self.trials if isinstance(trial.params.get(SEED), int))

    def values(self, metric: str) -> tuple[float, ...]:
        """Returns a metric of every trial that has it, in their order."""
        return tuple(trial.metrics[metric] for trial in self.trials if metric in trial.metrics)

    def mean(self, metric: str) -> float | None:
        """Returns the mean over the trials; None where none has the metric."""
        values = self.values(metric)
        return statistics.fmean(values) if values else None


def configurations(trials: Iterable[TrialRow]) -> list[Configuration]:
    """Puts trials together that differ in their seed alone, in the order in which the first of each comes."""
    found: dict[str, list[TrialRow]] = {}
    for trial in trials:
        found.setdefault(_key(trial), []).append(trial)
    return [Configuration(tuple(sorted(group, key=lambda trial: trial.number))) for group in found.values()]


def _key(trial: TrialRow) -> str:
    """Returns what decides; a trial of which nothing is known but its name stands for itself."""
    found = deciding(trial.params)
    without_seed = {key: value for key, value in found.items() if key != SEED}
    whose = trial.trial if SEED not in found else ""  # without seeds, two trials are two configurations
    return json.dumps([without_seed, whose], sort_keys=True, default=str)
