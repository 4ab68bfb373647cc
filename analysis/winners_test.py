"""The winner on test rows: the same numbers as on validation rows, side by side, and how far each can be trusted."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.configuration import Configuration, configurations
from analysis.on_test import PREFIX, OnTest
from analysis.records import TrialRow
from analysis.row_intervals import of_macro_f1, of_share

_EVAL = "eval_"
_PREFERRED = (
    *("macro_f1", "accuracy", "weighted_f1", "minority_f1", "minority_precision", "minority_recall", "ece"),
    *("generated_macro_f1", "generated_accuracy", "outside_rate"),
    *("rougeL", "rouge1", "rouge2", "exact_match", "loss", "perplexity", "token_accuracy"),
)
"""The measurements that are shown, without their prefix, the most telling first."""

_SHARES = ("accuracy", "generated_accuracy", "outside_rate", "exact_match")
"""Those that are shares of rows."""

_SAME = ("model.path", "quantization.name", "data.name")


@dataclass(frozen=True)
class Compared:
    """One measurement on both kinds of rows; means over seeds, `spread` their standard deviation on test rows.

    `interval` is 95 %, for the drawing of the test rows alone, None where it cannot be stated.
    """

    name: str
    validation: float | None
    test: float
    interval: tuple[float, float] | None = None
    spread: float | None = None
    base: float | None = None


@dataclass(frozen=True)
class WinnersTest:
    """A configuration's trials that were measured on test rows, and the untrained base where that was, too.

    `seeds` are all of the configuration's trials; `looked_at` the configurations that were shown these rows.
    """

    trials: tuple[TrialRow, ...]
    rows: OnTest
    seeds: int
    metric: str
    base: TrialRow | None = None
    looked_at: int = 1

    @property
    def name(self) -> str:
        """The configuration's."""
        return self.trials[0].name

    @property
    def compared(self) -> list[Compared]:
        """The sweep's own metric first, then what else is worth reading."""
        own = self.metric.removeprefix(_EVAL)
        names = [f"{PREFIX}{name}" for name in dict.fromkeys((own, *_PREFERRED))]
        return [self._compared(name) for name in names if self._values(name)]

    def _values(self, name: str) -> list[float]:
        return [trial.metrics[name] for trial in self.trials if name in trial.metrics]

    def _compared(self, name: str) -> Compared:
        values, plain = self._values(name), name.removeprefix(PREFIX)
        before = [found for trial in self.trials if (found := _on_validation(trial, plain)) is not None]
        return Compared(
            name=name,
            validation=statistics.fmean(before) if before else None,
            test=statistics.fmean(values),
            interval=self._interval(plain, values),
            spread=statistics.stdev(values) if len(values) > 1 else None,
            base=None if self.base is None else self.base.metrics.get(name),
        )

    def _interval(self, name: str, values: Sequence[float]) -> tuple[float, float] | None:
        if name in _SHARES:
            mean = statistics.fmean(values)
            return of_share(mean, self.rows.rows) if 0 <= mean <= 1 else None
        # Of several adapters on the same rows, the matrices alone do not say how they err together.
        alone = name == "macro_f1" and len(values) == 1 and self.rows.counts
        return of_macro_f1(self.rows.counts, values[0]) if alone else None


def _on_validation(trial: TrialRow, name: str) -> float | None:
    found = trial.metrics.get(f"{_EVAL}{name}", trial.metrics.get(name))
    return None if name.startswith("final_") else found


def winners_test(ordered: Iterable[Configuration], references: Iterable[TrialRow], metric: str) -> WinnersTest | None:
    """Returns the test of the first configuration that has one.

    Args:
        ordered: The configurations, the winner first.
        references: The untrained bases.
        metric: What the sweep ranks by.

    Returns:
        The test of its latest rows; None where nothing was tested.
    """
    known = list(ordered)
    tested = [item for item in known if any(trial.test is not None for trial in item.trials)]
    if not tested:
        return None
    first = next(trial.test for trial in tested[0].trials if trial.test is not None)
    shown = [trial for item in tested for trial in item.trials if trial.test and trial.test.content == first.content]
    mine = [trial for trial in tested[0].trials if trial in shown]
    bases = [trial for trial in references if trial.test is not None and trial.test.content == first.content]
    bases.sort(key=lambda trial: -sum(trial.params.get(key) == mine[0].params.get(key) for key in _SAME))
    looked_at = len(configurations(shown))
    return WinnersTest(tuple(mine), first, len(tested[0].trials), metric, bases[0] if bases else None, looked_at)


def caveats(found: WinnersTest) -> list[str]:
    """Returns what takes from a test's worth, a sentence each."""
    rows, said = found.rows, []
    if len(found.trials) < found.seeds:
        said.append(f"Of its {found.seeds} seeds, {len(found.trials)} had an adapter left to measure.")
    if found.looked_at > 1:
        said.append(
            f"These rows were looked at for {found.looked_at} configurations by now, so they are no longer unseen."
        )
    if rows.shared:
        said.append(f"{rows.shared:,} of the rows are training or validation rows, too, which flatters.")
    if rows.left_out:
        said.append(f"{rows.left_out:,} more rows are not in it: they cannot be used (data.on_bad_rows=skip).")
    if rows.cut_off:
        said.append(f"{rows.cut_off:,} more rows are not in it: their prompts fill training.max_length.")
    return said


def in_one_line(found: WinnersTest) -> str:
    """Returns a test for a terminal."""
    shown = found.compared[:_MOST]
    seeds = f", mean of {len(found.trials)} seeds" if len(found.trials) > 1 else ""
    told = ", ".join(_told(item) for item in shown)
    base = ", ".join(f"{item.name} {item.base:.4f}" for item in shown if item.base is not None)
    against = f"; the untrained base: {base}" if base else ""
    what = f"Test of {found.name} ({found.rows.rows:,} rows, measured once{seeds}): {told}{against}."
    return " ".join([what, *caveats(found)])


_MOST = 3


def _told(item: Compared) -> str:
    before = "" if item.validation is None else f" (validation {item.validation:.4f})"
    return f"{item.name} {item.test:.4f}{before}"
