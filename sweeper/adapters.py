"""Which adapters stay on disk: those of the best trials, as many as `sweep.keep_adapters` says."""

from __future__ import annotations

import bisect
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

from sweeper.decisions import Objective
from sweeper.history import Trial
from sweeper.paths import SweepPaths


class Adapters:
    """Removes an adapter when its trial has ended without being among the best, or when a better one displaces it."""

    def __init__(self, trials: Iterable[Trial], objective: Objective, paths: SweepPaths, keep: float) -> None:
        self._objective, self._paths, self._keep = objective, paths, keep
        # (value, number, id), the best first: with one seed each the leaderboard's order.
        ranked = sorted(rank for trial in trials if (rank := self._rank(trial)) is not None)
        self._best = ranked[: int(min(keep, len(ranked)))]

    def apply(self, record: Mapping[str, Any], trial: Trial | None) -> None:
        """Follows the sweep's log."""
        if trial is None or trial.outcome is None:
            return
        rank = self._rank(trial)
        if rank is not None:
            bisect.insort(self._best, rank)
        elif self._keep != float("inf"):
            self._remove(trial.id)
        if len(self._best) > self._keep:
            self._remove(self._best.pop()[2])

    def _rank(self, trial: Trial) -> tuple[float, int, str] | None:
        best = trial.best(self._objective.metric, self._objective.direction)
        if best is None or trial.outcome != "complete" or trial.is_reference or trial.short:
            return None
        return self._objective.sign * best[1][self._objective.metric], trial.number, trial.id

    def _remove(self, trial: str) -> None:
        shutil.rmtree(self._paths.adapter(trial), ignore_errors=True)
