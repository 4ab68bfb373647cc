"""One command from its overrides to its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweeper import plan, plan_text
from sweeper.command import Command, group_options_of, understand
from sweeper.continuation import IncomparableError, check, common
from sweeper.decisions import Objective, Pruner
from sweeper.event_log import LogError, read
from sweeper.halving import Halving
from sweeper.interruption import Interruption
from sweeper.paths import SweepPaths
from sweeper.planner import Planner
from sweeper.say import refuse, say
from sweeper.search import Grid, Sampled, Search
from sweeper.validation import ConfigurationError
from trainers import registry

if TYPE_CHECKING:
    from sweeper.program import Program


def run(loader: ConfigLoader, master: DictConfig, arguments: Sequence[str]) -> NoReturn:
    """Runs the sweep that a command asks for, or continues it, and exits.

    Args:
        loader: Hydra's, to compose each trial.
        master: The command's composed configuration.
        arguments: The task overrides as typed.

    Raises:
        SystemExit: Always: 0 done, 1 no trial completed, 2 something is wrong with the command, 130 stopped.
    """
    try:
        asked = understand(
            lambda overrides: loader.load_sweep_config(master, list(overrides)),
            group_options_of(loader),
            arguments,
        )
    except ConfigurationError as error:
        _refuse(error)
    try:
        if asked.settings.sweep.dry_run:
            sys.exit(_plan(asked))
        with Interruption() as interruption:  # from before the imports on, some of which turn a Ctrl-C into an error
            code = _sweep(asked, interruption)
    except (ConfigurationError, LogError, IncomparableError) as error:
        _refuse(error)
    sys.exit(code)


def _plan(asked: Command) -> int:
    """Prints what a command would do; returns 2 where preflight would stop it. One that would be refused is."""
    sweep = asked.settings.sweep
    if not sweep.fresh:
        check(asked, common(asked), read(SweepPaths(Path(sweep.dir) / asked.name).events))
    made = plan.plan(asked)
    say(plan.to_json(made) if sweep.dry_run == "json" else plan_text.to_text(made))
    return 2 if any(finding.severity == "error" for finding in made.findings) else 0


def _refuse(error: Exception) -> NoReturn:
    refuse(error)
    sys.exit(2)


def _sweep(asked: Command, interruption: Interruption) -> int:
    # Optuna and MLflow take a second each to import: not for a command that is wrong.
    from sweeper.program import Round, Single
    from sweeper.session import Session
    from sweeper.study import Study

    settings = asked.settings
    objective = Objective(settings.sweep.metric, settings.sweep.resolved_direction)
    with_reference = settings.sweep.reference and registry.measures_reference(settings.trainer.name)
    if asked.asked is not None:
        return Session(asked, objective, conductor(asked, objective, with_reference), interruption).run()
    study = Study(asked.space, settings.sampler, settings.pruner, objective, settings.sweep.seed)
    pruner: Pruner = Halving(objective, **vars(asked.halving)) if asked.halving is not None else study
    search: Search = Grid(asked.space) if asked.is_grid else Sampled(asked.space, asked.total, study)
    planner = Planner(asked.composer, search, study.fits, with_reference)
    program = Single(Round("search", planner, pruner, study, asked.total))
    return Session(asked, objective, program, interruption).run()


def conductor(asked: Command, objective: Objective, with_reference: bool) -> Program:
    """Returns the program of a command that asks for a procedure."""
    from sweeper.conductor import Conductor

    assert asked.asked is not None
    return Conductor(asked.asked, asked.composer, asked.settings, objective, with_reference)
