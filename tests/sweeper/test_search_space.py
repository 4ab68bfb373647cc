"""Search spaces in YAML: axes, values that hold, conditions, and what the command line makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmarks.arrivals import replay, understood
from sweeper import search_space
from sweeper.space import Axis, Choices, Interval, Space

CONFIG: dict[str, Any] = {
    "lora": {"r": 8, "alpha": None, "dropout": 0.05, "target_modules": "all-linear", "kwargs": {}},
    "training": {"learning_rate": 1e-4, "lr_scheduler_type": "linear", "lr_scheduler_kwargs": {}, "weight_decay": 0.0},
    "data": {"template": None},
    "quantization": {"name": "nf4"},
}

RATE = Interval("training.learning_rate", 1e-5, 1e-3, log=True)


def options(key: str) -> list[str]:
    return ["none", "nf4"] if key == "quantization" else []


def read(yaml: str, axes: tuple[Axis, ...] = (), fixed: tuple[str, ...] = ()) -> tuple[Space, list[str]]:
    config = OmegaConf.create({**CONFIG, "search_space": OmegaConf.create(yaml)})
    space, problems = search_space.extended(Space(axes, fixed), config, options)
    return space, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("yaml", "axis"),
    [
        ("lora: {r: 'choice(8,16)'}", Choices("lora.r", (8, 16))),
        ("lora: {r: '8,16'}", Choices("lora.r", (8, 16))),
        ("lora: {r: 'range(1,4)'}", Choices("lora.r", (1, 2, 3))),
        ("lora: {r: {values: [8, 16]}}", Choices("lora.r", (8, 16))),
        ("lora: {r: {low: 2, high: 8}}", Interval("lora.r", 2, 8, integer=True)),
        ("lora: {dropout: {low: 0.0, high: 0.3, step: 0.1}}", Choices("lora.dropout", (0.0, 0.1, 0.2, 0.3))),
        ("training: {learning_rate: {low: 1e-5, high: 1e-3, log: true}}", RATE),
        ("training: {learning_rate: 'tag(log,interval(1e-5,1e-3))'}", RATE),
        ("{bound: 9, lora: {r: {low: 2, high: '${search_space.bound}'}}}", Interval("lora.r", 2, 9, integer=True)),
        ("{bound: 9, lora: {r: 'choice(2,${search_space.bound})'}}", Choices("lora.r", (2, 9))),
        ("quantization: 'choice(none,nf4)'", Choices("quantization", ("none", "nf4"), is_group=True)),
        ("quantization: {values: [none, nf4]}", Choices("quantization", ("none", "nf4"), is_group=True)),
    ],
)  # fmt: skip
def test_axes(yaml: str, axis: Axis) -> None:
    space, problems = read(yaml)
    assert space == Space((axis,), ()) and not problems


@pytest.mark.parametrize(
    ("yaml", "fixed"),
    [
        ("lora: {alpha: '${lora.r}'}", "lora.alpha=${lora.r}"),
        ("lora: {r: 4}", "lora.r=4"),
        ("data: {template: 'Say, \"{text}\"'}", 'data.template="Say, \\"{text}\\""'),
        ("lora: {target_modules: [q_proj, v_proj]}", 'lora.target_modules=["q_proj", "v_proj"]'),
    ],
)
def test_values_that_hold_for_every_trial(yaml: str, fixed: str) -> None:
    space, problems = read(yaml)
    assert space == Space((), (fixed,)) and not problems


def test_the_command_line_goes_before() -> None:
    yaml = "{lora: {r: 'choice(8,16)', dropout: 'choice(0,0.1)'}}"
    said = Choices("lora.r", (2, 4))
    assert read(yaml, (said,), ("lora.dropout=0.2",))[0] == Space((said,), ("lora.dropout=0.2",))


@pytest.mark.parametrize(
    ("yaml", "key", "says"),
    [
        ("lora: {r: 'choice(8,'}", "search_space.lora.r", "is no axis"),
        ("lora: {r: {values: []}}", "search_space.lora.r", "at least one value"),
        ("lora: {r: {low: 8}}", "search_space.lora.r", "is no axis"),
        ("lora: {r: {low: 8, high: 2}}", "search_space.lora.r", "smaller"),
        ("lora: {r: {low: a, high: b}}", "search_space.lora.r", "'a' is no number"),
        ("lora: {r: {low: 1, high: 2, lgo: true}}", "search_space.lora.r", "no lgo"),
        ("lora: {r: {low: 1, high: 2, step: 0}}", "search_space.lora.r", "a step is above 0"),
        ("lora: {dropout: {low: 0.1, high: .inf, step: 0.1}}", "search_space.lora.dropout", "finite bounds"),
        ("lora: {dropout: {low: 0.0, high: 0.5, step: 1e-9}}", "search_space.lora.dropout", "more than 10,000 values"),
        ("lora: {r: {low: 4, high: 64, log: true, step: 4}}", "search_space.lora.r", "exclude each other"),
        ("lora: {r: {low: 1, high: .inf}}", "search_space.lora.r", "finite numbers"),
        ("lora: {r: {values: [8], when: cosine}}", "search_space.lora.r", "when maps parameters to values"),
        (
            "lora: {r: '${search_space.lora.dropout}', dropout: '${search_space.lora.r}'}",
            "search_space.lora.r",
            "no axis",
        ),
        ("lora: {rnk: 3}", "search_space.lora.rnk", "try: search_space.lora.r"),
        ("quantization: nf5", "search_space.quantization", "try: quantization=nf4"),
        (
            "quantization: {values: [none, nf5]}",
            "search_space.quantization",
            "options none, nf4; try: quantization=nf4",
        ),
        ("[a, b]", "search_space", "a mapping"),
        (
            "{lora: {r: {values: [1], when: {training.lr_scheduler_type: cosin}}}, "
            "training: {lr_scheduler_type: {values: [cosine, linear]}}}",
            "search_space.lora.r.when.training.lr_scheduler_type",
            "never has this value here; try: one of cosine, linear",
        ),
        ("lora: {r: 'range(0,inf)'}", "search_space.lora.r", "finite bounds"),
        ("training: {learning_rate: {low: 0, high: 1, log: true}}", "search_space.training.learning_rate", "above 0"),
        ("lora: {r: {values: [1], when: {lora.rr: 3}}}", "search_space.lora.r.when.lora.rr", "no such parameter"),
        ("lora: {r: {values: [1], when: {lora.r: 1}}}", "search_space.lora.r.when.lora.r", "itself"),
        (
            "{lora: {r: {values: [1], when: {lora.dropout: 0.1}}, dropout: {low: 0.0, high: 0.1}}}",
            "search_space.lora.r.when.lora.dropout",
            "is an interval",
        ),
        ("lora: {r: '${nowhere.at.all}', dropout: 'choice(${nowhere},1)'}", "search_space.lora.dropout", "is no axis"),
    ],
)
def test_problems(yaml: str, key: str, says: str) -> None:
    _, problems = read(yaml)
    assert any(problem.startswith(key) and says in problem for problem in problems), problems


CONDITIONAL = """
training:
  lr_scheduler_type: {values: [linear, cosine, cosine_with_restarts]}
  lr_scheduler_kwargs:
    num_cycles: {values: [2, 3], when: {training.lr_scheduler_type: cosine_with_restarts}}
lora:
  dropout: {values: [0.0, 0.1], when: {training.lr_scheduler_kwargs.num_cycles: 3}}
"""


def test_an_axis_exists_only_where_its_conditions_hold() -> None:
    space, problems = read(CONDITIONAL)
    assert not problems and space.size == 5
    cycles, kind = "training.lr_scheduler_kwargs.num_cycles", "training.lr_scheduler_type"
    restarts = {kind: "cosine_with_restarts"}
    assert list(space.grid()) == [
        {kind: "linear"},
        {kind: "cosine"},
        {**restarts, cycles: 2},
        {**restarts, cycles: 3, "lora.dropout": 0.0},
        {**restarts, cycles: 3, "lora.dropout": 0.1},
    ]


@pytest.mark.parametrize(
    ("when", "axes"),
    [
        ("{training.lr_scheduler_type: linear}", 1),
        ("{training.lr_scheduler_type: [cosine, linear]}", 1),
        ("{training: {lr_scheduler_type: linear}}", 1),
        ("{training.lr_scheduler_type: cosine}", 0),
        ("{quantization: nf4}", 1),
        ("{quantization: none}", 0),
    ],
)
def test_conditions_on_what_is_not_varied_are_settled_at_once(when: str, axes: int) -> None:
    space, problems = read(f"lora: {{r: {{values: [8, 16], when: {when}}}}}")
    assert not problems and len(space.axes) == axes
    assert all(axis.when == () for axis in space.axes)


def test_what_depends_on_a_dropped_axis_depends_on_that_parameters_one_value() -> None:
    yaml = """
lora:
  r: {values: [4, 8]}
  dropout: {values: [0.0, 0.1], when: {training.weight_decay: 0.1}}
training:
  weight_decay: {values: [0.1, 0.2], when: {training.lr_scheduler_type: cosine}}
"""
    space, problems = read(yaml)
    assert not problems and [axis.key for axis in space.axes] == ["lora.r"]


def test_free_mappings_take_any_key() -> None:
    assert read("lora: {kwargs: {use_dora: true}}") == (Space((), ("lora.kwargs.use_dora=true",)), [])


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "nsga2", "cmaes", "gp", "grid"])
def test_samplers_draw_conditional_points_and_go_on_with_them(tmp_path: Path, sampler: str) -> None:
    table = tmp_path / "t.csv"
    schedulers = ["linear", "cosine", "cosine_with_restarts"]
    rows = [f"{name},10,{index}" for index, name in enumerate(schedulers)]
    table.write_text("\n".join(["training.lr_scheduler_type,step,eval_loss", *rows]) + "\n")
    arguments = [
        *(f"+search_space.training.lr_scheduler_type.values=[{','.join(schedulers)}]",),
        *("+search_space.training.lr_scheduler_kwargs.num_cycles.values=[2,3]",),
        *(
            "+search_space.training.lr_scheduler_kwargs.num_cycles.when.training.lr_scheduler_type=cosine_with_restarts",
        ),
        *("+search_space.lora.dropout.values=[0.0,0.1]",),
        *("+search_space.lora.dropout.when.training.lr_scheduler_kwargs.num_cycles=3",),
    ]
    more = [] if sampler == "grid" else ["sweep.n_trials=100"]
    asked = understood(table, *arguments, *more, f"sampler={sampler}", "pruner=none")
    replay(tmp_path / "s", asked, table, stop_when=lambda history: len(history.contenders) == 3)
    history = replay(tmp_path / "s", asked, table)
    points = [trial.params for trial in history.contenders]
    assert len(points) == 5 and all(point in points for point in asked.space.grid())
    assert {trial.outcome for trial in history.contenders} == {"complete"}


@pytest.mark.parametrize("file", ["lora", "scheduler"])
def test_the_files_that_come_along(tmp_path: Path, table: Path, file: str) -> None:
    asked = understood(
        table, f"search_space={file}", "sweep.n_trials=10", "search_space.training.learning_rate.low=6e-5"
    )
    rate = next(axis for axis in asked.space.axes if axis.key == "training.learning_rate")
    assert isinstance(rate, Interval) and (rate.low, rate.high, rate.log) == (6e-5, 8e-4, True)
