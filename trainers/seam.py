"""The one seam between the driver and whoever computes: `advance(commands) -> events`.

A trainer computes until it needs a decision (at a rung) or is done, and never decides about its own fate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from trainers.trial import TrialConfig

Outcome = Literal["complete", "pruned", "diverged", "dead_gradient", "stagnant_evaluation", "out_of_memory", "failed"]
"""Every way a trial can end:

complete: ran all its steps, or stopped early by its own patience; pruned: stopped by comparison with others;
diverged: a loss or gradient was not finite, or the loss blew up for good;
dead_gradient: the gradient was 0; stagnant_evaluation: nothing changed from evaluation to evaluation;
out_of_memory: did not fit its device; failed: anything else, with the reason.
"""


@dataclass(frozen=True)
class Start:
    """Begin a trial, or go on with a paused one from the state that it left at `from_step`.

    `adapter` is the folder that will hold the adapter it is told to keep, `state` the one for its state. `share` is how
    many trials every worker will have to compute where the work is divided evenly: what its room is chosen by.
    """

    trial: str
    config: TrialConfig
    adapter: str
    state: str = ""
    from_step: int = 0
    share: int = 1


@dataclass(frozen=True)
class GoOn:
    """Train on from the rung the trial waits at; `keep` its adapter as it is now first, `save` its state likewise.

    Said of a trial that does not wait, it answers `Room`: nobody else comes.
    """

    trial: str
    keep: bool = False
    save: bool = False


@dataclass(frozen=True)
class Pause:
    """Leave the state of the trial in its folder and make room for another; `keep` its adapter as it is now first."""

    trial: str
    keep: bool = False


@dataclass(frozen=True)
class Stop:
    """End the trial at the rung it waits at; `keep` its adapter as it is now first."""

    trial: str
    keep: bool = False


@dataclass(frozen=True)
class Test:
    """Measure a trial's kept adapter on the test rows; said of a worker that holds no trial, it answers `Tested`.

    `threshold` is the score from which on the trial took validation rows for the minority, None without one. No
    `adapter` is the untrained base model.
    """

    trial: str
    config: TrialConfig
    adapter: str = ""
    threshold: float | None = None


Command = Start | GoOn | Pause | Stop | Test


@dataclass(frozen=True)
class Began:
    """A trial has its model, data and optimiser. `facts` are its trainable parameters, device, rows and such."""

    trial: str
    steps: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Logged:
    """A point of the training curves, streamed every `logging_steps`."""

    trial: str
    step: int
    values: dict[str, float]


@dataclass(frozen=True)
class Rung:
    """A trial was evaluated (or computed something that is not finite) and waits for `GoOn`, `Pause` or `Stop`."""

    trial: str
    step: int
    values: dict[str, float]


@dataclass(frozen=True)
class Sampled:
    """What a trial answers at a rung, which follows: a prompt of `data.validation_prompts` and its answer, each."""

    trial: str
    step: int
    samples: list[tuple[str, str]]


@dataclass(frozen=True)
class Confused:
    """How a trial labels the validation rows at a rung, which follows: (true label, predicted one, rows), not empty.

    Labels are indexes into `labels`.
    """

    trial: str
    step: int
    labels: list[str]
    counts: list[tuple[int, int, int]]


@dataclass(frozen=True)
class Tested:
    """A trial's kept adapter was measured on the test rows, which no choice has seen: `values` begin with `test_`.

    `labels` and `counts` as in `Confused`, empty for rows without labels.
    """

    trial: str
    values: dict[str, float]
    labels: list[str] = field(default_factory=list)
    counts: list[tuple[int, int, int]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """A trial has its state on disk and trains on: should its worker die, it goes on from there.

    Seconds and MiB as in `Ended`.
    """

    trial: str
    step: int
    seconds: float | None
    peak_memory_mib: float | None = None


@dataclass(frozen=True)
class Blocked:
    """What a trial must write cannot be written now: its worker tries again until it can, and says this meanwhile."""

    trial: str
    reason: str


@dataclass(frozen=True)
class Room:
    """A worker that holds trials has places for others that can train beside them, and waits for an answer.

    The answer is as many `Start` as there are trials to share the room, or `GoOn` where there are none.
    """

    places: int


@dataclass(frozen=True)
class Evicted:
    """A trial had to leave its worker, through no decision: its state is on disk, at whatever step it was.

    Step 0 where there is none, or none that can be read; `seconds` is None where another worker has to take it.
    """

    trial: str
    step: int
    seconds: float | None
    peak_memory_mib: float | None = None


@dataclass(frozen=True)
class Paused:
    """A trial obeyed `Pause`: whatever it needs to go on is on disk. Seconds and MiB as in `Ended`."""

    trial: str
    step: int
    seconds: float | None
    peak_memory_mib: float | None = None


@dataclass(frozen=True)
class Ended:
    """A trial obeyed `Stop`. Seconds since it last started, its device's peak memory in MiB; None where not known."""

    trial: str
    step: int
    seconds: float | None
    peak_memory_mib: float | None = None


@dataclass(frozen=True)
class Failed:
    """A trial could not go on. The reason is one line, the detail a traceback or a log's tail."""

    trial: str
    outcome: Literal["out_of_memory", "failed"]
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Lost:
    """The worker that held a trial died, or said nothing for too long; `detail` is what it said last.

    `alone` is True for the only trial it held: then nobody else can be to blame.
    """

    trial: str
    reason: str
    alone: bool
    detail: str = ""


Event = (
    Began
    | Logged
    | Sampled
    | Confused
    | Tested
    | Rung
    | Saved
    | Blocked
    | Room
    | Paused
    | Evicted
    | Ended
    | Failed
    | Lost
)

LEAVES = (Tested, Paused, Evicted, Ended, Failed, Lost)
"""The events after which a worker no longer holds a trial."""


class Worker(Protocol):
    """Anything that computes trials: a trainer in this process, or a proxy of one elsewhere."""

    def advance(self, commands: Sequence[Command]) -> Iterator[Event]:
        """Obeys the commands and yields what happened, as it happens.

        A trainer runs until a trial it holds waits at a rung, or until it has room and says so; a proxy yields what has
        arrived.
        """
        ...


class TrialFailed(Exception):
    """A trial cannot run for a reason that one sentence explains; it carries no traceback into the record."""
