"""The trials of a stage: what it lists, crossed, on top of what the stages before it have settled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.candidates import SEED
from sweeper.equal_tokens import equalised
from sweeper.priors import PRIORS, named
from sweeper.procedure import Budget, Stage
from sweeper.settled import Params, Settled, laid_over
from sweeper.stage_values import axes

_RANK = "lora.r"


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
    starts, cases = _starts(stage, settled), _cases(stage, said)
    listed = _distinct({**start, **case, **point} for start in starts for case in cases for point in crossed)
    return seeded(listed, stage, settled)


def seeded(listed: Sequence[Params], stage: Stage, settled: Settled) -> list[Params]:
    """Repeats each configuration with as many seeds as the stage wants."""
    if stage.seeds == 1:
        return list(listed)
    return [{**point, SEED: seed} for point in listed for seed in seeds(stage, settled.base)]


def seeds(stage: Stage, base: Mapping[str, Any]) -> list[int]:
    """Returns the seeds of each configuration of a stage, the configuration's own first."""
    return [base[SEED] + offset for offset in range(stage.seeds)]


def common(stage: Stage, settled: Settled) -> Params:
    """Returns what all trials of a stage set alike: what is held by then and here, and the stage's length."""
    hold = {key: _derived(value, settled) for key, value in stage.hold.items()}
    return {**laid_over(settled.held, hold), **budgeted(stage.budget, settled.base)}


def _derived(value: Any, settled: Settled) -> Any:
    """Returns what a stage holds, the first of a prior's values where it follows from the data."""
    prior = named(value)
    return value if prior is None else next(iter(PRIORS[prior](settled.facts)), None)


def whole(stage: Stage, settled: Settled, point: Params) -> Params:
    """Returns all that one trial of a stage sets, what keeps it comparable included."""
    full = laid_over(common(stage, settled), point)
    return {**full, **equalised(settled.equal, full, settled.base, settled.facts)}


def _cases(stage: Stage, said: Mapping[str, Sequence[Any]]) -> list[Params]:
    """Returns the listed alternatives, or those that the command line asks for by a parameter they all set."""
    for key in {key for case in stage.cases for key in case} & set(said):
        known = {str(case[key]): case for case in reversed(stage.cases) if key in case}
        plain: Params = {name: {} for case in stage.cases for name, value in case.items() if isinstance(value, dict)}
        return [known.get(str(value), {key: value, **plain}) for value in said[key]]
    return stage.cases or [{}]


def _starts(stage: Stage, settled: Settled) -> list[Params]:
    if stage.equal_parameters is not None:
        return list(_matched(settled, stage.equal_parameters))
    if not stage.takes:
        return [{}]
    return [point for name in stage.takes for point in _kept(settled, name)]


def _kept(settled: Settled, name: str) -> list[Params]:
    """Returns the candidates that an earlier stage kept; none where it was skipped."""
    outcome = settled.outcomes[name]
    if outcome.planned is not None:
        keys = dict.fromkeys(key for point in outcome.planned for key in point if key != SEED)
        places = [""] + [f"#{place}" for place in range(2, outcome.stage.keep + 1)]
        return [dict.fromkeys(keys, f"<winner:{name}{place}>") for place in places] if keys else []
    return [dict(item.params) for item in outcome.choice.winners] if outcome.choice else []


def _matched(settled: Settled, name: str) -> Iterator[Params]:
    """Yields an earlier stage's candidates at the ranks that give all of them the largest one's parameters.

    A LoRA layer has r * (d_in + d_out) trainable parameters (Hu et al. 2021, section 4.2), so ranks scale with them.
    """
    outcome = settled.outcomes[name]
    if outcome.planned is not None:
        yield from ({**point, _RANK: f"<equal_parameters:{name}>"} for point in outcome.planned)
        return
    counts = [(item, item.runs[0].trainable_parameters) for item in outcome.candidates]
    known = [(item, count) for item, count in counts if count]
    most = max((count for _, count in known), default=0)
    for item, count in known:
        r = item.params.get(_RANK, settled.value(_RANK))
        yield {**item.params, _RANK: max(1, round(r * most / count))}


def _distinct(listed: Iterator[Params]) -> list[Params]:
    return list({repr(point): point for point in listed}.values())


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
