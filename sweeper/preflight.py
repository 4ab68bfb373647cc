"""Before a command trains anything: every check over every configuration it asks for."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sweeper import procedures
from sweeper.checks import CHECKS
from sweeper.command import Command, corners, representatives
from sweeper.finding import Finding
from sweeper.hardware import hardware_of
from sweeper.merging import Found, merged
from sweeper.rows_for_test import KEY, rows_for_test
from sweeper.scenes import Scenes
from sweeper.search import Params
from sweeper.settled import is_open
from sweeper.validation import Problem
from trainers.trial import TrialConfig

MOST_LOOKED_AT = 1_000
"""Trials of a grid; of a larger one its corners are looked at: every value once (ours)."""

LEAKAGE = "Kapoor and Narayanan 2023, Leakage and the reproducibility crisis: L1.4, duplicates"
"""Where it is said that rows on both sides spoil a test (Patterns 4:9, 100804)."""

COMMAND = "this command"
"""The source of what was found while the command was read: settings of its that another one overrules."""


def preflight(asked: Command) -> list[Finding]:
    """Returns what is worth knowing of a command, errors first, then warnings, then notes.

    Equal findings about several trials are one. A replayed sweep trains nothing, so nothing is checked of it.
    """
    known = [Found(finding) for finding in _read(asked)]
    if asked.settings.trainer.name == "replay":
        return merged(known, 0)
    return merged([*known, *_leaks(asked), *_checked(asked)], _count(asked))


def _read(asked: Command) -> Iterator[Finding]:
    """Yields what was found while the command was read, and what its devices hold."""
    for item in asked.notes:
        yield _finding("note", item, COMMAND)
    for item in asked.warnings:
        yield _finding("warning", item, "nvidia-smi")


def _leaks(asked: Command) -> Iterator[Found]:
    """Yields a warning where test rows are trained on or chosen by, word for word."""
    config = asked.composer.trial(asked.example)[0]
    rows = rows_for_test(config) if config is not None and asked.settings.sweep.test else None
    if rows is not None and rows.shared:
        number = f"{rows.shared:,} of {rows.count:,} test rows are training or validation rows, too"
        rule = "a model that has seen a row says nothing about rows that it has not"
        yield Found(
            Finding("warning", KEY, rows.source, number, rule, LEAKAGE, "test rows of their own, or sweep.test=false")
        )


def _finding(severity: str, item: Problem, source: str) -> Finding:
    return Finding(severity, item.key, item.value, "", item.rule, source, item.remedy)  # type: ignore[arg-type]


def _checked(asked: Command) -> Iterator[Found]:
    scenes = _scenes(asked)
    for number, point in enumerate(_points(asked)):
        scene = scenes.of(point.config)
        for finding in itertools.chain.from_iterable(check(scene) for check in CHECKS):
            if (told := point.told(finding)) is not None:
                yield Found(told, number)


def _scenes(asked: Command) -> Scenes:
    example = asked.composer.trial(asked.example)[0]
    known = (example, asked.asked.facts) if asked.asked is not None and example is not None else None
    return Scenes(hardware_of(asked.settings.executor), asked.settings.sweep.metric, known)


@dataclass(frozen=True)
class _Point:
    """A trial to look at, with the keys that a procedure varies on purpose; `is_base` is what all its stages share."""

    config: TrialConfig
    varied: Collection[str] = ()
    is_base: bool = True

    def told(self, finding: Finding) -> Finding | None:
        """Returns what is said of a finding: what is tried on purpose needs no warning, and is said once."""
        if finding.severity == "error" or finding.key not in self.varied:
            return finding
        rule = f"{finding.rule}; varied here"
        return dataclasses.replace(finding, severity="note", rule=rule, remedy="") if self.is_base else None


def _points(asked: Command) -> Iterator[_Point]:
    """Yields distinct trials: of a grid all or, where it is large, its corners; of a procedure those of whole runs."""
    seen: set[str] = set()
    for params, varied, is_base in _listed(asked):
        config, _ = asked.composer.trial(params)
        if config is not None and (text := repr(config)) not in seen:
            seen.add(text)
            yield _Point(config, varied, is_base)


def _listed(asked: Command) -> Iterator[tuple[Params, Collection[str], bool]]:
    if asked.asked is None:
        large = asked.space.size > MOST_LOOKED_AT
        yield from ((params, (), True) for params in (corners if large else representatives)(asked.space))
        return
    stages = list(procedures.planned(asked.asked))
    varied = {key for stage in stages for key in _varied(stage)}
    yield asked.example, varied - set(asked.example), True  # what is held throughout is held
    for stage in stages:
        if stage.stage.budget.is_full:  # a pilot's length, and its rates, are the procedure's own
            known = (not any(map(is_open, point.values())) for point in stage.points)
            yield from ((example, varied, False) for example in itertools.compress(stage.examples, known))


def _varied(stage: procedures.PlannedStage) -> set[str]:
    """Returns the keys that a stage's trials differ in, those among them that follow from others."""
    keys = {key for point in stage.points for key in point}
    return {*stage.varied, *(key for key in keys if len({str(point.get(key)) for point in stage.points}) > 1)}


def _count(asked: Command) -> int:
    """Returns of how many trials a finding can be said to be about; 0 where they are not all known."""
    if asked.asked is not None or not asked.is_grid or asked.space.size > MOST_LOOKED_AT:
        return 0
    return sum(1 for _ in _points(asked))
