"""What a worker has to itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeper import hardware
from sweeper.settings import Executor

SMI = """#!/bin/sh
case "$1" in
  *compute_cap*) printf '0, GPU-aaa, 9.0\\n1, GPU-bbb, {older}\\n' ;;
  *memory*) printf '0, GPU-aaa, NVIDIA H200, 143360, 0\\n1, GPU-bbb, NVIDIA H200, 143360, 102400\\n' ;;
  *) printf '0\\n1\\n' ;;
esac
"""


def smi(folder: Path, monkeypatch: pytest.MonkeyPatch, older: str = "9.0") -> None:
    (folder / "nvidia-smi").write_text(SMI.replace("{older}", older))
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_workers_share_what_a_machine_has_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9999 kB\nMemAvailable:    8388608 kB\n")
    monkeypatch.setattr(hardware, "_MEMINFO", tmp_path / "meminfo")
    found = hardware.hardware_of(Executor(devices="cpu", workers=4))
    assert (found.kind, found.memory_gib, found.has_bf16) == ("cpu", 2.0, True)


def test_the_fullest_gpu_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, monkeypatch)
    found = hardware.hardware_of(Executor())
    assert (found.kind, found.name, found.memory_gib, found.has_bf16) == ("cuda", "NVIDIA H200", 40.0, True)
    assert hardware.hardware_of(Executor(devices=[0])).memory_gib == 140.0


@pytest.mark.parametrize(("older", "has_bf16"), [("7.5", False), ("8.0", True), ("[N/A]", True)])
def test_bfloat16_is_there_where_all_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: str, has_bf16: bool
) -> None:
    smi(tmp_path, monkeypatch, older)
    assert hardware.hardware_of(Executor()).has_bf16 is has_bf16


def test_memory_that_is_not_told_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_MEMINFO", tmp_path / "nothing")
    assert hardware.hardware_of(Executor(devices="cpu")).memory_gib is None


def test_what_computes_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n")
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Some Processor\n")
    monkeypatch.setattr(hardware, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "cpuinfo")
    found = hardware.computing(Executor(devices="cpu", workers=4, threads=2))
    assert (found["kind"], found["name"], found["workers"], found["threads"]) == ("cpu", "Some Processor", 4, 2)
    assert found["memory_gib"] == 16.0 and found["cores"] >= 1 and found["host"] and found["platform"]
    assert hardware.computing(Executor(name="inline", devices="cpu", workers=4))["workers"] == 1
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "nothing")
    assert hardware.computing(Executor(devices="cpu"))["name"]


def test_gpus_are_told_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, monkeypatch)
    found = hardware.computing(Executor())
    assert (found["kind"], found["name"], found["workers"], found["memory_gib"]) == ("cuda", "NVIDIA H200", 2, 140.0)
