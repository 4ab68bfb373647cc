"""Which tests a sweep lacks after selection: its winner's on the test rows, and the untrained base's beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.configuration import Configuration
from analysis.ranking import ranked
from analysis.records import SweepRecords
from sweeper.batches import running
from sweeper.command import Command
from sweeper.decisions import Objective
from sweeper.history import History, Trial
from sweeper.identity import trial_id
from sweeper.paths import SweepPaths
from sweeper.rows_for_test import TestRows, rows_for_test
from trainers.seam import Test
from trainers.trial import TrialConfig, from_mapping, reference_of

THRESHOLD = "minority_threshold"
"""The validation rows' own threshold, at which the rarest label is looked for on the test rows."""


OTHERS = "The test rows are not those of before: the winner is measured anew."


@dataclass(frozen=True)
class Due:
    """A test that is still missing: the rows, and the step of the adapter that is measured."""

    command: Test
    rows: TestRows
    step: int


@dataclass(frozen=True)
class Plan:
    """The tests that are missing, in their order, and what a user should read about them."""

    due: tuple[Due, ...] = ()
    said: str = ""


def plan(
    asked: Command, paths: SweepPaths, history: History, records: SweepRecords, settled: Mapping[str, Any] | None
) -> Plan:
    """Finds the tests that are missing.

    Args:
        asked: The command; its test rows count, should a recorded trial have named others.
        paths: Where adapters are.
        history: What is known, the tests among it.
        records: The sweep as it is ranked.
        settled: What a procedure has settled on; None for a plain search, whose first place wins.

    Returns:
        Nothing where nothing has won, there are no test rows, or all was measured.
    """
    winners = [history.trials[name] for name in _winners(asked, records, settled) if name in history.trials]
    if not winners:
        return Plan()
    configs = {trial.id: _with_rows_of(asked, trial) for trial in winners}
    rows = rows_for_test(configs[winners[0].id])
    if rows is None:
        return Plan()
    objective = Objective(records.metric, asked.settings.sweep.resolved_direction)
    kept = [trial for trial in winners if _is_tested(trial, rows) or paths.adapter(trial.id).is_dir()]
    if not kept:
        return Plan(said=_no_adapter(asked, rows))
    others = any(trial.test is not None and not _is_tested(trial, rows) for trial in kept)
    due = [
        _due(trial, configs[trial.id], rows, objective, str(paths.adapter(trial.id)))
        for trial in kept
        if not _is_tested(trial, rows)
    ]
    return Plan((*due, *_base(history, configs[kept[0].id], rows, objective)), OTHERS if others else "")


def _winners(asked: Command, records: SweepRecords, settled: Mapping[str, Any] | None) -> list[str]:
    """Returns the trials of the winning configuration, all its seeds."""
    places = ranked(records).places
    if settled is None:
        return [row.trial for row in places[0].configuration.trials] if places else []
    config = asked.composer.trial(settled)[0]
    name = "" if config is None else trial_id(config)
    found: Iterator[Configuration] = (place.configuration for place in places)
    with_it = next((item for item in found if name in {row.trial for row in item.trials}), None)
    return [name] if with_it is None else [row.trial for row in with_it.trials]


def _with_rows_of(asked: Command, trial: Trial) -> TrialConfig:
    """Returns a trial's configuration with the test rows of this command."""
    config, now = from_mapping(trial.config), asked.composer.trial(trial.params)[0]
    if now is None or (now.data.path, now.data.split) != (config.data.path, config.data.split):
        return config
    return dataclasses.replace(config, data=dataclasses.replace(config.data, test_path=now.data.test_path))


def _is_tested(trial: Trial, rows: TestRows) -> bool:
    return trial.test is not None and trial.test["content"] == rows.content


def _due(trial: Trial, config: TrialConfig, rows: TestRows, objective: Objective, adapter: str = "") -> Due:
    best = trial.best(objective.metric, objective.direction)
    step, values = best if best is not None else (trial.last_step, {})
    config = dataclasses.replace(config, training=running(trial).training)
    return Due(Test(trial.id, config, adapter, values.get(THRESHOLD)), rows, step)


def _base(history: History, config: TrialConfig, rows: TestRows, objective: Objective) -> Iterator[Due]:
    """Yields the test of the untrained base that the winner is compared with, where the sweep measured it."""
    reference = reference_of(config)
    known = history.trials.get(trial_id(reference))
    if known is not None and known.outcome == "complete" and not _is_tested(known, rows):
        yield _due(known, reference, rows, objective)


def _no_adapter(asked: Command, rows: TestRows) -> str:
    kept = asked.settings.sweep.keep_adapters
    more = "top:3" if kept == "none" else "all"
    why = f"sweep.keep_adapters={kept} kept no adapter of its"
    remedy = f"sweep.keep_adapters={more} keeps one from the start (sweep.fresh=true begins anew)"
    return f"The winner was not measured on the {rows.count} test rows: {why}; {remedy}."
