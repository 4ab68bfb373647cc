"""The trials of a stage: what it lists, crossed, on top of what the stages before it have settled."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.candidates import SEED, Candidate
from sweeper.choosing import Choice
from sweeper.facts import Facts
from sweeper.priors import PRIORS
from sweeper.procedure import Around, Bounded, Budget, Derived, Neighbours, Stage

Params = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: its candidates and the choice among them, or why it was skipped.

    `planned` stands in for all that before anything was run.
    """

    stage: Stage
    candidates: tuple[Candidate, ...] = ()
    choice: Choice | None = None
    skipped: str | None = None
    planned: tuple[Mapping[str, Any], ...] | None = None

    @property
    def winner(self) -> Candidate | None:
        """The first winner, None where there is none."""
        return self.choice.winners[0] if self.choice and self.choice.winners else None


@dataclass(frozen=True)
class Settled:
    """What is known when a stage begins: earlier outcomes, what is held from their winners, and the data's facts.

    `base` is the configuration itself, under dotted names.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    held: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts = field(default_factory=lambda: Facts(0, 0))
    base: Mapping[str, Any] = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """Returns what a parameter is by now: held, else the configuration's own, as where a stage had no winner."""
        return self.held.get(key, self.base.get(key))


def axes(stage: Stage, settled: Settled, said: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Returns the values of each parameter that a stage varies.

    Args:
        stage: The stage.
        settled: What is known by now.
        said: Axes on the command line, which go before a stage's own values.
    """
    return {key: _values(key, _said(rule, said.get(key)), settled) for key, rule in stage.vary.items()}


def _said(rule: Any, values: Sequence[Any] | None) -> Any:
    """Returns what the command line makes of a rule; what is relative to a winner stays so."""
    if values is None or isinstance(rule, (Around, Neighbours)):
        return rule
    return dataclasses.replace(rule, values=list(values)) if isinstance(rule, Bounded) else list(values)


def _values(key: str, rule: Any, settled: Settled) -> list[Any]:
    if isinstance(rule, Derived):
        return PRIORS[rule.prior](settled.facts)
    if isinstance(rule, Around):
        value = settled.value(key)
        if isinstance(value, str):  # a plan: the winner is not known yet
            return [value if factor == 1 else f"{value}*{factor:g}" for factor in rule.times]
        scaled = [value * factor for factor in rule.times]
        return list(dict.fromkeys(round(item) if isinstance(value, int) else _tidy(item) for item in scaled))
    if isinstance(rule, Bounded):
        return _bounded(rule, settled.outcomes[rule.at_most])
    if isinstance(rule, Neighbours):
        return _neighbours(key, settled.outcomes[rule.neighbours], settled.value(key))
    return list(rule)


def _bounded(rule: Bounded, outcome: Outcome) -> list[Any]:
    bound = outcome.choice.numbers.get("bound") if outcome.choice is not None else None
    below = [value for value in rule.values if bound is None or value <= bound]
    return below or [min(rule.values)]


def _tidy(value: float) -> float:
    """Rounds to ten digits: 3 * 1e-4 is no 3e-4."""
    return float(f"{value:.10g}")


def _neighbours(key: str, outcome: Outcome, chosen: Any) -> list[Any]:
    if outcome.planned is not None:
        return [f"{chosen}-1", chosen, f"{chosen}+1"]
    swept = sorted({item.params[key] for item in outcome.candidates if key in item.params})
    at = swept.index(chosen) if chosen in swept else 0
    return swept[max(0, at - 1) : at + 2]


def points(stage: Stage, settled: Settled, said: Mapping[str, Sequence[Any]]) -> list[Params]:
    """Lists what each trial of a stage sets beyond what is held.

    Args:
        stage: The stage.
        settled: What is known by now.
        said: Axes on the command line.

    Returns:
        A mapping per trial, the last axis and then the seed varying fastest; repetitions take the seeds that follow the
        configuration's own. Empty where a rule gives no value.
    """
    varied = axes(stage, settled, said)
    crossed = [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]
    taken = _taken(stage, settled)
    listed = [{**start, **case, **point} for start in taken for case in stage.cases or [{}] for point in crossed]
    if stage.seeds == 1:
        return listed
    return [{**point, SEED: seed} for point in listed for seed in seeds(stage, settled.base)]


def seeds(stage: Stage, base: Mapping[str, Any]) -> list[int]:
    """Returns the seeds of each configuration of a stage, the configuration's own first."""
    return [base[SEED] + offset for offset in range(stage.seeds)]


def common(stage: Stage, settled: Settled) -> Params:
    """Returns what all trials of a stage set alike: what is held by then and here, and the stage's length."""
    return {**settled.held, **stage.hold, **budgeted(stage.budget, settled.base)}


def _taken(stage: Stage, settled: Settled) -> list[Params]:
    if stage.takes is None:
        return [{}]
    outcome = settled.outcomes[stage.takes]
    if outcome.planned is not None:
        keys = dict.fromkeys(key for point in outcome.planned for key in point if key != SEED)
        places = [""] + [f"#{place}" for place in range(2, outcome.stage.keep + 1)]
        return [dict.fromkeys(keys, f"<winner:{stage.takes}{place}>") for place in places]
    choice = outcome.choice
    return [dict(item.params) for item in choice.winners] if choice else []


def budgeted(budget: Budget, base: Mapping[str, Any]) -> Params:
    """Returns the parameters that give a trial a stage's length.

    Args:
        budget: The stage's.
        base: The full run's configuration, under dotted names.
    """
    steps = base["training.max_steps"]
    if budget.is_full or (budget.steps is not None and 0 < steps <= budget.steps):
        return {}
    if budget.schedule == "full":
        return {"training.stop_at": float(budget.share) if budget.steps is None else int(budget.steps)}  # type: ignore[arg-type]
    if budget.steps is not None:
        return {"training.max_steps": budget.steps}
    share = budget.share or 1.0
    if steps > 0:
        return {"training.max_steps": max(1, round(share * steps))}
    return {"training.num_train_epochs": share * base["training.num_train_epochs"]}
