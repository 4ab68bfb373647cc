"""Runs a procedure: stage by stage, each on top of what the stages before it have settled.

Every decision is a pure function of what was recorded, so that a continued sweep comes to the same ones.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from sweeper.annotations import annotated
from sweeper.candidates import Candidate, at_seeds, grouped, noise, run_of
from sweeper.choosing import RULES
from sweeper.comparison import Choice, Comparison
from sweeper.composition import Composer
from sweeper.conditions import CONDITIONS, UNMET, unmet_by_run
from sweeper.decisions import Objective
from sweeper.equal_tokens import equalised
from sweeper.history import History
from sweeper.procedure import Stage, When
from sweeper.procedures import Asked
from sweeper.program import Exhausted, Finished, Round, Skipped, Step
from sweeper.settings import Settings
from sweeper.settled import MEASURING, Outcome, Params, Settled
from sweeper.space import Choices, Space
from sweeper.stage_points import points, whole
from sweeper.stage_source import StageSource
from sweeper.study import Study
from sweeper.walk import begun, onwards


@dataclass(frozen=True)
class Conductor:
    """The program of a procedure."""

    asked: Asked
    composer: Composer
    settings: Settings
    objective: Objective
    with_reference: bool

    def rounds(self, history: History) -> Iterator[Step]:
        """Yields each stage whose conditions hold, and why another one is skipped; ends early with its budget."""
        settled = self.asked.settled
        for stage in self.asked.procedure.stages.values():
            outcome = yield from self._stage(stage, settled, history)
            if outcome is None:
                yield Exhausted(stage.name, dict(settled.held))
                return
            settled = settled.after(stage, outcome)
        yield Finished(finished(settled))

    def _stage(self, stage: Stage, settled: Settled, history: History) -> Generator[Step, None, Outcome | None]:
        """Runs one stage; returns how it ended, None where the budget did not reach."""
        why = unmet(stage, settled)
        listed = [] if why else points(stage, settled, self.asked.said)
        if not listed:
            yield Skipped(stage.name, why or "nothing to compare here")
            return Outcome(stage, skipped=why or "nothing to compare here")
        run = begun(stage, listed)
        while True:
            outcome = yield from self._round(stage, settled, listed, run, history)
            further = [] if outcome is None else self._onwards(stage, settled, listed, run, outcome)
            if not further:
                return outcome
            run = sorted([*run, *further], key=lambda point: _place(point, listed))

    def _round(
        self, stage: Stage, settled: Settled, listed: Sequence[Params], run: Sequence[Params], history: History
    ) -> Generator[Step, None, Outcome | None]:
        """Runs trials of a stage; one that goes on from there concludes nothing yet."""
        full = [whole(stage, settled, point) for point in run]
        source = StageSource(self.composer, full, stage, self.with_reference, self.settings.sweep.max_trials)
        study = Study(_space(full), self.settings.sampler, self.settings.pruner, self.objective, 0)

        def conclude(history: History) -> Choice | None:
            outcome = self._outcome(stage, settled, run, source, history)
            ends = outcome is not None and not self._onwards(stage, settled, listed, run, outcome)
            return outcome.choice if outcome is not None and ends else None

        yield Round(stage.name, source, study, study, float(len(set(source.ids))), conclude, source.reused)
        return self._outcome(stage, settled, run, source, history)

    def _onwards(
        self, stage: Stage, settled: Settled, listed: Sequence[Params], run: Sequence[Params], outcome: Outcome
    ) -> list[Params]:
        """Returns the trials that a stage goes on with; a step to where no trial can be is not made."""
        further = onwards(stage, settled, listed, run, outcome)
        return [point for point in further if self.composer.trial(whole(stage, settled, point))[0] is not None]

    def _outcome(
        self, stage: Stage, settled: Settled, run: Sequence[Params], source: StageSource, history: History
    ) -> Outcome | None:
        """Chooses a stage's winners from what was recorded of its trials; None while some are missing."""
        if any(found not in history.trials for found in source.ids):
            return None
        runs = [run_of(history.trials[found], self.objective) for found in source.ids]
        candidates = tuple(grouped(run, runs))
        seeds = {run.seed for run in runs}
        rivals = (*(at_seeds(item, seeds) for item in _defender(stage, settled)), *candidates)
        compared = Comparison(rivals, noise(rivals, self.settings.sweep.noise), stage.keep)
        choice = RULES[stage.choose.rule](compared, stage.choose.arguments)
        told = annotated(choice, stage, candidates, compared.noise, settled)
        return Outcome(stage, candidates, told, noise=compared.noise)


def _place(point: Params, listed: Sequence[Params]) -> int:
    """Returns a trial's place in the stage's order; one beyond its values comes last."""
    return listed.index(point) if point in listed else len(listed)


def finished(settled: Settled) -> Params:
    """Returns what a procedure has settled on, what keeps its trials comparable included."""
    held = {key: value for key, value in settled.held.items() if key not in MEASURING}
    return {**held, **equalised(settled.equal, held, settled.base, settled.facts)}


def unmet(stage: Stage, settled: Settled) -> str | None:
    """Returns why a stage is skipped, None where all its conditions hold."""
    return next((why for item in stage.when if (why := _unmet(item, settled)) is not None), None)


def _unmet(when: When, settled: Settled) -> str | None:
    if when.stage is None:
        return unmet_by_run(when, settled.facts)
    outcome = settled.outcomes[when.stage]
    if outcome.skipped is not None:
        return f"{when.stage} was skipped"
    if when.named is not None and not CONDITIONS[when.named](outcome.candidates, outcome.winner):
        return f"{when.stage}: {UNMET[when.named]}"
    won = {} if outcome.winner is None else outcome.winner.params
    # Won, and still so: a later stage may have challenged it.
    asked = when.won.items()
    lost = [f"{key}={value}" for key, value in asked if won.get(key) != value or settled.value(key) != value]
    return f"{when.stage}: {', '.join(lost)} did not win" if lost else None


def _defender(stage: Stage, settled: Settled) -> list[Candidate]:
    """Returns the winner that a stage challenges: the named stage's, or that of one that has challenged it since."""
    named = stage.challenges
    since = [item for item in settled.outcomes.values() if named and named in {item.stage.name, item.stage.challenges}]
    winners = [item.winner for item in since if item.winner is not None]
    return winners[-1:]


def _space(full: Sequence[Params]) -> Space:
    """Returns a stage's trials as Optuna sees them: what differs between them."""
    keys = dict.fromkeys(key for point in full for key in point)
    values = {key: [point[key] for point in full if key in point] for key in keys}
    distinct = {
        key: [item for index, item in enumerate(found) if item not in found[:index]] for key, found in values.items()
    }
    return Space(tuple(Choices(key, tuple(found)) for key, found in distinct.items()), ())
