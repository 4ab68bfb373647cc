"""What a procedure is: stages, each one comparison.

The words are the tuning guide's: what varies, what is held, for how long, when at all, and how the winner is chosen.
`conf/procedure/*.yaml` holds one procedure each; a folder of one's own (`--config-dir`) can hold more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

GROUP = "procedure"
_FORBID_UNKNOWN = {"extra": "forbid"}
_NonEmpty = Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True)
class Around:
    """The value that is held by then, an earlier winner's or the configuration's own, times each factor."""

    __pydantic_config__ = _FORBID_UNKNOWN

    times: _NonEmpty


@dataclass(frozen=True)
class Shifted:
    """The value that is held by then, plus each amount; what falls below 0 is left out."""

    __pydantic_config__ = _FORBID_UNKNOWN

    plus: _NonEmpty


@dataclass(frozen=True)
class Neighbours:
    """An earlier winner's value of the same parameter, and those listed beside it there, by places."""

    __pydantic_config__ = _FORBID_UNKNOWN

    neighbours: str
    places: list[int] = field(default_factory=lambda: [-1, 0, 1])


@dataclass(frozen=True)
class Bounded:
    """Listed values up to the bound that an earlier range test found; at least the smallest of them."""

    __pydantic_config__ = _FORBID_UNKNOWN

    values: _NonEmpty
    at_most: str


@dataclass(frozen=True)
class Derived:
    """What follows from the data, by the name of the guide's prior."""

    __pydantic_config__ = _FORBID_UNKNOWN

    prior: str


Values = _NonEmpty | Around | Shifted | Neighbours | Bounded | Derived
"""What a parameter takes in a stage: a list, or a rule that makes one."""


@dataclass(frozen=True)
class Budget:
    """How long a stage's trials run: a share of the full run, or a number of steps; the full run where neither is said.

    `schedule` is `full` where the full run's learning-rate schedule is cut short, `own` where it is squeezed into the
    stage's steps.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    share: Annotated[float, Field(gt=0, le=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    schedule: Literal["full", "own"] = "full"

    @property
    def is_full(self) -> bool:
        """True for the full run."""
        return self.share in (None, 1.0) and self.steps is None


@dataclass(frozen=True)
class When:
    """A condition on an earlier stage: a named one (`is`), or what its winner has (`won`).

    Without a stage it is one on the run itself: its length, its data, what it is compared by.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    stage: str | None = None
    named: Annotated[str | None, Field(alias="is")] = None
    won: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Returns `ranks: winner overfits`."""
        words = [] if self.named is None else [self.named.replace("_", " ")]
        told = ", ".join([*words, *(f"{key}={value} won" for key, value in self.won.items())])
        return told if self.stage is None else f"{self.stage}: {told}"


@dataclass(frozen=True)
class Choose:
    """The rule that names a stage's winners, and its arguments."""

    __pydantic_config__ = _FORBID_UNKNOWN

    rule: str = "best"
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """One comparison.

    `cases` are listed alternatives that set several parameters each, crossed with `vary`; `takes` runs the kept
    candidates of earlier stages again; `equal_parameters` runs every candidate of an earlier stage again, at the rank
    that gives it as many trainable parameters as the largest of them has; `challenges` compares with an earlier stage's
    winner as well. `walk` names a parameter whose values are tried from the middle outwards, as far as it pays;
    `extend` those that are tried one step beyond, once, where the winner lies on an edge. `keep` is how many of the
    best go on, `adopt` whether the winner is held from here on.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    vary: dict[str, Values] = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)
    takes: list[str] = field(default_factory=list)
    equal_parameters: str | None = None
    challenges: str | None = None
    walk: str | None = None
    extend: list[str] = field(default_factory=list)
    hold: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    seeds: Annotated[int, Field(ge=1)] = 1
    when: list[When] = field(default_factory=list)
    choose: Choose = field(default_factory=Choose)
    keep: Annotated[int, Field(ge=1)] = 1
    adopt: bool = True
    why: str = ""
    name: str = ""

    @property
    def is_remedy(self) -> bool:
        """True where it runs only if an earlier stage's curves show something wrong."""
        asked = [item.named for item in self.when if item.stage is not None]
        return any(name not in {None, "has_winner"} for name in asked)

    @property
    def refers(self) -> list[tuple[str, str]]:
        """The earlier stages it names, each with the key that does."""
        found = [(f"when.{index}.stage", item.stage) for index, item in enumerate(self.when) if item.stage is not None]
        found += [("takes", name) for name in self.takes]
        single = {"challenges": self.challenges, "equal_parameters": self.equal_parameters}
        found += [(key, name) for key, name in single.items() if name is not None]
        for key, values in self.vary.items():
            if isinstance(values, Neighbours):
                found.append((f"vary.{key}.neighbours", values.neighbours))
            elif isinstance(values, Bounded):
                found.append((f"vary.{key}.at_most", values.at_most))
        return found


@dataclass(frozen=True)
class Procedure:
    """A named list of stages; `hold` is held throughout.

    `equal` is what all its whole runs have in common: `steps`; `tokens`, where trials differ in how many they see per
    update; or `tokens_per_update`, where the micro-batch makes up for that first.
    """

    __pydantic_config__ = _FORBID_UNKNOWN

    name: str
    stages: dict[str, Stage]
    hold: dict[str, Any] = field(default_factory=dict)
    equal: Literal["steps", "tokens", "tokens_per_update"] = "steps"
