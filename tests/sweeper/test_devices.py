"""Devices are found without torch, and each worker sees its own alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeper.executors.devices import Device, devices
from sweeper.settings import Executor
from sweeper.space import parse

TWO = "GPU 0: NVIDIA H200 (UUID: GPU-aaa)\nGPU 1: NVIDIA H200 (UUID: GPU-bbb)\n"


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
