"""The report's winner: what it is, how it was chosen, how stable it is, and how far ahead."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator

from analysis.chosen import chosen
from analysis.configuration import Configuration
from analysis.evidence import Evidence
from analysis.leaderboard_table import own_axes
from analysis.markdown import escape
from analysis.parameters_in_words import data, gain, lora, word
from analysis.ranking import Place, Ranking
from analysis.records import SweepRecords
from analysis.report.lead import DIGITS, lead, luck

_NAMED = 5


def lines(evidence: Evidence) -> Iterator[str]:
    """Returns the section; one sentence where no trial has completed."""
    ranking, records = evidence.ranking, evidence.sweep.records
    yield "## Winner"
    yield ""
    if not ranking.places:
        yield "None: no trial has completed."
        return
    first = ranking.places[0]
    yield f"**{escape(first.configuration.name)}**, {ranking.metric} {_value(first)}{_shared(first)}."
    yield ""
    yield f"- **Configuration**: {in_words(first.configuration, records)}."
    yield f"- **Chosen** {_chosen(ranking, records)}{_settled(evidence)}"
    yield f"- **Stability**: {' '.join(_stability(first.configuration, ranking))}"
    yield f"- **Lead**: {' '.join(lead(ranking))}"
    if base := _untrained(ranking, records):
        yield f"- **Training**: {base}"
    if (lucky := luck(ranking)) is not None:
        yield f"- **Luck**: {lucky}"


def _shared(first: Place) -> str:
    count = len(first.tied_with)
    others = escape(first.tied_with[0]) if count == 1 else f"{count:,} others"
    return f": the best value, but tied with {others}" if count else ""


def _value(place: Place) -> str:
    if place.interval is None:
        return f"{place.value:.{DIGITS}f}"
    low, high = place.interval
    return f"{place.value:.{DIGITS}f} (95 % interval {low:.{DIGITS}f} to {high:.{DIGITS}f})"


def in_words(configuration: Configuration, records: SweepRecords) -> str:
    """Returns a configuration as far as it is known, escaped for Markdown."""
    params = configuration.params
    rate = params.get("training.learning_rate")
    parts = {
        "LoRA": lora(params),
        "gain": gain(params),
        "learning rate": f"{rate:g}" if isinstance(rate, (int, float)) else word(rate),
        "scheduler": word(params.get("training.lr_scheduler_type")),
        "data": data(params),
        **{key: word(params.get(key)) for key in own_axes(records.trials)},
    }
    told = [f"{name} {escape(value)}" for name, value in parts.items() if value]
    return "; ".join(told) or "of its parameters nothing was recorded"


def _chosen(ranking: Ranking, records: SweepRecords) -> str:
    first, count = ranking.places[0], len(ranking.places)
    seeds = len(first.configuration.trials)
    better = "lowest" if ranking.sign > 0 else "highest"
    by = f"mean of `{ranking.metric}` over its {seeds} seeds" if seeds > 1 else f"`{ranking.metric}`, of one seed"
    completed = " that completed" if any(trial.outcome == "pruned" for trial in records.trials) else ""
    among = f"among {count:,} configurations{completed}" if count > 1 else "the only configuration that completed"
    return f"by the {better} {by}, each trial at its best evaluation; {among}.{_stage(first, records)}{_tied(first)}"


def _stage(first: Place, records: SweepRecords) -> str:
    if not records.decisions:
        return ""
    stages = dict.fromkeys(trial.stage for trial in first.configuration.trials if trial.stage)
    return f" It was trained in {_listed([f'stage `{stage}`' for stage in stages])}." if stages else ""


def _settled(evidence: Evidence) -> str:
    """Says where a procedure has settled on something else than the best mean."""
    trial, first = chosen(evidence), evidence.ranking.places[0]
    if trial is None or trial in first.configuration.trials:
        return ""
    return f" The procedure itself settled on {escape(trial.name)}, for the reasons under Decisions."


def _percent(share: float) -> str:
    return f"{100 * share:.2g}" if share < 1 else f"{100 * share:,.0f}"


def _tied(first: Place) -> str:
    if not first.tied_with:
        return ""
    return f" It cannot be told from {_listed(map(escape, first.tied_with))}: any of them may be the best."


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    shown, more = found[:_NAMED], len(found) - _NAMED
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _untrained(ranking: Ranking, records: SweepRecords) -> str:
    """Says what training was worth; nothing where the untrained base was not measured."""
    values = (trial.metrics.get(ranking.metric) for trial in records.trials if trial.is_reference)
    base = next((value for value in values if value is not None and math.isfinite(value)), None)
    if base is None:
        return ""
    gained = ranking.sign * (base - ranking.places[0].value)
    share = f" ({_percent(abs(gained / base))} %)" if base else ""
    word = "better" if gained >= 0 else "worse"
    behind = sum(ranking.sign * (base - place.value) <= 0 for place in ranking.places)
    none_better = f"; {behind:,} of {len(ranking.places):,} configurations are not better than it" if behind else ""
    return f"{abs(gained):.{DIGITS}f}{share} {word} than the untrained base ({base:.{DIGITS}f}){none_better}."


def _stability(configuration: Configuration, ranking: Ranking) -> Iterator[str]:
    values = configuration.values(ranking.metric)
    if len(values) > 1:
        yield (
            f"Over {len(values)} seeds from {min(values):.{DIGITS}f} to {max(values):.{DIGITS}f}, "
            f"standard deviation {statistics.stdev(values):.2g}"
            + ("; two seeds hardly show whether it is less stable than others." if len(values) == 2 else ".")
        )
    else:
        yield "One seed, so how much another would change it is not known from this configuration."
    yield from _curves(configuration)
    final = configuration.mean(f"final_{ranking.metric}")
    if final is not None:
        yield _ending(ranking.sign * (final - statistics.fmean(values)), final)


def _ending(worse: float, final: float) -> str:
    if abs(worse) < 0.5 * 10**-DIGITS:
        return f"It ended at its best ({final:.{DIGITS}f})."
    return f"It ended at {final:.{DIGITS}f}, {worse:.{DIGITS}f} worse than its best."


def _curves(configuration: Configuration) -> Iterator[str]:
    count = len(configuration.trials)
    found = Counter(name for trial in configuration.trials for name in trial.verdicts)
    if not found:
        yield "What its curve shows was not recorded."
        return
    named = (
        f"{name.replace('_', ' ')}{'' if times == count else f' ({times} of {count})'}" for name, times in found.items()
    )
    yield f"Its {'curve shows' if count == 1 else 'curves show'}: {escape(', '.join(named))}."
