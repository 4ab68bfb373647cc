"""The configuration to go on with: for this tool, and for PEFT and TRL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis import best_yaml, snippet
from analysis.chosen import chosen
from analysis.configuration import SEED
from analysis.evidence import Evidence
from analysis.markdown import code_block, escape
from analysis.ranking import Ranking
from analysis.records import ORIGIN, TrialRow
from analysis.redaction import redacted, without_logins
from analysis.visible import on_one_line

_LONGEST = 6000  # characters that MLflow keeps of a parameter (mlflow/utils/validation.py)


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section."""
    yield from ("## Recommended configuration", "")
    trial = chosen(evidence)
    if trial is None:
        yield from ("None: no trial completed with a finite value.", "")
        return
    yield from (*_which(evidence, trial), "")
    is_imported = ORIGIN in evidence.sweep.tags
    if is_imported:
        yield from (_imported(trial), "")
    yield from code_block(yaml_of(evidence, trial), "yaml")
    if cut := [key for key, value in trial.params.items() if _was_cut(value)]:
        yield from ("", f"MLflow keeps only the beginning of {escape(', '.join(cut))}: it is left out here.")
    yield from ("", "The same settings for PEFT and TRL, whose `SFTTrainer` takes the model and the rows besides:", "")
    objective = evidence.ranking
    yield from code_block(snippet.snippet(trial.params, objective.metric, objective.direction), "python")
    yield ""
    yield from (f"{said}\n" for said in snippet.unsaid(trial.params))


def _which(evidence: Evidence, trial: TrialRow) -> Iterator[str]:
    ranking, name = evidence.ranking, evidence.sweep.records.name
    value = trial.metrics.get(ranking.metric)
    told = escape(trial.name) + ("" if value is None else f", {ranking.metric} {value:.4f}")
    winner = ranking.winner
    if winner is not None and winner.trial != trial.trial:
        yield f"What the procedure settled on: {told}; the first place is {escape(winner.name)} (why: Decisions)."
    else:
        yield f"{told}: {_best_of(ranking)}."
    if trial.params.get("trainer.name") == "replay":
        yield from (
            "",
            "Its values were read from a table (`trainer=replay`). `lora-sweep --config-dir FOLDER --config-name best` "
            "trains the model and data named here, so its eval loss need not be the table's.",
        )
    elif ORIGIN not in evidence.sweep.tags:
        yield from (
            "",
            "`lora-sweep --config-dir FOLDER --config-name best` trains it again from this file, `best.yaml` "
            f"(there already in the folder of the sweep {escape(name)}): on the same machine, to the same last digit.",
        )


def _best_of(ranking: Ranking) -> str:
    place = ranking.places[0]
    seed = ranking.winner.params.get(SEED) if ranking.winner is not None else None
    tied = ", shared with " + (
        escape(place.tied_with[0]) if len(place.tied_with) == 1 else f"{len(place.tied_with):,} others"
    )
    first = f"the first place{tied if place.tied_with else ''}"
    count = len(place.configuration.trials)
    if count == 1:
        return first
    return (
        f"{first}. It ran with seed {seed}, the best of its {count} by luck: do not expect this value of another seed; "
        f"their mean is {place.value:.4f}"
    )


_WANTED = {
    "the base model": ("model.path",),
    "the data": ("data.path",),
    "the learning rate": ("training.learning_rate",),
    "the number of steps": ("training.max_steps", "training.num_train_epochs"),
}
"""Without what a run is another one, and the keys that say it."""


def _unknown(trial: TrialRow) -> dict[str, str]:
    return {
        name: keys[0] for name, keys in _WANTED.items() if not any(trial.params.get(key) is not None for key in keys)
    }


def _imported(trial: TrialRow) -> str:
    unknown = _unknown(trial)
    if not unknown:
        return "As far as it was imported: for what is not listed, `lora-sweep` takes its defaults."
    return (
        f"As far as it was imported. Not known: {', '.join(unknown)}. For them `lora-sweep` would take its own "
        f"defaults, and train something else: add {', '.join(f'`{key}=…`' for key in unknown.values())}."
    )


def _was_cut(value: Any) -> bool:
    """True for a text of which MLflow may lack the end."""
    return isinstance(value, str) and len(value) >= _LONGEST


def yaml_of(evidence: Evidence, trial: TrialRow) -> str:
    """Returns `best.yaml` as far as a trial's recorded parameters tell it."""
    ranking, name = evidence.ranking, evidence.sweep.records.name
    head = f"Sweep {name}: {ranking.metric} {trial.metrics.get(ranking.metric, float('nan')):.4f}, {trial.name}"
    if ORIGIN in evidence.sweep.tags and (unknown := _unknown(trial)):
        head += f"; imported, not known, so to be added: {', '.join(unknown.values())}"
    params = {key: value for key, value in trial.params.items() if not _was_cut(value)}
    values = {**best_yaml.nested(params), **best_yaml.trainer_of(trial.params)}
    objective = {"metric": ranking.metric, "direction": ranking.direction}
    return best_yaml.text(without_logins(values), name, objective, redacted(on_one_line(head)))
