"""The configuration to go on with: for this tool, and for PEFT and TRL."""

from __future__ import annotations

from collections.abc import Iterator

from analysis import best_yaml, snippet
from analysis.chosen import chosen
from analysis.evidence import Evidence
from analysis.markdown import code_block, escape
from analysis.records import ORIGIN, TrialRow
from analysis.redaction import without_logins


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
    yield from ("", "The same for PEFT and TRL:", "")
    objective = evidence.ranking
    yield from code_block(snippet.snippet(trial.params, objective.metric, objective.direction), "python")
    yield ""
    yield from (f"{said}\n" for said in snippet.unsaid(trial.params))


def _which(evidence: Evidence, trial: TrialRow) -> Iterator[str]:
    winner = evidence.ranking.winner
    metric = evidence.ranking.metric
    value = trial.metrics.get(metric)
    told = escape(trial.name) + ("" if value is None else f", {metric} {value:.4f}")
    if winner is not None and winner.trial != trial.trial:
        yield f"What the procedure settled on: {told}; the first place is {escape(winner.name)} (why: Decisions)."
    else:
        yield f"{told}: the best trial of the first place."
    name = evidence.sweep.records.name
    if ORIGIN not in evidence.sweep.tags:
        yield (
            f"Saved as `best.yaml`, `lora-sweep --config-dir FOLDER --config-name best` trains it again; in the folder "
            f"of the sweep {escape(name)} that file is there already."
        )


def yaml_of(evidence: Evidence, trial: TrialRow) -> str:
    """Returns `best.yaml` as far as a trial's recorded parameters tell it."""
    ranking, name = evidence.ranking, evidence.sweep.records.name
    head = f"Sweep {name}: {ranking.metric} {trial.metrics.get(ranking.metric, float('nan')):.4f}, {trial.name}"
    values = {**best_yaml.nested(trial.params), **best_yaml.trainer_of(trial.params)}
    objective = {"metric": ranking.metric, "direction": ranking.direction}
    return best_yaml.text(without_logins(values), name, objective, head)
