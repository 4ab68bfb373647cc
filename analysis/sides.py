"""What is said of one sweep beside others."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.configuration import configurations
from analysis.ranking import Place, Ranking
from analysis.recorded_sweep import RecordedSweep
from analysis.records import CONTENT, ORIGIN, TOKENIZER, VALIDATION, VERSIONS, TrialRow, parse

_SHOWN = ("model.", "quantization.", "lora.", "data.", "training.")


@dataclass(frozen=True)
class Side:
    """A sweep and its ranking."""

    sweep: RecordedSweep
    ranking: Ranking

    @property
    def trials(self) -> list[TrialRow]:
        """Its trials, without references."""
        return [trial for trial in self.sweep.records.trials if not trial.is_reference]

    @property
    def winner(self) -> Place | None:
        """The first of its ranking."""
        return self.ranking.places[0] if self.ranking.places else None

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions by package, those that are recorded."""
        found = parse(self.sweep.tags.get(VERSIONS, "{}"))
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


@dataclass(frozen=True)
class SideFact:
    """One thing of one sweep; `value` is None where it is not known, `told` is it in words."""

    key: str
    label: str
    value: Any
    told: str
    is_basis: bool = False


def facts(side: Side) -> list[SideFact]:
    """Returns what is said of every sweep, in the order of the rows."""
    return [*_basis(side), *_trials(side), *_result(side), *_cost(side), *_when(side)]


def winner_params(side: Side) -> dict[str, Any]:
    """Returns what decided the winner's result; nothing where nobody won."""
    params = {} if side.winner is None else side.winner.configuration.params
    return {key: value for key, value in params.items() if key.startswith(_SHOWN)}


def _basis(side: Side) -> Iterator[SideFact]:
    records = side.sweep.records
    yield SideFact("metric", "metric", records.metric, records.metric, True)
    yield SideFact("direction", "direction", records.direction, records.direction, True)
    yield _words("data", "data", [_data(trial) for trial in side.trials])
    fingerprints = {VALIDATION: "evaluated rows", CONTENT: "data files", TOKENIZER: "tokenizer"}
    for key, label in fingerprints.items():
        yield _words(key, f"fingerprint of {label}", [trial.fingerprints.get(key) for trial in side.trials])
    yield _words("model", "model", [_known(trial, "model.path", "model.name") for trial in side.trials])
    yield _words("quantization", "quantization", [_known(trial, "quantization.name") for trial in side.trials])


def _words(key: str, label: str, found: list[str | None]) -> SideFact:
    """Returns the different values of a sweep's trials; not known where that holds of one."""
    known = list(dict.fromkeys(value for value in found if value))
    told = ", ".join(known) or "not known"
    if None in found and known:
        told += ", or not known"
    return SideFact(key, label, None if None in found or not known else ", ".join(sorted(known)), told, True)


def _known(trial: TrialRow, *keys: str) -> str | None:
    return next((str(trial.params[key]) for key in keys if trial.params.get(key) is not None), None)


def _data(trial: TrialRow) -> str | None:
    name, augmentation = _known(trial, "data.name", "data.path"), trial.params.get("data.augmentation", "none")
    return name if name is None or augmentation == "none" else f"{name} ({augmentation})"


def _trials(side: Side) -> Iterator[SideFact]:
    counted = Counter(trial.outcome for trial in side.trials)
    told = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(counted.items()))
    yield SideFact("trials", "trials", dict(sorted(counted.items())), told or "none")
    count = len(configurations(side.trials))
    yield SideFact("configurations", "configurations", count, str(count))


def _result(side: Side) -> Iterator[SideFact]:
    winner, metric = side.winner, side.sweep.records.metric
    label = f"best {metric}" if len(metric) < 40 else "best value"
    if winner is None:
        yield SideFact("best", label, None, "none")
        yield SideFact("winner", "winner", None, "none")
    else:
        interval = winner.interval
        spread = "" if interval is None else f" ± {_digits((interval[1] - interval[0]) / 2)}"
        value = {"value": winner.value, "interval": interval, "trials": len(winner.configuration.trials)}
        yield SideFact("best", label, value, f"{winner.value:.4f}{spread}")
        yield SideFact("winner", "winner", winner.configuration.name, winner.configuration.name)
    references = [trial.metrics for trial in side.sweep.records.trials if trial.is_reference]
    base = [metrics[metric] for metrics in references if metric in metrics]
    known = next((value for value in base if math.isfinite(value)), None)
    yield SideFact("base", "untrained base model", known, "not known" if known is None else f"{known:.4f}")
    noise = side.ranking.noise
    told = "not known" if noise.size is None else f"{_digits(noise.size)} ({noise.source})"
    yield SideFact("noise", "noise", noise.size, told)


def _digits(value: float) -> str:
    return f"{value:.2g}"


def _cost(side: Side) -> Iterator[SideFact]:
    yield _sum(side, "steps", "steps", 1, 0)
    yield _sum(side, "seconds", "hours", 3600, 2)


def _sum(side: Side, metric: str, label: str, unit: float, digits: int) -> SideFact:
    """Returns what all trials took together, and of how many that is known."""
    known = [trial.metrics[metric] for trial in side.trials if metric in trial.metrics]
    if not known:
        return SideFact(label, label, None, "not known")
    total = sum(known) / unit
    partly = "" if len(known) == len(side.trials) else f" (of {len(known)} of {len(side.trials)} trials)"
    told = f"{total:.{digits}f}" if round(total, digits) or not total else f"{total:.2g}"
    return SideFact(label, label, total, f"{told}{partly}")


def _when(side: Side) -> Iterator[SideFact]:
    origin, started = side.sweep.tags.get(ORIGIN), side.sweep.started
    day = None if started is None else datetime.datetime.fromtimestamp(started, datetime.UTC).strftime("%Y-%m-%d %H:%M")
    told = "not known" if day is None else f"{day} UTC"
    yield SideFact("when", "when", day, told if origin is None else f"imported {told} from {origin}")
