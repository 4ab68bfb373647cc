"""The report's ranking: document 003's table, with places that are shared where nothing can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from analysis.configuration import Configuration
from analysis.evidence import Evidence
from analysis.leaderboard_table import own_axes, seeds_in_cell
from analysis.markdown import escape, table
from analysis.noise_lines import noise_lines
from analysis.parameters_in_words import data, gain, lora, number, word
from analysis.ranking import Place, Ranking
from analysis.records import SweepRecords, TrialRow

_ROWS = 20
_DIGITS = 4


def lines(evidence: Evidence) -> Iterator[str]:
    """Returns the section: the table, what is tied, and where the noise comes from."""
    ranking, records = evidence.ranking, evidence.sweep.records
    yield "## Ranking"
    yield ""
    if not ranking.places:
        none = f"No trial has completed with a finite `{ranking.metric}`, so there is nothing to rank."
        yield f"{none}{_without(records)}"
        return
    yield _about(ranking, records)
    yield ""
    axes = [key for key in own_axes(records.trials) if _differs(key, ranking)]
    rows = [_cells(place, ranking, axes) for place in ranking.places[:_ROWS]]
    rows += [_reference(trial, ranking, axes) for trial in records.trials if _is_measured(trial, ranking.metric)]
    yield from table(_known(rows))
    if (more := len(ranking.places) - _ROWS) > 0:
        yield ""
        yield f"{more:,} more: `lora-report leaderboard` has them all."
    for line in noise_lines(ranking):
        yield ""
        yield escape(line)


def _differs(key: str, ranking: Ranking) -> bool:
    """True for a parameter that tells rows apart: a procedure names what later stages would have varied, too."""
    return len({word(place.configuration.params.get(key)) for place in ranking.places}) > 1


def _about(ranking: Ranking, records: SweepRecords) -> str:
    trials = sum(len(place.configuration.trials) for place in ranking.places)
    better = "less" if ranking.sign > 0 else "more"
    several = trials > len(ranking.places)
    mean = (
        f"the mean over its seeds of each trial's best `{ranking.metric}`"
        if several
        else f"each one's best `{ranking.metric}`"
    )
    of = f"{_count(len(ranking.places), 'configuration')}" + (f" of {_count(trials, 'trial')}" if several else "")
    interval = " The interval is that of the mean, 95 %." if ranking.chance is not None else ""
    return f"{of}, ranked by {mean} over its curve; {better} is better.{interval}{_without(records)}"


def _without(records: SweepRecords) -> str:
    """Says how many trials take no place, and why."""
    trained = [trial for trial in records.trials if not trial.is_reference]
    lost = Counter(trial.outcome.replace("_", " ") for trial in trained if trial.outcome != "complete")
    short = sum(trial.short and trial.outcome == "complete" for trial in trained)
    told = [f"{count:,} {outcome}" for outcome, count in lost.most_common()]
    told += [f"{short:,} compared within a stage alone"] if short else []
    count = lost.total() + short
    take = "takes" if count == 1 else "take"
    return f" Of all {_count(len(trained), 'trial')}, {count:,} {take} no place: {', '.join(told)}." if told else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cells(place: Place, ranking: Ranking, axes: Sequence[str]) -> dict[str, str]:
    configuration, params = place.configuration, place.configuration.params
    rate = params.get("training.learning_rate")
    return {
        "Place": str(place.place),
        "Name": configuration.name,
        f"Best {ranking.metric}": number(place.value, _DIGITS),
        "95 % interval": "" if place.interval is None else " to ".join(number(end, _DIGITS) for end in place.interval),
        f"Final {ranking.metric}": number(configuration.mean(f"final_{ranking.metric}"), _DIGITS),
        "Step of the best": _range(configuration, ("best_step",)),
        "Epoch of the best": _range(configuration, ("best_epoch", "epoch")),
        "LoRA": lora(params),
        "Gain": gain(params),
        "Learning rate": f"{rate:.4g}" if isinstance(rate, (int, float)) else word(rate),
        "Scheduler": word(params.get("training.lr_scheduler_type")),
        "Data": data(params),
        **{key: word(params.get(key)) for key in axes},
        _seeds_heading(ranking): seeds_in_cell(configuration) if configuration.seeds else "",
    }


def _seeds_heading(ranking: Ranking) -> str:
    """Returns the heading over seeds; a lone 0 under `Seeds` would be taken for their number."""
    return "Seeds" if any(len(place.configuration.trials) > 1 for place in ranking.places) else "Seed"


def _range(configuration: Configuration, names: Sequence[str]) -> str:
    """Returns a metric's value, or its least and greatest over the seeds; of several names the first that is known."""
    found = next((values for name in names if (values := configuration.values(name))), ())
    ends = dict.fromkeys(f"{value:g}" for value in (min(found), max(found))) if found else {}
    return "\N{EN DASH}".join(ends)


def _is_measured(trial: TrialRow, metric: str) -> bool:
    return trial.is_reference and trial.outcome == "complete" and metric in trial.metrics


def _reference(trial: TrialRow, ranking: Ranking, axes: Sequence[str]) -> dict[str, str]:
    empty: dict[str, Any] = _cells(Place(0, Configuration((trial,)), trial.metrics[ranking.metric]), ranking, axes)
    shown = {"Name", f"Best {ranking.metric}", "Data"}
    return {**{key: value if key in shown else "" for key, value in empty.items()}, "LoRA": "untrained"}


def _known(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Leaves out columns of which nothing is known; where a step is, no epoch is needed."""
    filled = {key for row in rows for key, value in row.items() if value}
    filled -= {"Epoch of the best"} if "Step of the best" in filled else set()
    return [{key: value for key, value in row.items() if key in filled} for row in rows]
