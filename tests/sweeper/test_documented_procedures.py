"""What every procedure plans, against the documents' own tables, typed in by hand from them."""

from __future__ import annotations

from typing import Any

import pytest
from planned import planned

RATE, KWARGS, TYPE = "training.learning_rate", "training.lr_scheduler_kwargs", "training.lr_scheduler_type"
WARMUP, DECAY = "training.warmup_steps", "training.weight_decay"
LONG = "training.max_steps=5000"
FULL, RUN = "always", {"steps": 5000}

Wanted = tuple[str, dict[str, list[Any]], dict[str, Any], int, str]
"""A stage: its condition, what it varies, a trial's length, how many seeds, the rule."""

# 001 is the tuning guide; its sections are named by the procedure. `own` and `full` are the schedules.
DOCUMENTED: dict[str, dict[str, Wanted]] = {
    "rank": {  # r, lora_alpha ("sanity check", 100-300 steps), lora_dropout ("Tuning Process")
        "sanity": (FULL, {}, {"steps": 200, "schedule": "full"}, 1, "stable"),
        "ranks": ("sanity: has winner", {"lora.r": [4, 8, 16]}, RUN, 1, "smallest"),
        "more_dropout": ("ranks: winner overfits", {"lora.dropout": [0.1]}, RUN, 1, "best"),
        "less_dropout": ("ranks: all underfit", {"lora.dropout": [0.0, 0.03]}, RUN, 1, "best"),
    },
    "rslora": {  # use_rslora, steps 1 to 5
        "smoke": (FULL, {}, {"steps": 500, "schedule": "full"}, 1, "stable"),
        "softer": ("smoke: no winner", {"lora.gain": [1.0]}, {"steps": 500, "schedule": "full"}, 1, "stable"),
        "stronger": (
            *("smoke: winner underfits", {"lora.gain": [2.0, 3.0, 4.0]}, {"steps": 500, "schedule": "full"}, 1),
            "stable",
        ),
        "ab": (FULL, {"lora.use_rslora": [True, False]}, RUN, 1, "smallest"),
        "ranks": ("ab: lora.use_rslora=True won", {"lora.r": [8, 16, 32, 64]}, RUN, 1, "smallest"),
        "gain": ("ranks: has winner", {"lora.gain": [1.0, 1.5, 2.0, 3.0, 4.0]}, RUN, 1, "best"),
        "slower": ("gain: winner unstable", {RATE: [1e-4, 5e-5]}, RUN, 1, "best"),
        "faster": ("gain: winner underfits", {RATE: [3e-4]}, RUN, 1, "best"),
        "candidates": (FULL, {}, RUN, 3, "confirm"),
    },
    "bias": {  # bias, "Run the 3-point sweep", "Re-run with 2 seeds"
        "three": (FULL, {"lora.bias": ["none", "lora_only", "all"]}, RUN, 1, "differing"),
        "confirm": ("three: lora.bias=lora_only won", {"lora.bias": ["none", "lora_only"]}, RUN, 2, "smallest"),
        "more_rank": ("three: lora.bias=all won", {"lora.r": [16], "lora.bias": ["none"]}, RUN, 1, "best"),
    },
    "loftq": {  # loftq_config, steps 1, 2 and 4
        "baselines": (FULL, {}, {"steps": 500, "schedule": "full"}, 1, "smallest"),
        "iterations": (
            "baselines: lora.loftq_iter=4 won",
            *({"lora.loftq_iter": [1, 2, 4, 5, 8]}, {"steps": 500, "schedule": "full"}, 1, "score_minus_cost"),
        ),
    },
    "packing": {  # packing, 1 and 4
        "ab": (FULL, {"training.packing": [False, True]}, RUN, 1, "faster"),
        "lengths": (
            *(FULL, {"training.packing": [False, True], "training.max_length": [512, 1024, 2048]}, RUN, 1),
            "faster",
        ),
    },
    "gradient_accumulation": {  # gradient_accumulation_steps, phases 1 to 3
        "coarse": (
            *(FULL, {"training.gradient_accumulation_steps": [1, 2, 4, 8, 16, 32]}),
            *({"share": 0.25, "schedule": "full"}, 1, "smallest"),
        ),
        "longer": (FULL, {}, RUN, 2, "smallest"),
        "rate": (FULL, {RATE: [1e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4]}, RUN, 1, "best"),
        "warmup": (FULL, {WARMUP: [0.0, 0.01, 0.03, 0.06, 0.1]}, RUN, 1, "smallest"),
    },
    "warmup": {  # warmup_steps, steps 1 to 3
        "coarse": (FULL, {WARMUP: [0.0, 0.01, 0.03, 0.06, 0.1]}, RUN, 1, "smallest"),
        "fine": (
            "long run",
            {WARMUP: ["<winner:coarse>-0.01", "<winner:coarse>", "<winner:coarse>+0.01"]},
            *(RUN, 1, "smallest"),
        ),
        "seeds": (FULL, {}, RUN, 3, "confirm"),
        "notch_up": ("seeds: seeds vary", {WARMUP: ["<winner:seeds>, 1 listed above"]}, RUN, 3, "confirm"),
    },
    "learning_rate": {  # learning_rate, 1 to 5
        "range_test": (FULL, {}, {"steps": 100, "schedule": "own"}, 1, "range_test"),
        "coarse": (FULL, {RATE: [5e-5, 1e-4, 2e-4, 4e-4, 8e-4]}, RUN, 1, "best"),
        "fine": (
            FULL,
            {RATE: ["<winner:coarse>" + factor for factor in ("*0.5", "*0.75", "", "*1.25", "*1.5")]},
            *(RUN, 1, "best"),
        ),
        "confirm": (FULL, {}, RUN, 3, "confirm"),
    },
    "optim": {  # optim, phases 1 to 4
        "screening": (
            *(FULL, {"training.optim": ["adamw_torch_fused", "adamw_torch", "paged_adamw_8bit"]}),
            *({"share": 0.1, "schedule": "full"}, 1, "stable"),
        ),
        "retune": (FULL, {RATE: [1e-4, 2e-4, 4e-4]}, RUN, 1, "best"),
        "full": (FULL, {}, RUN, 1, "best"),
    },
    "weight_decay": {  # weight_decay, phases 0 to 2
        "sanity": (FULL, {}, {"share": 0.05, "schedule": "full"}, 1, "stable"),
        "coarse": (
            "sanity: has winner",
            *({DECAY: [0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]}, RUN, 1, "best"),
        ),
        "fine": (FULL, {DECAY: ["<winner:coarse>*0.5", "<winner:coarse>", "<winner:coarse>*2"]}, RUN, 1, "best"),
    },
    "scheduler": {  # lr_scheduler_type, 2 to 5; polynomial is 000's
        "pilot": (FULL, {}, {"steps": 300, "schedule": "full"}, 1, "stable"),
        "coarse": (FULL, {}, RUN, 1, "best"),
        "cosine": (f"coarse: {TYPE}=cosine won", {f"{KWARGS}.num_cycles": [0.5, 1.0]}, RUN, 1, "best"),
        "restarts": (f"coarse: {TYPE}=cosine_with_restarts won", {f"{KWARGS}.num_cycles": [2, 3]}, RUN, 1, "best"),
        "min_lr": (
            f"coarse: {TYPE}=cosine_with_min_lr won",
            *({f"{KWARGS}.min_lr_rate": [0.02, 0.05, 0.1, 0.2]}, RUN, 1, "best"),
        ),
        "decay": (
            f"coarse: {TYPE}=warmup_stable_decay won",
            {f"{KWARGS}.decay_share": [0.2, 0.4, 0.6], f"{KWARGS}.min_lr_ratio": [0.0, 0.02, 0.05, 0.1]},
            *(RUN, 1, "best"),
        ),
        "plateau": (
            f"coarse: {TYPE}=reduce_lr_on_plateau won",
            *({f"{KWARGS}.patience": [1, 2, 4], f"{KWARGS}.factor": [0.5, 0.2]}, RUN, 1, "best"),
        ),
        "confirm": (FULL, {}, RUN, 2, "confirm"),
    },
    "target_modules": {"sets": (FULL, {}, RUN, 1, "smallest"), "equal_parameters": (FULL, {}, RUN, 1, "best")},
    "quantization": {"ab": (FULL, {"quantization": ["nf4", "int8", "none"]}, RUN, 1, "smallest")},  # 004, approach 3
    "exp3": {  # 003
        "grid": (
            FULL,
            {
                "lora.r": [16, 24, 32],
                "lora.alpha": [48, 64],
                "lora.dropout": [0.05, 0.1],
                TYPE: ["linear", "cosine"],
                "data.augmentation": ["none", "eda"],
            },
            *({"epochs": 15.0}, 1, "best"),
        )
    },
    "alpha_law": {
        "laws": (
            FULL,
            {"lora.alpha_law": ["per_r", "per_sqrt_r", "constant"], "lora.r": [8, 16, 32]},
            *(RUN, 1, "marginal"),
        ),
        "confirm": (FULL, {}, RUN, 3, "confirm"),
    },
    "playbook": {  # the chain of the procedures' checklist
        "range_test": (FULL, {}, {"steps": 100, "schedule": "own"}, 1, "range_test"),
        "rate": (FULL, {"lora.r": [4], RATE: [5e-5, 1e-4, 2e-4, 4e-4, 8e-4]}, RUN, 1, "best"),
        "rank": (FULL, {"lora.r": [4, 8, 16]}, RUN, 1, "best"),
        "rate_again": (
            FULL,
            {RATE: ["<winner:rate>", "<winner:rate>, 1 listed above", "<winner:rate>, 1 listed below"]},
            RUN,
            1,
            "best",
        ),
        "rslora": (FULL, {"lora.use_rslora": [True, False]}, RUN, 1, "smallest"),
        "gain": (FULL, {"lora.gain": [1.0, 1.5, 2.0, 3.0, 4.0]}, RUN, 1, "best"),
        "more_dropout": ("gain: winner overfits", {"lora.dropout": [0.1]}, RUN, 1, "best"),
        "less_dropout": ("gain: all underfit", {"lora.dropout": [0.0, 0.03]}, RUN, 1, "best"),
        "scheduler": (FULL, {}, RUN, 1, "smallest"),
        "warmup": (FULL, {WARMUP: [0.0, 0.01, 0.03, 0.06, 0.1]}, RUN, 1, "smallest"),
        "weight_decay": (FULL, {DECAY: [0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]}, RUN, 1, "best"),
        "confirm": (FULL, {}, RUN, 3, "confirm"),
    },
}

# Settings under which the documents' values are the guide's defaults.
SETTING = [LONG, "training.learning_rate=2e-4", "lora.r=8"]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_stage_is_the_documents(name: str) -> None:
    more = ["quantization=nf4"] if name == "loftq" else []
    stages = planned(name, *SETTING, *more)
    for stage, (when, vary, budget, seeds, rule) in DOCUMENTED[name].items():
        found = stages[stage]
        assert (found["when"], found["budget"], len(found["seeds"]), found["choose"]) == (when, budget, seeds, rule)
        assert found["vary"] == vary, stage
        assert len(found["trials"]) >= seeds * max(1, *map(len, vary.values())) if vary else found["trials"]


def test_every_procedure_is_here() -> None:
    from benchmarks.arrivals import CONF

    assert {file.stem for file in (CONF / "procedure").glob("*.yaml")} == {"none", *DOCUMENTED}


def values(name: str, stage: str, key: str, *more: str) -> list[Any]:
    return [trial[key] for trial in planned(name, *more)[stage]["trials"]]


def test_listed_cases_are_the_documents() -> None:
    kinds = ["linear", "cosine", "cosine_with_min_lr", "warmup_stable_decay"]
    assert values("scheduler", "coarse", TYPE) == values("playbook", "scheduler", TYPE) == kinds
    kwargs: list[Any] = [{}, {}, {"min_lr_rate": 0.05}, {"decay_share": 0.4, "min_lr_ratio": 0.05}]
    assert values("scheduler", "coarse", KWARGS) == kwargs
    assert values("scheduler", "constant", TYPE) == ["constant_with_warmup"]
    loftq = [(trial["lora.init_lora_weights"], trial["lora.loftq_bits"], trial["lora.loftq_iter"])
             for trial in planned("loftq", "quantization=nf4")["baselines"]["trials"]]  # fmt: skip
    assert loftq == [(True, None, None), ("loftq", 4, 1), ("loftq", 4, 4)]
    sets = values("target_modules", "sets", "lora.target_modules")
    assert sets == ["qv", "attention", "qvo_gate", "qvo_mlp", "attention_mlp", "all-linear"]


def test_exp3_holds_what_document_003_held() -> None:
    stage = planned("exp3")["grid"]
    assert len(stage["trials"]) == 48
    held = {
        **{"training.learning_rate": 1e-4, "training.per_device_train_batch_size": 8, "training.warmup_steps": 250},
        **{"training.max_grad_norm": 0.3, "training.num_train_epochs": 15, "data.max_samples": 7755},
        **{"data.augmentation_factor": 3, "training.max_steps": -1},
    }
    assert held.items() <= stage["hold"].items() and stage["hold"]["training.early_stopping_patience"] > 0
    gains = {(trial["lora.r"], trial["lora.alpha"]): trial["lora.realised_gain"] for trial in stage["trials"]}
    assert gains[24, 48] == 2.0 and gains[16, 64] == 4.0  # alpha is as listed, not derived


def test_short_runs_count_their_warm_up_in_steps() -> None:
    stages = planned("warmup", "training.max_steps=400")
    assert stages["coarse"]["vary"] == {WARMUP: [0, 10, 25, 50, 100]}
    assert stages["fine"]["when"].startswith("never") and stages["fine_steps"]["when"] == "short run"
    assert planned("scheduler", LONG)["constant"]["when"] == "never: the run is not short"


def test_gains_are_matched_across_scalings() -> None:
    trials = planned("rslora")["ab"]["trials"]
    assert [(item["lora.use_rslora"], item["lora.alpha"]) for item in trials] == [(True, 6), (False, 16)]
    assert trials[0]["lora.realised_gain"] == pytest.approx(2.12, abs=0.01)


def test_a_tuned_alpha_keeps_its_gain() -> None:
    trials = planned("rslora", "lora.r=16", "lora.alpha=64")["ab"]["trials"]
    assert [(item["lora.alpha"], item["lora.realised_gain"]) for item in trials] == [(16, 4.0), (64, 4.0)]


def test_accumulation_divides_what_is_counted_in_updates() -> None:
    trials = planned("gradient_accumulation", "training.max_steps=3200", "training.warmup_steps=64",
                     "training.eval_steps=320", "training.logging_steps=32")["coarse"]["trials"]  # fmt: skip
    sixteen = trials[4]
    assert sixteen["training.gradient_accumulation_steps"] == 16
    names = ("max_steps", "eval_steps", "logging_steps", "warmup_steps")
    assert [sixteen[f"training.{name}"] for name in names] == [200, 20, 2, 4]


def test_packed_updates_see_as_many_tokens() -> None:
    off, on = planned("packing", "training.max_length=64")["ab"]["trials"]
    batch, steps = "training.per_device_train_batch_size", "training.max_steps"
    assert batch not in off and steps not in off
    rows, updates = on.get(batch, 8), on.get(steps, 200)  # 8 is the default: not listed where it stays
    mean = 58.0 if rows == 7 else 63.8  # estimated, or counted where the bundled model is built
    assert rows in {7, 8} and rows * updates * 64 == pytest.approx(8 * 200 * mean, rel=0.03)


def test_the_budget_is_checked_before_anything_runs() -> None:
    made = planned("alpha_law")
    assert [trial["lora.alpha"] for trial in made["laws"]["trials"]] == [16, 32, 64, 23, 32, 45, 32, 32, 32]
    assert made["laws"]["reused"] == [None, None, None, None, "stage laws", None, None, "stage laws", None]
