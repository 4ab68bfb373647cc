"""What a figure depends on besides the code: the card, its driver, the libraries."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata

import torch

_LIBRARIES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate", "triton")


def card(device: torch.device) -> str:
    """Returns the device's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def facts(device: torch.device) -> dict[str, str]:
    """Returns what to write above a table."""
    versions = [f"{name} {version}" for name in _LIBRARIES if (version := _version(name))]
    cuda = {"Driver": _driver(), "CUDA": str(torch.version.cuda)} if device.type == "cuda" else {}
    return {"Card": card(device), **cuda, "Python": platform.python_version(), "Libraries": ", ".join(versions)}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _driver() -> str:
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"
