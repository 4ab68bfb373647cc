"""Runs a procedure: stage by stage, each on top of what the stages before it have settled.

Every decision is a pure function of what was recorded, so that a continued sweep comes to the same ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.candidates import Candidate, grouped, noise, run_of
from sweeper.choosing import RULES, Choice, Comparison, edge
from sweeper.composition import Composer
from sweeper.conditions import CONDITIONS
from sweeper.decisions import Objective
from sweeper.history import History
from sweeper.procedure import Stage, When
from sweeper.procedures import Asked
from sweeper.program import Finished, Round, Skipped
from sweeper.settings import Settings
from sweeper.space import Choices, Space
from sweeper.stage_points import Outcome, Params, Settled, common, points
from sweeper.stage_source import StageSource
from sweeper.study import Study


@dataclass(frozen=True)
class Conductor:
    """The program of a procedure."""

    asked: Asked
    composer: Composer
    settings: Settings
    objective: Objective
    with_reference: bool

    def rounds(self, history: History) -> Iterator[Round | Skipped | Finished]:
        """Yields each stage whose conditions hold, and why another one is skipped."""
        settled = self.asked.settled
        for stage in self.asked.procedure.stages.values():
            why = unmet(stage, settled.outcomes)
            listed = [] if why else points(stage, settled, self.asked.said)
            if not listed:
                outcome = Outcome(stage, skipped=why or "the data asks for no value here")
                yield Skipped(stage.name, outcome.skipped or "")
            else:
                source, found = self._round(stage, listed, settled)
                yield found
                outcome = self._outcome(stage, listed, source, history, settled)
            settled = _with(settled, stage, outcome)
        yield Finished(dict(settled.held))

    def _round(self, stage: Stage, listed: Sequence[Params], settled: Settled) -> tuple[StageSource, Round]:
        full = [{**common(stage, settled), **point} for point in listed]
        source = StageSource(self.composer, full, stage, self.with_reference)
        study = Study(_space(full), self.settings.sampler, self.settings.pruner, self.objective, 0)

        def conclude(history: History) -> Choice | None:
            return self._outcome(stage, listed, source, history, settled).choice

        return source, Round(stage.name, source, study, study, float(len(set(source.ids))), conclude)

    def _outcome(
        self, stage: Stage, listed: Sequence[Params], source: StageSource, history: History, settled: Settled
    ) -> Outcome:
        """Chooses a stage's winners from what was recorded of its trials."""
        runs = [run_of(history.trials[found], self.objective) for found in source.ids]
        candidates = tuple(grouped(listed, runs))
        rivals = (*_defender(stage, settled), *candidates)
        compared = Comparison(rivals, noise(rivals, self.settings.sweep.noise), stage.keep)
        choice = RULES[stage.choose.rule](compared, stage.choose.arguments)
        return Outcome(stage, candidates, _with_edges(choice, candidates))


def unmet(stage: Stage, outcomes: Mapping[str, Outcome]) -> str | None:
    """Returns why a stage is skipped, None where all its conditions hold."""
    return next((why for item in stage.when if (why := _unmet(item, outcomes[item.stage])) is not None), None)


def _unmet(when: When, outcome: Outcome) -> str | None:
    if outcome.skipped is not None:
        return f"{when.stage} was skipped"
    if when.named is not None and not CONDITIONS[when.named](outcome.candidates, outcome.winner):
        return f"{when.stage}: not {when.named.replace('_', ' ')}"
    won = {} if outcome.winner is None else outcome.winner.params
    lost = [f"{key}={value}" for key, value in when.won.items() if won.get(key) != value]
    return f"{when.stage}: {', '.join(lost)} did not win" if lost else None


def _defender(stage: Stage, settled: Settled) -> list[Candidate]:
    if stage.challenges is None:
        return []
    winner = settled.outcomes[stage.challenges].winner
    return [] if winner is None else [winner]


def _with(settled: Settled, stage: Stage, outcome: Outcome) -> Settled:
    held = dict(settled.held)
    if stage.adopt and outcome.winner is not None:
        held |= outcome.winner.params
    return dataclasses.replace(settled, outcomes={**settled.outcomes, stage.name: outcome}, held=held)


def _with_edges(choice: Choice, candidates: Sequence[Candidate]) -> Choice:
    """Says where the winner lies on the edge of what was swept: the best may lie beyond."""
    if not choice.winners:
        return choice
    chosen = choice.winners[0].params
    swept = {key: [item.params[key] for item in candidates if key in item.params] for key in chosen}
    notes = [f"{key}: {note}" for key, values in swept.items() if (note := edge(values, chosen[key])) is not None]
    if not notes:
        return choice
    numbers = {**choice.numbers, "edge": notes}
    return dataclasses.replace(choice, reason=f"{choice.reason}; {'; '.join(notes)}", numbers=numbers)


def _space(full: Sequence[Params]) -> Space:
    """Returns a stage's trials as Optuna sees them: what differs between them."""
    keys = dict.fromkeys(key for point in full for key in point)
    values = {key: [point[key] for point in full if key in point] for key in keys}
    distinct = {
        key: [item for index, item in enumerate(found) if item not in found[:index]] for key, found in values.items()
    }
    return Space(tuple(Choices(key, tuple(found)) for key, found in distinct.items()), ())
