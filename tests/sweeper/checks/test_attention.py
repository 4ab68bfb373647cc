"""Attention that is not there stops a command before it trains."""

from __future__ import annotations

import dataclasses

import pytest
from made_up_scenes import scene

from sweeper.checks import attention
from sweeper.finding import Finding
from sweeper.scene import Hardware


def findings(asked: str | None, kind: str = "cuda") -> list[Finding]:
    found = scene(hardware=Hardware(kind))  # type: ignore[arg-type]
    model = dataclasses.replace(found.config.model, attn_implementation=asked)
    return list(attention.check(dataclasses.replace(found, config=dataclasses.replace(found.config, model=model))))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages that are there."""
    there: set[str] = set()
    monkeypatch.setattr(attention, "is_installed", there.__contains__)
    return there


@pytest.mark.parametrize("asked", [None, "eager", "sdpa", "flex_attention"])
def test_what_torch_brings_is_no_finding(installed: set[str], asked: str | None) -> None:
    assert findings(asked) == findings(asked, "cpu") == []


def test_a_name_that_transformers_does_not_know_is_an_error(installed: set[str]) -> None:
    (found,) = findings("flash")
    assert found.severity == "error" and "flash_attention_2" in found.rule
    assert found.remedy == "model.attn_implementation=sdpa"


@pytest.mark.parametrize(
    ("asked", "package"), [("flash_attention_2", "flash-attn"), ("kernels-community/flash-attn2", "kernels")]
)
def test_a_package_that_is_missing_is_named(installed: set[str], asked: str, package: str) -> None:
    (found,) = findings(asked)
    assert (found.severity, found.number) == ("error", f"{package} is not installed")
    assert found.remedy == f"model.attn_implementation=sdpa, or pip install {package}"
    installed.add(package)
    assert findings(asked) == []


def test_flash_attention_needs_a_gpu(installed: set[str]) -> None:
    installed.add("flash-attn")
    (found,) = findings("flash_attention_2", "cpu")
    assert found.severity == "error" and "GPU" in found.rule
    installed.add("kernels")  # which has builds for other devices
    assert findings("flash_attention_2", "cpu") == []


def test_what_is_installed_is_known_without_importing_it() -> None:
    assert attention.is_installed("torch") and not attention.is_installed("flash-attn-5")
