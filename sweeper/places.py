"""Which trial is on which worker, and who else can join it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sweeper.history import Trial
from trainers.packed.key import Key, key
from trainers.seam import Worker
from trainers.trial import from_mapping

# How often a trial that was turned away (its layers are none for this pack, or the worker died of somebody) tries again
# beside others.
_TOGETHER = 1


class Places:
    """The workers' places: one where a worker is empty, and those it says it has beside the trials it holds."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._at: dict[str, Worker] = {}
        self._free = {id(worker): 1 for worker in workers}
        self._asks: set[int] = set()
        self._keys: dict[str, Key | None] = {}
        self._turned_away: Counter[str] = Counter()

    def __bool__(self) -> bool:
        """True while a worker holds a trial."""
        return bool(self._at)

    def held(self, worker: Worker) -> list[str]:
        """Returns the trials on a worker, in the order they came."""
        return [trial for trial, at in self._at.items() if at is worker]

    def free(self, worker: Worker) -> int:
        """Returns how many trials a worker can take now."""
        return self._free[id(worker)]

    def fits(self, trial: Trial, worker: Worker) -> bool:
        """True where a worker is empty, or what it holds can train beside the trial."""
        held = self.held(worker)
        if not held:
            return True
        shared = self._key(trial)
        apart = {trial.id, held[0]} & self._alone
        return shared is not None and not apart and shared == self._keys[held[0]]

    @property
    def _alone(self) -> set[str]:
        return {trial for trial, times in self._turned_away.items() if times > _TOGETHER}

    def _key(self, trial: Trial) -> Key | None:
        if trial.id not in self._keys:
            self._keys[trial.id] = key(from_mapping(trial.config))
        return self._keys[trial.id]

    def take(self, trial: Trial, worker: Worker) -> None:
        """Puts a trial on a worker."""
        self._key(trial)
        self._at[trial.id] = worker
        self._free[id(worker)] -= 1
        self._asks.discard(id(worker))

    def leave(self, trial: str, turned_away: bool = False) -> None:
        """Takes a trial off its worker; one that is turned away again and again goes to an empty one at last."""
        worker = self._at.pop(trial, None)
        self._turned_away[trial] += turned_away
        if worker is not None and not self.held(worker):
            self._free[id(worker)] = 1
            self._asks.discard(id(worker))

    def offer(self, worker: Worker, places: int) -> None:
        """Notes how many trials a worker has room for beside those it holds, and that it waits for an answer."""
        self._free[id(worker)] = places
        self._asks.add(id(worker))

    def unanswered(self, worker: Worker) -> str | None:
        """Returns a trial of a worker that waits for others and gets none; it is told to go on by this."""
        if id(worker) not in self._asks:
            return None
        self._asks.discard(id(worker))
        self._free[id(worker)] = 0
        return next(iter(self.held(worker)), None)
