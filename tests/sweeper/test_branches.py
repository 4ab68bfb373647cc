"""Every branch of every procedure is taken, driven by recorded curves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arrivals import conduct, understood

Row = Mapping[str, Any]
Curve = Callable[[Mapping[str, Any]], Iterable[Row]]
Ran = tuple[dict[str, list[dict[str, Any]]], dict[str, str], dict[str, Any]]


def table(folder: Path, axes: Mapping[str, Sequence[Any]], curve: Curve) -> Path:
    """Writes a curve for every combination of values."""
    rows = []
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        rows += [{**point, **row} for row in curve(point)]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [",".join(str(row.get(column, "")) for column in columns) for row in rows]
    (folder / "t.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")
    return folder / "t.csv"


def flat(loss: float, **more: Any) -> list[Row]:
    """A calm run that ends at a loss."""
    return [{"step": 50 * n, "loss": loss + 1 / n, "eval_loss": loss + (4 - n) / 10, **more} for n in range(1, 5)]


def run(folder: Path, path: Path, *asked: str) -> Ran:
    """Returns the trials of each stage, why it decided as it did, and what was settled."""
    history, reasons, settled = conduct(folder / "s", understood(path, *asked), path)
    stages: dict[str, list[dict[str, Any]]] = {}
    for trial in history.contenders:
        stages.setdefault(trial.stage, []).append(trial.params)
    return stages, reasons, settled


def rslora(folder: Path, gap: float) -> Ran:
    axes = {"lora.use_rslora": ["true", "false"], "lora.r": [8, 16, 32, 64], "training.seed": [42, 43, 44]}
    path = table(folder, axes, lambda p: flat(1.0 + gap * (p["lora.use_rslora"] == "true")))
    return run(folder, path, "procedure=rslora")


def test_rslora_that_ties_is_locked(tmp_path: Path) -> None:
    stages, reasons, settled = rslora(tmp_path, gap=0.002)
    assert "lora.use_rslora=True (1.0020) is the first listed within the noise of the best" in reasons["ab"]
    assert [point["lora.r"] for point in stages["ranks"]] == [16, 32, 64]  # 8 was measured by the smoke test
    assert settled["lora.use_rslora"] is True and reasons["softer"].startswith("skipped")


def test_rslora_that_loses_ends_there(tmp_path: Path) -> None:
    _, reasons, settled = rslora(tmp_path, gap=0.1)
    assert reasons["ranks"] == "skipped: ab: lora.use_rslora=True did not win"
    assert reasons["gain"] == "skipped: ranks was skipped" and settled["lora.use_rslora"] is False


def test_an_unstable_smoke_test_halves_alpha_first(tmp_path: Path) -> None:
    axes = {"lora.use_rslora": ["true", "false"], "lora.gain": [0.5, 0.75, 1.0, 1.5, 2.0], "lora.r": [8, 16, 32, 64]}
    axes |= {"training.seed": [42, 43, 44]}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        wild = p["lora.use_rslora"] == "true" and p["lora.gain"] > 1
        return [{**row, "eval_loss": math.nan if wild else row["eval_loss"]} for row in flat(1.0)]

    stages, _, settled = run(tmp_path, table(tmp_path, axes, curve), "procedure=rslora")
    assert [point["lora.gain"] for point in stages["softer"]] == [1.0] and "calmer" not in stages
    assert stages["ab"][0]["lora.gain"] == 1.0 and settled["lora.gain"] <= 1.0


def minority(folder: Path, recall: float, precision: float) -> dict[str, list[dict[str, Any]]]:
    axes = {"lora.r": [4, 8, 16], "lora.dropout": [0.03, 0.05, 0.1]}
    more = {"eval_minority_f1": 0.5, "eval_minority_recall": recall, "eval_minority_precision": precision}
    path = table(folder, axes, lambda p: flat(1.0, **more))
    return run(folder, path, "procedure=rank", "sweep.metric=eval_minority_f1", "sweep.direction=maximize")[0]


def test_a_recall_limited_winner_gets_less_dropout(tmp_path: Path) -> None:
    stages = minority(tmp_path, recall=0.4, precision=0.7)
    assert [(p["lora.r"], p["lora.dropout"]) for p in stages["recall"]] == [(4, 0.03)] and "precision" not in stages


def test_a_precision_limited_winner_gets_more_dropout(tmp_path: Path) -> None:
    stages = minority(tmp_path, recall=0.7, precision=0.4)
    assert [(p["lora.r"], p["lora.dropout"]) for p in stages["precision"]] == [(4, 0.1)] and "recall" not in stages


def test_a_winner_on_the_edge_is_followed_one_step(tmp_path: Path) -> None:
    tried = [5e-5, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3]
    every = sorted({float(f"{rate * factor:.10g}") for rate in tried for factor in (0.5, 0.75, 1, 1.25, 1.5)})
    axes = {"training.learning_rate": [*every, 0.1], "training.seed": [42, 43, 44]}
    path = table(tmp_path, axes, lambda p: flat(2 - 100 * p["training.learning_rate"]))
    stages, reasons, _ = run(tmp_path, path, "procedure=learning_rate")
    assert [p["training.learning_rate"] for p in stages["coarse"]] == [5e-5, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3]
    assert "training.learning_rate=0.0016 (1.8400) is the best of 6" in reasons["coarse"]
    assert "0.0016 is the largest value swept" in reasons["coarse"]  # and says so: one step, no more


def test_a_bound_keeps_the_edge_from_being_followed(tmp_path: Path) -> None:
    axes = {"training.lr_scheduler_type": ["linear"], "training.seed": [42, 43, 44]}
    axes |= {"training.learning_rate": [5e-5, 1e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4]}
    path = table(tmp_path, axes, lambda p: flat(2 - 100 * p["training.learning_rate"]))
    columns = [*path.read_text().splitlines()[0].split(","), "learning_rate"]
    lines = [f"{line}," for line in path.read_text().splitlines()[1:]]
    for step in range(1, 11):
        rate = 1e-6 * 10 ** (step / 2)
        row = {"training.lr_scheduler_type": "range_test", "training.learning_rate": 0.1, "training.seed": 42}
        row |= {"step": 10 * step, "eval_loss": 3.0, "loss": 3.0 if rate < 1e-3 else 30.0, "learning_rate": rate}
        lines.append(",".join(str(row[column]) for column in columns))
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    stages, reasons, _ = run(tmp_path, path, "procedure=learning_rate")
    assert [p["training.learning_rate"] for p in stages["coarse"]] == [5e-5, 1e-4, 2e-4]  # bound 3e-4: 4e-4 is beyond
    assert reasons["coarse"].startswith("training.learning_rate=0.0002 ")


def test_a_lottery_ticket_is_rejected(tmp_path: Path) -> None:
    axes = {"training.learning_rate": [5e-5, 7.5e-5, 1e-4, 1.25e-4, 1.5e-4, 0.1], "training.seed": [42, 43, 44]}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        if p["training.learning_rate"] != 1.5e-4:
            best = p["training.learning_rate"] == 1e-4
            return [{"step": 50 * n, "loss": 2.0, "eval_loss": 2 - n / 100 - best / 10} for n in range(1, 9)]
        spiky = [2.0, 2.0, 2.0, 2.0, 2.0, 9.0, 2.0, 2.0]  # good at one evaluation, beside none
        return [{"step": 50 * n, "loss": spiky[n - 1], "eval_loss": 1.5 if n == 5 else 2.0} for n in range(1, 9)]

    path = table(tmp_path, axes, curve)
    _, reasons, settled = run(tmp_path, path, "procedure=learning_rate")
    assert settled["training.learning_rate"] != 1.5e-4
    assert "rejected as lottery tickets: training.learning_rate=0.00015" in reasons["confirm"]


def test_the_smallest_stable_accumulation_wins(tmp_path: Path) -> None:
    axes = {"training.gradient_accumulation_steps": [1, 2, 4, 8, 16, 32], "training.seed": [42, 43]}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        wild = p["training.gradient_accumulation_steps"] == 1
        return [{"step": n, "loss": 9.0 if wild and n == 8 else 1.0, "eval_loss": 1.0} for n in range(1, 41)]

    stages, _, settled = run(tmp_path, table(tmp_path, axes, curve), "procedure=gradient_accumulation")
    assert [p["training.gradient_accumulation_steps"] for p in stages["coarse"]] == [1, 2, 4, 8, 16, 32]
    assert settled["training.gradient_accumulation_steps"] == 2 and settled["training.max_steps"] == 100
    assert {p["training.gradient_accumulation_steps"] for p in stages["longer"]} == {2, 4, 8}


def test_sets_of_modules_are_compared_at_equal_parameters(tmp_path: Path) -> None:
    axes = {"lora.target_modules": ["q_proj", "all-linear"], "lora.r": [8, 32]}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        narrow = p["lora.target_modules"] == "q_proj"
        parameters = (100 if narrow else 400) * p["lora.r"]
        return flat(1.0 if narrow and p["lora.r"] == 32 else 1.1, trainable_parameters=parameters)

    asked = ("procedure=target_modules", "lora.target_modules=q_proj,all-linear")
    stages, _, settled = run(tmp_path, table(tmp_path, axes, curve), *asked)
    assert [(p["lora.target_modules"], p["lora.r"]) for p in stages["equal_parameters"]] == [("q_proj", 32)]
    assert settled["lora.target_modules"] == "q_proj" and settled["lora.r"] == 32


def test_seeds_that_vary_want_a_longer_warm_up(tmp_path: Path) -> None:
    axes = {"training.warmup_steps": [0, 10, 20, 25, 50, 100, 110], "training.seed": [42, 43, 44]}
    noisy = {42: 1.0, 43: 1.3, 44: 0.8}
    path = table(tmp_path, axes, lambda p: flat(noisy[p["training.seed"]] if p["training.warmup_steps"] < 25 else 1.0))
    stages, reasons, settled = run(tmp_path, path, "procedure=warmup")
    assert {p["training.warmup_steps"] for p in stages["notch_up"]} == {10}
    assert "over 3 seeds" in reasons["notch_up"] and settled["training.warmup_steps"] in {0, 10}


def packing(folder: Path, bleed: float) -> dict[str, Any]:
    axes = {"training.packing": ["false", "true"]}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        on = p["training.packing"] == "true"
        return flat(1.0, tokens_per_s=2000 if on else 1000, bleed_rate=bleed if on else 0.0)

    return run(folder, table(folder, axes, curve), "procedure=packing")[2]


def test_packing_that_is_faster_and_clean_is_on(tmp_path: Path) -> None:
    assert packing(tmp_path, bleed=0.0)["training.packing"] is True


def test_packing_that_bleeds_is_off_however_fast(tmp_path: Path) -> None:
    assert packing(tmp_path, bleed=0.1)["training.packing"] is False


def loftq(folder: Path, losses: Mapping[Any, float]) -> Ran:
    lines = ["lora.init_lora_weights,lora.loftq_iter,step,eval_loss"]
    lines += [f"{'true' if n is None else 'loftq'},{'' if n is None else n},50,{loss}" for n, loss in losses.items()]
    (folder / "t.csv").write_text("\n".join(lines).replace("true,,", "true,none,") + "\n")
    return run(folder, folder / "t.csv", "procedure=loftq", "quantization=nf4")


def test_one_iteration_that_gives_most_of_the_gain_ends_it(tmp_path: Path) -> None:
    _, reasons, settled = loftq(tmp_path, {None: 1.1, 1: 1.001, 4: 1.0})
    assert settled["lora.loftq_iter"] == 1 and reasons["iterations"].startswith("skipped")


def test_iterations_that_pay_are_swept(tmp_path: Path) -> None:
    stages, _, settled = loftq(tmp_path, {None: 1.2, 1: 1.1, 2: 1.05, 4: 1.0, 5: 0.99, 8: 0.9})
    assert [p["lora.loftq_iter"] for p in stages["iterations"]] == [2, 5, 8]  # 1 and 4 are measured
    assert settled["lora.loftq_iter"] == 8


def test_loftq_that_does_not_pay_is_left_out(tmp_path: Path) -> None:
    _, _, settled = loftq(tmp_path, {None: 1.001, 1: 1.001, 4: 1.0})
    assert settled["lora.init_lora_weights"] is True


def test_a_law_is_judged_over_all_ranks(tmp_path: Path) -> None:
    lines = ["lora.r,lora.alpha,seed,step,eval_loss"]
    losses = {(8, 16): 1.1, (16, 32): 1.0, (32, 64): 1.0, (8, 23): 1.05, (32, 45): 1.0, (8, 32): 0.9, (32, 32): 1.5}
    lines += [f"{r},{alpha},{seed},50,{loss}" for (r, alpha), loss in losses.items() for seed in (42, 43, 44)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    _, reasons, settled = run(tmp_path, tmp_path / "t.csv", "procedure=alpha_law")
    # The luckiest trial is a constant alpha's; the best law is not.
    assert reasons["laws"].startswith("lora.alpha_law=per_sqrt_r has the best mean, 1.0167 over 3")
    assert settled["lora.alpha_law"] == "per_sqrt_r"


def scheduled(folder: Path, winner: str, *asked: str) -> dict[str, list[dict[str, Any]]]:
    every = ["linear", "cosine", "cosine_with_min_lr", "warmup_stable_decay", "constant_with_warmup"]
    every += ["polynomial", "reduce_lr_on_plateau", "cosine_with_restarts"]
    axes = {"training.lr_scheduler_type": every, "training.seed": [42, 43]}
    path = table(folder, axes, lambda p: flat(0.9 if p["training.lr_scheduler_type"] == winner else 1.0))
    return run(folder, path, "procedure=scheduler", *asked)[0]


@pytest.mark.parametrize(
    ("winner", "stage", "count"),
    [
        ("cosine", "cosine", 2),
        ("cosine_with_min_lr", "min_lr", 3),
        ("warmup_stable_decay", "decay", 11),
    ],
)
def test_the_winning_schedule_has_its_own_knobs_tuned(tmp_path: Path, winner: str, stage: str, count: int) -> None:
    stages = scheduled(tmp_path, winner)
    knobs = {"cosine", "min_lr", "decay", "restarts", "plateau", "power"} & set(stages)
    assert knobs == {stage} and len(stages[stage]) == count  # what the coarse stage measured is not run again
    assert {p["training.seed"] for p in stages["confirm"]} == {43}


@pytest.mark.parametrize(
    ("winner", "stage", "count"),
    [("reduce_lr_on_plateau", "plateau", 6), ("cosine_with_restarts", "restarts", 2), ("polynomial", "power", 2)],
)
def test_schedules_from_the_shell_have_theirs(tmp_path: Path, winner: str, stage: str, count: int) -> None:
    stages = scheduled(tmp_path, winner, f"training.lr_scheduler_type=linear,{winner}")
    assert [p["training.lr_scheduler_type"] for p in stages["coarse"]][-1] == winner
    assert len(stages[stage]) == count


def test_a_budget_ends_a_procedure_and_more_goes_on(tmp_path: Path) -> None:
    axes = {"lora.r": [4, 8, 16]}
    path = table(tmp_path, axes, lambda p: flat(1 - p["lora.r"] / 100))
    stages, reasons, settled = run(tmp_path, path, "procedure=rank", "sweep.max_trials=2", "training.max_steps=1000")
    assert sum(map(len, stages.values())) == 2 and reasons["ranks"] == "the budget is used up"
    assert "lora.r" not in settled
    stages, reasons, settled = run(tmp_path, path, "procedure=rank", "sweep.max_trials=9", "training.max_steps=1000")
    assert [p["lora.r"] for p in stages["ranks"]] == [4, 8, 16] and settled["lora.r"] == 16


def test_a_walk_ends_one_step_beyond_an_edge(tmp_path: Path) -> None:
    rates = [1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2]
    axes = {"training.learning_rate": rates, "lora.r": [4, 8, 16]}
    path = table(tmp_path, axes, lambda p: flat(2 - 10 * p["training.learning_rate"] + p["lora.r"] / 100))
    own = tmp_path / "conf" / "procedure"
    own.mkdir(parents=True)
    (own / "walking.yaml").write_text(
        "name: walking\nstages:\n  a:\n    vary: {training.learning_rate: [1.0e-3, 2.0e-3, 4.0e-3, 8.0e-3, 1.6e-2]}\n"
        "    walk: training.learning_rate\n    extend: [training.learning_rate]\n"
    )
    stages, reasons, settled = run(tmp_path, path, f"hydra.searchpath=[file://{own.parent}]", "procedure=walking")
    walked = [point["training.learning_rate"] for point in stages["a"]]
    assert walked == [2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2]  # from the middle up, one step beyond, and no further
    assert settled["training.learning_rate"] == 3.2e-2 and "is the best of 5" in reasons["a"]


def test_a_follow_up_is_compared_with_the_winner_so_far(tmp_path: Path) -> None:
    axes = {"lora.r": [4, 8, 16], "lora.dropout": [0.03, 0.05, 0.1]}
    scores = {0.05: 0.80, 0.1: 0.90, 0.03: 0.82}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        f1 = scores[p["lora.dropout"]]
        more = {"eval_minority_recall": 0.4, "eval_minority_precision": 0.7}
        best = [0.5, f1, f1 - 0.05, f1 - 0.1]  # overfits: F1 falls while the loss does
        return [{"step": 50 * n, "loss": 2 - n / 3, "eval_minority_f1": best[n - 1], **more} for n in range(1, 5)]

    path = table(tmp_path, axes, curve)
    asked = ("procedure=rank", "sweep.metric=eval_minority_f1")
    stages, reasons, settled = run(tmp_path, path, *asked)
    assert [p["lora.dropout"] for p in stages["recall"]] == [0.03]
    assert reasons["recall"].startswith("lora.dropout=0.1 (0.9000) is the best of 2")
    assert settled["lora.dropout"] == 0.1


def test_knobs_are_those_of_the_schedule_that_is_held(tmp_path: Path) -> None:
    every = ["linear", "cosine", "cosine_with_min_lr", "warmup_stable_decay", "constant_with_warmup"]
    losses = dict(zip(every, (2.0, 1.8, 1.9, 1.9, 1.5), strict=True))
    axes = {"training.lr_scheduler_type": every, "training.seed": [42, 43]}
    path = table(tmp_path, axes, lambda p: flat(losses[p["training.lr_scheduler_type"]]))
    stages, reasons, settled = run(tmp_path, path, "procedure=scheduler")
    assert "cosine" not in stages and "did not win" in reasons["cosine"]
    assert settled["training.lr_scheduler_type"] == "constant_with_warmup"


def test_failed_trials_are_no_underfitting(tmp_path: Path) -> None:
    path = table(tmp_path, {"lora.r": [99]}, lambda p: flat(1.0))
    stages, reasons, _ = run(tmp_path, path, "procedure=rank")
    assert set(stages) == {"sanity"} and "all failed" in reasons["sanity"]


def test_what_was_unstable_is_said_to_be_left_out(tmp_path: Path) -> None:
    axes = {"training.warmup_steps": [0, 10, 20, 25, 50, 100], "training.seed": [42, 43, 44]}

    def curve(p: Mapping[str, Any]) -> list[Row]:
        wild = p["training.warmup_steps"] == 0
        return [{"step": n, "loss": 9.0 if wild and n == 8 else 1.0, "eval_loss": 1.0 + n / 1e6} for n in range(1, 12)]

    _, reasons, settled = run(tmp_path, table(tmp_path, axes, curve), "procedure=warmup")
    assert "unstable and left out: training.warmup_steps=0" in reasons["coarse"]
    assert settled["training.warmup_steps"] == 10


def test_noise_that_is_measured_late_names_what_was_not_told_apart(tmp_path: Path) -> None:
    axes = {"training.warmup_steps": [0, 10, 20, 25, 50, 100], "training.seed": [42, 43, 44]}
    noisy = {42: 0.0, 43: 0.15, 44: -0.1}
    path = table(tmp_path, axes, lambda p: flat(1 + p["training.warmup_steps"] / 1000 + noisy[p["training.seed"]]))
    reasons = run(tmp_path, path, "procedure=warmup")[1]
    assert "by this noise stage coarse could not tell training.warmup_steps=0 from" in reasons["seeds"]


def test_a_step_to_where_no_trial_can_be_is_not_made(tmp_path: Path) -> None:
    path = table(tmp_path, {"lora.r": [1, 2]}, lambda p: flat(p["lora.r"]))
    own = tmp_path / "conf" / "procedure"
    own.mkdir(parents=True)
    (own / "down.yaml").write_text("name: down\nstages:\n  a: {vary: {lora.r: [1, 2]}, extend: [lora.r]}\n")
    _, reasons, settled = run(tmp_path, path, f"hydra.searchpath=[file://{own.parent}]", "procedure=down")
    assert settled["lora.r"] == 1 and "1 is the smallest value swept" in reasons["a"]
