"""What a row's tokens cost: smoothed, weighed, masked, prompts and all; packed, alone and by brute force."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hand_made import Change, first_loss, masked, train_on, weighed, whole
from packs import Drive, Found

from trainers import sft
from trainers.packed.trainer import PackedTrainer
from trainers.registry import Resources
from trainers.seam import TrialFailed
from trainers.trial import TrialConfig

Made = Callable[..., TrialConfig]

TEMPLATE = "what does it say? {text} :"
STEPS = {"max_steps": 3, "eval_steps": 3, "logging_steps": 1}


@pytest.fixture
def asked(micro_trial: Made) -> Made:
    """Makes a trial of three steps, each of two micro-batches."""
    return lambda **training: micro_trial(
        template=TEMPLATE, learning_rate=3e-3, gradient_accumulation_steps=2, **STEPS, **training
    )


def together(folder: Path, trials: dict[str, TrialConfig], **resources: Any) -> dict[str, Found]:
    return Drive(PackedTrainer(Resources(capacity=3, **resources)), folder / "packed", trials).run()


def alone(folder: Path, trials: dict[str, TrialConfig]) -> dict[str, Found]:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*label_smoothing_factor")
        return Drive(sft.make(Resources()), folder / "alone", trials).run()


def agree(one: Found, other: Found) -> None:
    assert len(one.curve) == len(other.curve) == STEPS["max_steps"], (one.left, other.left)
    for step, point in one.curve.items():
        for key, close in (("loss", 1e-5), ("grad_norm", 1e-4), ("adapter_norm", 1e-5)):
            assert other.curve[step][key] == pytest.approx(point[key], rel=close), (step, key)
    assert other.rungs[3]["eval_loss"] == pytest.approx(one.rungs[3]["eval_loss"], rel=1e-5)


KINDS: dict[str, Change] = {
    "plain": list,
    "weighed": weighed,
    "masked": masked,
    "prompts, too": whole,
    "all at once": lambda rows: weighed(masked(whole(rows))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_what_it_says_packed_and_alone(
    asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    trials = {f"{share}": asked(label_smoothing_factor=share, seed=seed) for seed, share in ((1, 0.1), (2, 0.0))}
    train_on(monkeypatch, KINDS[kind])
    packed, single = together(tmp_path, trials), alone(tmp_path, trials)
    for name, config in trials.items():
        agree(single[name], packed[name])
        assert single[name].curve[1]["loss"] == pytest.approx(first_loss(config, KINDS[kind]), rel=1e-5)
    assert (packed["0.1"].facts["pack.prefix"] == 0) == ("prompts" in kind or "all" in kind)


@pytest.mark.parametrize("key", ["training.completion_only_loss", "data.class_balance"])
def test_what_a_key_asks_for_is_what_is_trained(asked: Made, tmp_path: Path, key: str) -> None:
    """Prompts, or the weights of twelve rows of which three have one label, from a file to a loss."""
    file = tmp_path / "rows.csv"
    lines = [f"row number {number},{'sad' if number % 4 == 0 else 'happy'}" for number in range(16)]
    file.write_text("\n".join(["text,label", *lines]) + "\n")
    plain = asked(label_smoothing_factor=0.1)
    plain = dataclasses.replace(plain, data=dataclasses.replace(plain.data, path=str(file), validation_fraction=0.25))
    group, name = key.split(".")
    value: dict[str, Any] = {name: False if group == "training" else "weights"}
    config = dataclasses.replace(plain, **{group: dataclasses.replace(getattr(plain, group), **value)})
    packed, single = together(tmp_path, {"t": config})["t"], alone(tmp_path, {"t": config})["t"]
    agree(single, packed)
    loss = single.curve[1]["loss"]
    assert loss == pytest.approx(first_loss(config, whole if group == "training" else list), rel=1e-5)
    assert loss != pytest.approx(first_loss(plain), rel=1e-3)


@pytest.mark.parametrize("kind", ["plain", "weighed"])
def test_neighbours_that_smooth_change_nothing(
    asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    shares = {"a": 0.0, "b": 0.1, "c": 0.3}
    trials = {name: asked(label_smoothing_factor=share) for name, share in shares.items()}
    train_on(monkeypatch, KINDS[kind])
    packed = together(tmp_path, trials)
    for name, config in trials.items():
        assert together(tmp_path, {name: config})[name].numbers == packed[name].numbers
    losses = [packed[name].curve[1]["loss"] for name in shares]
    assert len(set(losses)) == 3  # of the same rows


def test_weights_of_one_are_none(asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = {"t": asked()}
    before = together(tmp_path, trials)["t"].numbers, alone(tmp_path, trials)["t"].numbers
    train_on(monkeypatch, lambda rows: [dataclasses.replace(row, weight=1.0) for row in rows])
    assert (together(tmp_path, trials)["t"].numbers, alone(tmp_path, trials)["t"].numbers) == before


def test_a_row_that_weighs_three_is_that_row_three_times(
    asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the gradient of the whole set: what oversampling does as it draws, weights do at once."""
    config = asked(per_device_train_batch_size=64)
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, gradient_accumulation_steps=1))
    found = []
    for change in (
        lambda rows: [*rows, rows[0], rows[0]],
        lambda rows: [dataclasses.replace(rows[0], weight=3.0), *rows[1:]],
    ):
        with monkeypatch.context() as patched:
            train_on(patched, change)
            found += [together(tmp_path, {"t": config})["t"].curve[1], alone(tmp_path, {"t": config})["t"].curve[1]]
    for point in found[1:]:
        assert point["loss"] == pytest.approx(found[0]["loss"], rel=1e-5)
        assert point["grad_norm"] == pytest.approx(found[0]["grad_norm"], rel=1e-4)


@pytest.mark.parametrize("kind", ["masked", "weighed"])
def test_rows_that_trl_packs_keep_masks_and_weights(
    asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With all rows in one update, packing changes no row's loss."""
    whole_set = asked(packing=True, per_device_train_batch_size=8, max_length=60, label_smoothing_factor=0.1)
    train_on(monkeypatch, KINDS[kind])
    found = alone(tmp_path, {"t": whole_set})["t"]
    in_one = dataclasses.replace(whole_set.training, per_device_train_batch_size=64)
    wanted = first_loss(dataclasses.replace(whole_set, training=in_one), KINDS[kind])
    assert found.curve[1]["loss"] == pytest.approx(wanted, rel=1e-4)


def test_an_update_in_which_nothing_counts_changes_nothing(
    asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(rows: Any) -> Any:
        return [dataclasses.replace(row, trained=(False,) * len(row.completion)) for row in rows]

    train_on(monkeypatch, none)
    for found in (together(tmp_path, {"t": asked()})["t"], alone(tmp_path, {"t": asked()})["t"]):
        assert [point["loss"] for point in found.curve.values()] == [0.0] * 3


def test_two_losses_at_once_are_refused(asked: Made, tmp_path: Path) -> None:
    found = alone(tmp_path, {"t": asked(label_smoothing_factor=0.1, kwargs={"loss_type": "dft"})})["t"]
    assert "training.kwargs.loss_type" in found.left[0].reason  # type: ignore[union-attr]


# -- groups of like length, noise -------------------------------------------------------------------------------------


def test_rows_in_order_of_their_lengths_train_packed_as_alone(micro_trial: Made, tmp_path: Path) -> None:
    """Fourteen rows, sixteen steps: into a second epoch."""
    steps = {"per_device_train_batch_size": 1, "max_steps": 16, "eval_steps": 16, "logging_steps": 1}
    ways = ("random", "group_by_length")
    trials = {way: micro_trial(learning_rate=1e-3, train_sampling_strategy=way, **steps) for way in ways}
    packed, single = together(tmp_path, trials), alone(tmp_path, trials)
    for way in ways:
        assert len(single[way].curve) == 16
        for step, point in single[way].curve.items():
            assert packed[way].curve[step]["loss"] == pytest.approx(point["loss"], rel=1e-5)
    losses = [[point["loss"] for point in packed[way].curve.values()] for way in ways]
    assert losses[0] != losses[1]


def test_noise_on_the_embeddings_ends_with_its_trial(asked: Made, tmp_path: Path) -> None:
    """It changes the curve, not the evaluation of what was not trained, and nothing of the trials after it."""
    still = asked()
    noisy = dataclasses.replace(still, training=dataclasses.replace(still.training, neftune_noise_alpha=20.0))
    found = alone(tmp_path, {"before": still, "noisy": noisy, "after": still})
    assert found["noisy"].curve[1]["loss"] != found["before"].curve[1]["loss"]
    assert found["after"].numbers == found["before"].numbers
    for name, config in (("still", still), ("noisy", noisy)):  # at such a rate nothing is learnt
        kept = dataclasses.replace(config, training=dataclasses.replace(config.training, learning_rate=1e-30))
        found[name] = alone(tmp_path / name, {"t": kept})["t"]
    assert found["noisy"].curve[1]["loss"] != found["still"].curve[1]["loss"]
    assert found["noisy"].rungs == found["still"].rungs


def test_a_trial_that_fails_leaves_no_noise_behind(
    asked: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sft._measure

    def measure(config: TrialConfig, *more: Any) -> dict[str, float]:
        if config.training.neftune_noise_alpha is not None:
            raise TrialFailed("broken")
        return real(config, *more)

    monkeypatch.setattr(sft, "_measure", measure)
    found = alone(tmp_path, {"before": asked(), "noisy": asked(neftune_noise_alpha=20.0), "after": asked()})
    assert found["noisy"].left[0].reason == "broken"  # type: ignore[union-attr]
    assert found["after"].numbers == found["before"].numbers
