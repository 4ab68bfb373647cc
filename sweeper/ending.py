"""What a sweep says when it has ended: the leaderboard, where things are, and what to type next."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis import diagnosis_page, leaderboard_table
from analysis.bounds import Bounds
from analysis.diagnosis_page import diagnosed
from analysis.leaderboard import Leaderboard, rank
from analysis.recorded_run import RecordedRun
from analysis.records import TrialRow
from analysis.redaction import redacted
from analysis.winners_test import WinnersTest, in_one_line
from sweeper import best_config, next_steps
from sweeper.command import Command
from sweeper.event_log import Patience
from sweeper.history import History, Trial
from sweeper.identity import trial_id
from sweeper.ledger import Ledger
from sweeper.paths import SweepPaths
from sweeper.progress import name_of
from sweeper.say import say
from sweeper.trial_curve import curve_of
from trainers.trial import flatten, from_mapping


def report(
    asked: Command,
    paths: SweepPaths,
    ledger: Ledger,
    history: History,
    settled: dict[str, Any] | None,
    *,
    patience: Patience,
    write_report: Callable[[], bool] = lambda: False,
) -> int:
    """Writes the leaderboard and the report, and prints the ranking, whether or not anybody else can be told.

    Args:
        asked: The command.
        paths: Where the sweep is.
        ledger: What the log tells.
        history: What is known.
        settled: What a procedure has settled on; None for a plain search, whose first place wins.
        patience: What happens while a file cannot be written.
        write_report: Writes the report, where one is wanted, while the ranking is being read; False where there is none
            of what is known now.

    Returns:
        0, or 1 when no trial completed.
    """
    records = ledger.records
    board = rank(records)
    markdown = redacted(leaderboard_table.to_markdown(board))
    patience.until(lambda: paths.leaderboard.write_text(markdown, encoding="utf-8"))
    if [trial.outcome for trial in history.contenders] == ["complete"]:
        say(_metrics(records.trials[-1]))
    best = None if board.winner is None else board.winner.trial
    patience.until(lambda: _keep_best(asked, paths, history, history.trials.get(best or ""), settled, test=board.test))
    winner = best if settled is None else _trial_of(asked, settled, history)
    shows = _shows(asked, history.trials.get(winner or ""))
    say("\n" + "\n\n".join([leaderboard_table.to_text(board), *shows]) + "\n")
    has_report = write_report()
    where = _where(asked, paths, _adapter(asked, paths, board, winner), has_report)
    say("\n\n".join([where, _next(asked, history, best, settled)]))
    return 0 if any(trial.outcome == "complete" for trial in history.contenders) else 1


def _keep_best(
    asked: Command,
    paths: SweepPaths,
    history: History,
    first: Trial | None,
    settled: dict[str, Any] | None,
    *,
    test: WinnersTest | None,
) -> None:
    """Writes what a procedure has settled on, else the first place, as a configuration to run."""
    if first is None:
        return
    config = from_mapping(first.config) if settled is None else asked.composer.trial(settled)[0]
    sweep = asked.settings.sweep
    found = first.best(sweep.metric, sweep.resolved_direction)
    won = f"{sweep.metric} {found[1][sweep.metric]:.4f}" if found is not None else f"no {sweep.metric} measured"
    if config is not None and settled is None:
        won = f"{won}, trial {first.number + 1}"
    elif asked.procedure is not None:
        won = f"what procedure {asked.procedure.name} has settled on so far; the first place has {won}"
    if config is not None:
        objective = {"metric": sweep.metric, "direction": sweep.resolved_direction}
        measured = history.trials.get(trial_id(config))
        facts = {} if measured is None else measured.facts
        is_tested = test is not None and trial_id(config) in {row.trial for row in test.trials}
        tested = in_one_line(test) if test is not None and is_tested else ""
        best_config.write(paths.best, config, asked.name, objective, won, facts=facts, tested=tested)


def _trial_of(asked: Command, settled: dict[str, Any], history: History) -> str | None:
    """Returns the trial that measured what a procedure has settled on; None where it ran with other probes."""
    config = asked.composer.trial(settled)[0]
    found = None if config is None else trial_id(config)
    return found if found in history.trials else None


def _shows(asked: Command, winner: Trial | None) -> list[str]:
    """Says what the winner's curve shows, and the criteria it meets."""
    if winner is None:
        return []
    run = RecordedRun(name_of(winner), curve_of(winner), flatten(from_mapping(winner.config)))
    held_against = asked.settings.diagnosis
    return [diagnosis_page.to_text(diagnosed(run, Bounds(held_against.thresholds, held_against.criteria)))]


def _metrics(trial: TrialRow) -> str:
    """Lists everything measured of a single trial."""
    width = max(map(len, trial.metrics), default=0)
    lines = [f"  {name:<{width}}  {value:.6g}" for name, value in trial.metrics.items()]
    return "\n".join([f"\nMetrics of {trial.name} at its best rung:", *lines])


def _adapter(asked: Command, paths: SweepPaths, board: Leaderboard, winner: str | None) -> dict[str, Path]:
    """Returns the winner's adapter; where a luckier trial's displaced it (`sweep.keep_adapters`), the best left."""
    if winner is not None and paths.adapter(winner).exists():
        return {"Its adapter" if asked.procedure is not None else "Best adapter": paths.adapter(winner)}
    trials = (row.trial for row in board.by_trial.rows if row.place is not None)
    left = next((trial for trial in trials if paths.adapter(trial.trial).exists()), None)
    return {} if left is None or asked.procedure is not None else {"Adapter left": paths.adapter(left.trial)}


def _where(asked: Command, paths: SweepPaths, adapter: dict[str, Path], has_report: bool) -> str:
    places = {
        **({"Report": paths.report, "Page": paths.page} if has_report else {}),
        "Leaderboard": paths.leaderboard,
        **adapter,
        "Best config": paths.best,
        "Decisions": paths.decisions,
        "Every event": paths.events,
        "Libraries' log": paths.log,
    }
    found = {name: str(path) for name, path in places.items() if path.exists()}
    return "\n".join(
        f"{name + ':':<16}{place}" for name, place in {**found, "MLflow": redacted(asked.settings.tracking.uri)}.items()
    )


def _next(asked: Command, history: History, best: str | None, settled: dict[str, Any] | None) -> str:
    winner = history.trials.get(best or "")
    if winner is not None and settled is not None:
        winner = dataclasses.replace(winner, params=settled)
    return "\n".join(["Next:", *(f"  {command}" for command in next_steps.commands(asked, winner, sys.argv[1:]))])
