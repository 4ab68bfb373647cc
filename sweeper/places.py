"""Which trial is on which worker, and who else can join it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sweeper.batches import running
from sweeper.history import Trial
from trainers.packed.key import Key, key
from trainers.seam import Worker

# How often a trial that was turned away (its layers are none for this pack) tries again beside others.
_TOGETHER = 1


class Places:
    """The workers' places: one where a worker is empty, and those it says it has beside the trials it holds.

    A trial under which `max_retries` workers have died has its last try alone: of several trials that share a worker
    one is to blame at most.
    """

    def __init__(self, workers: Sequence[Worker], max_retries: int) -> None:
        self._workers, self._last_try = workers, max(1, max_retries)
        self._at: dict[str, Worker] = {}
        self._held: dict[str, Trial] = {}
        self._free = {id(worker): 1 for worker in workers}
        self._asks: set[int] = set()
        self._turned_away: Counter[str] = Counter()
        self._died: dict[str, Worker] = {}
        self._keys: dict[tuple[str, tuple[int, ...]], Key | None] = {}

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
            return self._died.get(trial.id) is not worker or not self._has_another(worker)
        first = self._held[held[0]]
        shared = self._key(trial)
        return shared is not None and not (self._alone(trial) or self._alone(first)) and shared == self._key(first)

    def _has_another(self, worker: Worker) -> bool:
        """True where another worker is empty, too."""
        return any(other is not worker and not self.held(other) for other in self._workers)

    def _alone(self, trial: Trial) -> bool:
        return trial.deaths >= self._last_try or self._turned_away[trial.id] > _TOGETHER

    def _key(self, trial: Trial) -> Key | None:
        name = trial.id, tuple(trial.ran.values())
        if name not in self._keys:
            self._keys[name] = key(running(trial))
        return self._keys[name]

    def take(self, trial: Trial, worker: Worker) -> None:
        """Puts a trial on a worker."""
        self._at[trial.id], self._held[trial.id] = worker, trial
        self._free[id(worker)] -= 1
        self._asks.discard(id(worker))

    def leave(self, trial: str, turned_away: bool = False) -> None:
        """Takes a trial off its worker; one that is turned away again and again goes to an empty one at last."""
        worker = self._at.pop(trial, None)
        self._held.pop(trial, None)
        self._turned_away[trial] += turned_away
        if worker is not None and not self.held(worker):
            self._free[id(worker)] = 1
            self._asks.discard(id(worker))

    def lose(self, trial: str) -> None:
        """Takes a trial off a worker that died; it goes to another one where one is empty."""
        self._died[trial] = self._at[trial]
        self.leave(trial)

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
