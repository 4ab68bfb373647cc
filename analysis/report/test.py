"""The report's test: the winner on rows that no choice has seen, beside what it showed on the validation rows."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.chosen import chosen
from analysis.configuration import Configuration, configurations
from analysis.evidence import Evidence
from analysis.markdown import escape, table
from analysis.ranking import Ranking
from analysis.records import TrialRow
from analysis.report.lead import DIGITS
from analysis.winners_test import Compared, WinnersTest, caveats, winners_test

_MACRO = "test_macro_f1"
_WILSON = "Wilson's for shares of rows"
_RESAMPLED = "resampled rows (bootstrap, 2,000 draws) for macro_f1"


def lines(evidence: Evidence) -> Iterator[str]:
    """Returns the section; nothing where no trial was measured on test rows."""
    found = of(evidence)
    if found is None:
        return
    yield from ("## Test", "")
    yield _measured(found, evidence.ranking)
    yield ""
    yield from table([_row(item, found) for item in found.compared])
    yield ""
    yield " ".join([*_meaning(found), *caveats(found)])


def of(evidence: Evidence) -> WinnersTest | None:
    """Returns the test of what the report recommends; of another configuration where that one has none."""
    ranking, records = evidence.ranking, evidence.sweep.records
    named = chosen(evidence)
    ordered = [place.configuration for place in ranking.places]
    ordered.sort(key=lambda item: named is None or named not in item.trials)
    others = [row for row in records.trials if not row.is_reference and row.test is not None]
    references = (row for row in records.trials if row.is_reference)
    return winners_test([*ordered, *_left(others, ranking)], references, ranking.metric)


def _left(tested: list[TrialRow], ranking: Ranking) -> list[Configuration]:
    """Returns the tested trials that take no place, as those of a shorter stage."""
    placed = {row.trial for place in ranking.places for row in place.configuration.trials}
    return configurations(row for row in tested if row.trial not in placed)


def _measured(found: WinnersTest, ranking: Ranking) -> str:
    rows, seeds = found.rows, len(found.trials)
    source = f" of `{escape(rows.source)}`" if rows.source else ""
    winner = ranking.places[0].configuration if ranking.places else None
    is_first = winner is not None and found.trials[0] in winner.trials
    whose = "The winner" if is_first else f"Not the first place but {escape(found.name)}"
    over = f", means over its {seeds} seeds" if seeds > 1 else ""
    steps = sorted({trial.test.step for trial in found.trials if trial.test is not None})
    kept = "its adapter" if seeds == 1 else "its adapters"
    at = f"{kept} of step {', '.join(map(str, steps))}"
    return f"{whose} was measured on {rows.rows:,} test rows{source} after it had been chosen, once{over}: {at}."


def _row(item: Compared, found: WinnersTest) -> dict[str, str]:
    gap = None if item.validation is None else item.test - item.validation
    interval = item.interval
    return {
        "Metric": item.name.removeprefix("test_"),
        "Validation": _number(item.validation),
        "Test": _number(item.test),
        "Gap": "" if gap is None else f"{gap:+.{DIGITS}f}",
        "95 % interval": "" if interval is None else f"{interval[0]:.{DIGITS}f} to {interval[1]:.{DIGITS}f}",
        **({"Over seeds ±": _number(item.spread)} if len(found.trials) > 1 else {}),
        **({"Untrained base": _number(item.base)} if found.base is not None else {}),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.{DIGITS}f}"


def _meaning(found: WinnersTest) -> Iterator[str]:
    yield (
        "The validation rows chose the winner and its best step, and so flatter it; the test rows chose nothing, "
        "so the test column is the one to quote."
    )
    known = {item.name for item in found.compared if item.interval is not None}
    if known:
        ways = [_WILSON if known - {_MACRO} else "", _RESAMPLED if _MACRO in known else ""]
        how = ", and ".join(filter(None, ways))
        yield (
            f"Intervals are about the drawing of the test rows alone, not about training with other seeds: {how}; "
            "of the other metrics none is known."
        )
    if any(item.name == "test_minority_f1" for item in found.compared):
        yield "The minority label is looked for at the threshold that was best on the validation rows."
