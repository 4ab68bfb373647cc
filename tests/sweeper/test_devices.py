"""Devices are found without torch, and each worker sees its own alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeper import gpu_memory
from sweeper.executors.devices import Device, devices
from sweeper.settings import Executor
from sweeper.space import parse
from trainers.trial import Data, Lora, Model, Quantization, Training, TrialConfig

TWO = "0, GPU-aaa, NVIDIA H200, 143771, 0\n1, GPU-bbb, NVIDIA H200, 143771, 100000\n"


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An `nvidia-smi` that knows two GPUs."""
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\nprintf '{TWO}'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "found"),
    [(None, ["0", "1"]), ("1", ["1"]), ("1,0", ["1", "0"]), ("GPU-bbb", ["GPU-bbb"]), ("", []), ("-1", [])],
)
@pytest.mark.usefixtures("two_gpus")
def test_visible_gpus(monkeypatch: pytest.MonkeyPatch, visible: str | None, found: list[str]) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    gpus = [device.gpu for device in devices(Executor(workers=2)) if device.gpu is not None]
    assert gpus == found


@pytest.mark.usefixtures("two_gpus")
def test_the_cpu_when_asked_for() -> None:
    assert devices(Executor(devices="cpu", workers=3)) == [Device()] * 3


@pytest.mark.usefixtures("two_gpus")
def test_gpus_by_number() -> None:
    assert devices(Executor(devices=[1])) == [Device("1")]


def test_numbers_are_a_list_not_an_axis() -> None:
    space, problems = parse(["executor.devices=0,2", "lora.r=4,8"], lambda key: [])
    assert not problems and space.fixed == ("executor.devices=[0,2]",) and len(space.axes) == 1


def test_a_worker_sees_its_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    Device().claim()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    Device("1").claim()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1" and Device("1").name == "cuda:0"


def test_threads_share_the_cores() -> None:
    cores = len(os.sched_getaffinity(0))
    assert len(devices(Executor(devices="cpu", threads=1))) == cores
    assert len(devices(Executor(devices="cpu", threads=10 * cores))) == 1


@pytest.fixture
def big_model(tmp_path: Path) -> Path:
    """A folder whose safetensors header tells of seven billion weights, none of which are there."""
    import json
    import struct

    folder = tmp_path / "big"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    shapes = {
        "model.embed_tokens.weight": [32_000, 4096],
        "model.layers.0.up.weight": [1_677_722, 4096],
        "norm": [4096],
    }
    entries = {name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    header = json.dumps(entries)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header.encode())
    return folder


@pytest.mark.parametrize(
    ("quantization", "dtype", "gib"),
    [("none", "auto", 13.04), ("none", "float32", 26.1), ("int8", "auto", 6.64), ("nf4", "auto", 3.55)],
)
def test_what_weights_need_at_least(big_model: Path, quantization: str, dtype: str, gib: float) -> None:
    model = Model("big", str(big_model), dtype=dtype)  # type: ignore[arg-type]
    found = gpu_memory.least_gib(model, Quantization(quantization))  # type: ignore[arg-type]
    assert found == pytest.approx(gib, rel=0.01)


def test_files_that_are_not_at_hand_say_nothing(tmp_path: Path) -> None:
    unbuilt = Model("tiny", "bundled:tiny", cache_dir=str(tmp_path))
    assert gpu_memory.least_gib(unbuilt, Quantization()) is None
    assert gpu_memory.least_gib(Model("hub", "nobody/no-such-model"), Quantization()) is None


def smi(folder: Path, rows: str) -> None:
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\nprintf '{rows}'\n")


@pytest.mark.parametrize(
    ("used", "total", "says"),
    [
        (0, 8000, ["is too small", "13.0 of its 7.8 GiB"]),
        (10_000, 16_000, ["is occupied: others hold 9.8 GiB"]),
        (0, 16_000, []),
    ],
)
@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_the_weights_do_not_fit_is_named(
    tmp_path: Path, big_model: Path, used: int, total: int, says: list[str]
) -> None:
    smi(tmp_path, f"0, GPU-a, NVIDIA T4, {total}, {used}\\n")
    config = TrialConfig(Model("big", str(big_model)), Quantization(), Lora(8, 16), Data("d", "d"), Training(1e-4))
    problems = list(gpu_memory.problems(Executor(), config))
    assert len(problems) == bool(says) and all(word in str(problem) for problem in problems for word in says)


@pytest.mark.usefixtures("two_gpus")
def test_an_occupied_gpu_is_worth_a_word() -> None:
    (found,) = gpu_memory.occupied(Executor())
    assert found.value == "1" and "others hold 97.7 of its 140.4 GiB" in found.rule


@pytest.mark.usefixtures("two_gpus")
def test_memory_that_is_not_told_is_not_judged(tmp_path: Path) -> None:
    smi(tmp_path, "0, GPU-a, NVIDIA GB10, [N/A], [N/A]\\n")
    assert not list(gpu_memory.occupied(Executor()))
