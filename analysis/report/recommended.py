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
        yield from (
            "As far as it was imported; what is not listed is not known, and `lora-sweep` takes its defaults.",
            "",
        )
    yield from code_block(yaml_of(evidence, trial), "yaml")
    if cut := [key for key, value in trial.params.items() if _was_cut(value)]:
        yield from ("", f"MLflow keeps only the beginning of {escape(', '.join(cut))}: it is left out here.")
    yield from ("", "The same for PEFT and TRL:", "")
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
    if ORIGIN not in evidence.sweep.tags:
        yield from (
            "",
            "`lora-sweep --config-dir FOLDER --config-name best` trains it again from this file, `best.yaml` "
            f"(there already in the folder of the sweep {escape(name)}): on the same machine, to the same last digit.",
        )


def _best_of(ranking: Ranking) -> str:
    first = ranking.places[0].configuration
    seed = ranking.winner.params.get(SEED) if ranking.winner is not None else None
    if len(first.trials) == 1:
        return "the first place"
    return (
        f"of the first place's configuration the seed with the best value, {seed}, whose lead over its others is luck"
    )


def _was_cut(value: Any) -> bool:
    """True for a text of which MLflow may lack the end."""
    return isinstance(value, str) and len(value) >= _LONGEST


def yaml_of(evidence: Evidence, trial: TrialRow) -> str:
    """Returns `best.yaml` as far as a trial's recorded parameters tell it."""
    ranking, name = evidence.ranking, evidence.sweep.records.name
    head = f"Sweep {name}: {ranking.metric} {trial.metrics.get(ranking.metric, float('nan')):.4f}, {trial.name}"
    params = {key: value for key, value in trial.params.items() if not _was_cut(value)}
    values = {**best_yaml.nested(params), **best_yaml.trainer_of(trial.params)}
    objective = {"metric": ranking.metric, "direction": ranking.direction}
    return best_yaml.text(without_logins(values), name, objective, redacted(on_one_line(head)))
