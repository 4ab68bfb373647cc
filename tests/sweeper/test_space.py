"""Hydra's sweep syntax, read as a space."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.composition import integers
from sweeper.space import Choices, Interval, parse, typed


def groups(key: str) -> list[str]:
    return ["none", "int8", "nf4"] if key == "quantization" else []


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("lora.r=8,16", Choices("lora.r", (8, 16))),
        ("lora.r=choice(8,16,32)", Choices("lora.r", (8, 16, 32))),
        ("lora.r=8,16,8", Choices("lora.r", (8, 16))),
        ("lora.r=range(1,4)", Choices("lora.r", (1, 2, 3))),
        ("lora.dropout=range(0,0.11,0.05)", Choices("lora.dropout", (0.0, 0.05, 0.1))),
        ("training.learning_rate=1e-4,2e-4", Choices("training.learning_rate", (1e-4, 2e-4))),
        ("training.lr_scheduler_type=linear,cosine", Choices("training.lr_scheduler_type", ("linear", "cosine"))),
        ("lora.use_rslora=true,false", Choices("lora.use_rslora", (True, False))),
        (
            "lora.target_modules=[q_proj],[q_proj,v_proj]",
            Choices("lora.target_modules", (["q_proj"], ["q_proj", "v_proj"])),
        ),
        ("quantization=none,nf4", Choices("quantization", ("none", "nf4"), is_group=True)),
        ("quantization=glob(*n*)", Choices("quantization", ("none", "int8", "nf4"), is_group=True)),
        ("lora.r=int(interval(4,64))", Interval("lora.r", 4, 64, integer=True)),
        ("lora.dropout=interval(0,0.1)", Interval("lora.dropout", 0, 0.1)),
        ("lora.r=interval(4,64)", Interval("lora.r", 4, 64)),
        (
            "training.learning_rate=tag(log,interval(5e-5,8e-4))",
            Interval("training.learning_rate", 5e-5, 8e-4, log=True),
        ),
        ("lora.r=tag(log,interval(4,64))", Interval("lora.r", 4, 64, log=True)),
    ],
)
def test_axis(text: str, axis: object) -> None:
    space, problems = parse(["training.seed=1", text], groups)
    assert not problems
    assert space.axes == (axis,) and space.fixed == ("training.seed=1",)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("lora.dropout=interval(0.1,0)", "smaller"),
        ("training.learning_rate=tag(log,interval(0,1e-3))", "above 0"),
        ("quantization=glob(x*)", "at least one value"),
    ],
)
def test_what_is_wrong_is_said(text: str, rule: str) -> None:
    _, problems = parse([text], groups)
    assert len(problems) == 1 and rule in problems[0].rule and problems[0].remedy


def test_intervals_of_integers_are_integer() -> None:
    space, _ = parse(["lora.r=interval(3.5,64)", "lora.dropout=interval(0,1)"], groups)
    made, problems = typed(space, {"lora.r"})
    assert made.axes == (Interval("lora.r", 4, 64, integer=True), Interval("lora.dropout", 0, 1)) and not problems
    assert len(typed(parse(["lora.r=interval(4.2,4.8)"], groups)[0], {"lora.r"})[1]) == 1


def test_shares_are_no_integers() -> None:
    assert {"lora.r", "training.max_steps", "data.max_samples"} <= integers()
    assert not {"training.warmup_steps", "training.num_train_epochs", "lora.dropout", "lora.alpha"} & integers()


def test_the_last_axis_varies_fastest() -> None:
    space, _ = parse(["lora.r=8,16", "training.learning_rate=1e-4,2e-4"], groups)
    assert space.is_discrete and space.size == 4
    assert [(p["lora.r"], p["training.learning_rate"]) for p in space.grid()] == [
        (8, 1e-4),
        (8, 2e-4),
        (16, 1e-4),
        (16, 2e-4),
    ]


def test_no_axes_are_a_grid_of_one_point() -> None:
    space, _ = parse(["lora.r=8"], groups)
    assert space.size == 1 and list(space.grid()) == [{}]


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ('data.template="A: {text}","B, {text}"', ("A: {text}", "B, {text}")),
        ('lora.target_modules=choice("all-linear",".*(q|v)_proj")', ("all-linear", ".*(q|v)_proj")),
        ("lora.target_modules=[q_proj,'v proj'],all-linear", (["q_proj", "v proj"], "all-linear")),
        ("x={a: 'b c'},1,true,null,1e-4", ({"a": "b c"}, 1, True, None, 1e-4)),
        (r'x="say \"hi\"",b', ('say "hi"', "b")),
    ],
)
def test_values_are_what_hydra_would_set(override: str, values: tuple[Any, ...]) -> None:
    space, problems = parse([override], lambda key: [])
    assert not problems and isinstance(space.axes[0], Choices) and space.axes[0].values == values


@pytest.mark.parametrize("text", ["interval(1,inf)", "interval(-inf,1)", "tag(log,interval(1,nan))"])
def test_intervals_end(text: str) -> None:
    space, problems = parse([f"lora.r={text}"], lambda key: [])
    assert not space.axes and "finite numbers" in problems[0].rule
