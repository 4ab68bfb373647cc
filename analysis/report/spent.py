"""What a sweep cost: trials, steps and hours, and what was spared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from analysis.evidence import Evidence
from analysis.json_tag import mapping
from analysis.markdown import escape, table
from analysis.records import REUSED, TrialRow

_STEPS, _PLANNED, _SECONDS = "steps", "planned_steps", "seconds"
_FIRST = ("complete", "pruned", "diverged", "dead_gradient", "stagnant_evaluation", "out_of_memory", "failed")


def lines(evidence: Evidence) -> Iterator[str]:
    """Yields the section."""
    yield from ("## What was spent", "")
    trials = [trial for trial in evidence.sweep.records.trials if not trial.is_reference]
    if not trials:
        yield from ("Nothing: there is no trial.", "")
        return
    yield from (*table([_row(*item) for item in _by_outcome(trials)]), "")
    told = [*_hours(evidence), *_pruning(trials), *_others(trials), *_reuse(evidence.sweep.tags)]
    yield from (f"- {item}" for item in told)
    yield from ([""] if told else [])
    yield from _failures(trials)
    yield from _stages(trials)


_MOST_FAILURES = 10


def _failures(trials: Sequence[TrialRow]) -> Iterator[str]:
    """Names the trials that ended without a result, and why."""
    lost = [trial for trial in trials if trial.outcome not in {"complete", "pruned"}]
    if not lost:
        return
    yield from ("Without a result:", "")
    for trial in lost[:_MOST_FAILURES]:
        reason = f", {escape(trial.reason)}" if trial.reason else ""
        yield f"- {escape(trial.name)}{_where(trial)}: {escape(trial.outcome.replace('_', ' '))}{reason}"
    if (more := len(lost) - _MOST_FAILURES) > 0:
        yield f"- {more:,} more: `lora-report leaderboard` names them all."
    yield ""


def _where(trial: TrialRow) -> str:
    """Returns what was varied of a trial, in parentheses."""
    swept = ", ".join(f"{key}={trial.params[key]}" for key in trial.swept if key in trial.params)
    return f" ({escape(swept)})" if swept else ""


def _by_outcome(trials: Sequence[TrialRow]) -> Iterator[tuple[str, list[TrialRow]]]:
    present = dict.fromkeys(trial.outcome for trial in trials)
    for outcome in [*(name for name in _FIRST if name in present), *(name for name in present if name not in _FIRST)]:
        yield outcome.replace("_", " "), [trial for trial in trials if trial.outcome == outcome]
    if len(present) > 1:
        yield "all", list(trials)


def _row(outcome: str, trials: Sequence[TrialRow], heading: str = "Outcome") -> dict[str, str]:
    return {
        heading: outcome,
        "Trials": str(len(trials)),
        "Steps": _whole(_sum(trials, _STEPS)),
        "Of planned": _whole(_sum(trials, _PLANNED)),
        "Computing": _time(_sum(trials, _SECONDS)),
    }


def _sum(trials: Iterable[TrialRow], key: str) -> float | None:
    """Returns the sum over the trials that tell; None where none does."""
    known = [trial.metrics[key] for trial in trials if key in trial.metrics]
    return sum(known) if known else None


def _whole(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:,.0f}"


def _time(seconds: float | None) -> str:
    """Returns a time in the unit that suits it."""
    if seconds is None:
        return "not recorded"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _hours(evidence: Evidence) -> Iterator[str]:
    """Says what computing took, the references' included, and how long somebody waited for it."""
    trials = evidence.sweep.records.trials
    computing = _sum(trials, _SECONDS)
    if computing is None:
        yield "Time: not recorded."
        return
    unknown = sum(_SECONDS not in trial.metrics for trial in trials)
    missing = f"; of {_counted(unknown)} it is not recorded" if unknown else ""
    base = ", the untrained base included" if any(trial.is_reference for trial in trials) else ""
    told = ", as the replayed table tells it" if _is_replayed(trials) else ""
    yield f"Computing, summed over workers{base}: {_time(computing)}{told}{missing}."
    waited = _busy(trials)
    if waited:
        yield f"Wall clock while at least one trial ran or waited at a rung: {_time(waited)}."


def _is_replayed(trials: Iterable[TrialRow]) -> bool:
    return all(trial.params.get("trainer.name") == "replay" for trial in trials)


def _busy(trials: Iterable[TrialRow]) -> float:
    """Returns for how many seconds at least one trial was between its beginning and its end."""
    spans = sorted(
        (trial.started, trial.ended) for trial in trials if trial.started is not None and trial.ended is not None
    )
    busy, until = 0.0, float("-inf")
    for begins, ends in spans:
        busy += max(0.0, ends - max(begins, until))
        until = max(until, ends)
    return busy


def _pruning(trials: Sequence[TrialRow]) -> Iterator[str]:
    pruned = [trial for trial in trials if trial.outcome == "pruned"]
    spared, planned = _spared(pruned), _sum(trials, _PLANNED)
    if pruned and spared is not None and planned:
        share = f"{100 * spared / planned:.0f} % of the {planned:,.0f} planned"
        yield f"Saved by pruning: {spared:,.0f} steps, {share}, in {_counted(len(pruned))}."


def _others(trials: Sequence[TrialRow]) -> Iterator[str]:
    """Says what was not run for other reasons."""
    broken = [trial for trial in trials if trial.outcome not in {"complete", "pruned"}]
    if broken and (left := _spared(broken)):
        yield f"Not run since trials failed, diverged or were stopped: {left:,.0f} steps, in {_counted(len(broken))}."
    early = [trial for trial in trials if trial.outcome == "complete" and _spared([trial])]
    if early:
        yield f"Saved by the trials' own early stopping: {_spared(early) or 0:,.0f} steps, in {_counted(len(early))}."


def _spared(trials: Iterable[TrialRow]) -> float | None:
    known = [trial.metrics for trial in trials if {_STEPS, _PLANNED} <= trial.metrics.keys()]
    return sum(item[_PLANNED] - item[_STEPS] for item in known) if known else None


def _counted(trials: int) -> str:
    return "1 trial" if trials == 1 else f"{trials:,} trials"


def _reuse(tags: Mapping[str, str]) -> Iterator[str]:
    found = mapping(tags, REUSED)
    if found.get("trials") and "steps" in found:
        yield (
            f"Saved by reuse: {found['steps']:,} steps; stages asked for {_counted(found['trials'])} "
            "that an earlier stage had measured."
        )


def _stages(trials: Sequence[TrialRow]) -> Iterator[str]:
    stages = list(dict.fromkeys(trial.stage for trial in trials))
    if len(stages) > 1:
        yield from ("By the stage that ran them first:", "")
        rows = [(stage, [trial for trial in trials if trial.stage == stage]) for stage in stages]
        yield from (*table([_row(stage or "not recorded", mine, "Stage") for stage, mine in rows]), "")
