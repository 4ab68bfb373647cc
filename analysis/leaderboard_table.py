"""The leaderboard for people: GitHub Markdown, and a terminal's table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from analysis.configuration import SEED, Configuration
from analysis.leaderboard import Leaderboard, Ranked
from analysis.markdown import escape, table
from analysis.noise_lines import noise_lines
from analysis.parameters_in_words import data, gain, lora, number, word
from analysis.records import TrialRow
from analysis.winners_test import in_one_line

_TRAINER = "trainer.name"

# Swept keys that the fixed columns show already.
_COVERED = {
    *("lora.r", "lora.alpha", "lora.gain", "lora.dropout", "lora.use_rslora", "data", "data.name"),
    *("training.learning_rate", "training.lr_scheduler_type"),
}
_TOLD_BY_NAME = {"LoRA", "Scheduler", "Data", "Outcome"}
_NO_NEWS = {"learning", "recall_limited", "precision_limited"}
_FEW_SEEDS = 5


def own_axes(trials: Iterable[TrialRow]) -> list[str]:
    """Returns the varied parameters that need columns of their own; seeds are no axis."""
    swept = dict.fromkeys(key for trial in trials if not trial.short for key in trial.swept)
    return [key for key in swept if key not in _COVERED and key != SEED]


def to_markdown(board: Leaderboard) -> str:
    """Returns the table as GitHub Markdown, with the trials that take no place counted and named under it."""
    lines = [f"# Leaderboard of {escape(board.sweep)}", "", *table(_rows(board)), "", *_footer(board)]
    return "\n".join(lines) + "\n"


def to_text(board: Leaderboard) -> str:
    """Returns the table for a terminal, without what the names already tell."""
    rows = _rows(board)
    same = {"Trainer"} if len({row.get("Trainer") for row in rows if row.get("Place")}) == 1 else set()
    narrow = [{key: value for key, value in row.items() if key not in {*_TOLD_BY_NAME, *same}} for row in rows]
    # Why a trial was pruned scrolled by, and stands in the file.
    rows_told = [row for row in board.rows if row.trial.outcome != "pruned"]
    told = dataclasses.replace(board, rows=rows_told, decisions={})
    return "\n".join([*table(narrow, plain=True), "", *_footer(told, plain=True)])


def _rows(board: Leaderboard) -> list[dict[str, str]]:
    shown = board.shown
    hidden = _COVERED | ({SEED} if board.has_seeds else set())
    swept = [key for key in board.swept if key not in hidden]
    rows = [_cells(row, board, swept) for row in shown]
    # What is known of no row, as of an imported table, is no column.
    told = {"Place", *(column for row in rows for column, cell in row.items() if cell)}
    return [{column: cell for column, cell in row.items() if column in told} for row in rows]


def _cells(row: Ranked, board: Leaderboard, swept: list[str]) -> dict[str, str]:
    params, metrics, reference = row.params, row.metrics, row.trial.is_reference
    rate = params.get("training.learning_rate")
    return {
        "Place": str(row.place or ""),
        **({"Sweep": row.sweeps} if board.is_of_several else {}),
        "Trial": row.trial.name,
        f"Best {board.metric}": number(metrics.get(board.metric), 4),
        **(_means(row) if board.has_seeds else {}),
        "LoRA": "untrained" if reference else lora(params),
        "Gain": "" if reference else gain(params),
        "Learning rate": "" if reference or not isinstance(rate, (int, float)) else f"{rate:.4g}",
        "Scheduler": "" if reference else word(params.get("training.lr_scheduler_type")),
        "Data": data(params),
        **{key: "" if reference else word(params.get(key)) for key in swept},
        "Trainer": word(params.get(_TRAINER)),
        "Steps": number(metrics.get("steps"), 0),
        "Seconds": number(metrics.get("seconds"), 1),
        "Outcome": "reference" if reference else row.trial.outcome,
        "Notes": _notes(row),
    }


def _means(row: Ranked) -> dict[str, str]:
    half = None if row.interval is None else (row.interval[1] - row.interval[0]) / 2
    return {"±": number(half, 4), "Seeds": "" if row.trial.is_reference else seeds_in_cell(row.configuration)}


def seeds_in_cell(configuration: Configuration) -> str:
    """Returns a configuration's seeds, or how many there are where they are many or not known."""
    found = configuration.seeds
    if not found or len(found) > _FEW_SEEDS:
        return f"{len(configuration.trials)} seeds"
    return ", ".join(map(str, found))


def _notes(row: Ranked) -> str:
    """Returns what curves show beyond that they learned, and which way they err on the rarest label."""
    of = len(row.configuration.trials)
    return ", ".join(
        name.replace("_", " ") + ("" if count == of else f" ({count} of {of})")
        for name, count in row.verdicts.items()
        if name not in _NO_NEWS
    )


def _footer(board: Leaderboard, plain: bool = False) -> list[str]:
    counted = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(board.outcomes.items()))
    decided = [f"- {escape(stage)}: {escape(reason)}" for stage, reason in board.decisions.items()]
    stages = ["", "Decisions, stage by stage:", "", *decided] if decided else []
    by_trial = board.ranking is not None and sum(row.place is not None for row in board.rows) > len(
        board.ranking.places
    )
    noise = [] if board.ranking is None else noise_lines(board.ranking, "Configurations " if by_trial else "")
    tested = [] if board.test is None else [in_one_line(board.test)]
    told = [line if plain else escape(line) for line in (*noise, *tested)]
    said = [line for text in told for line in (text, "")]
    return [*said, f"Trials: {counted or 'none'}.", *_explained(board.unplaced), *stages]


def _explained(trials: list[TrialRow]) -> list[str]:
    told = [
        f"- {escape(_in_its_sweep(row))}: {'short, ' if row.short else ''}{row.outcome}, {escape(row.reason)}"
        for row in trials
    ]
    return ["", *told] if told else []


def _in_its_sweep(row: TrialRow) -> str:
    return f"{row.name} of {row.sweep}" if row.sweep else row.name
