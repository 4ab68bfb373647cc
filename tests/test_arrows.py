"""The one-way arrows: conf -> sweeper -> trainers, sweeper -> analysis."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "trainers": {"hydra", "omegaconf", "optuna", "mlflow", "sweeper", "analysis", "hydra_plugins"},
    "analysis": {"torch", "transformers", "peft", "trl", "hydra", "omegaconf", "optuna", "sweeper", "trainers"},
    "sweeper": {"torch", "transformers", "peft", "trl", "bitsandbytes"},
}
ALWAYS_LIGHT = ["sweeper.cli", "analysis.cli"]


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_sources_import_only_along_the_arrows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = {str(file.relative_to(ROOT)): imports(file) & FORBIDDEN[package] for file in files}
    assert {file: names for file, names in wrong.items() if names} == {}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("package", ["trainers", "analysis"])
def test_a_fresh_process_loads_nothing_against_the_arrows(package: str) -> None:
    files = (ROOT / package).rglob("*.py")
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    statement = "import " + ", ".join(name for name in names if not name.endswith("__main__"))
    assert loaded_by(statement) & FORBIDDEN[package] == set()


def test_the_driver_never_loads_torch() -> None:
    assert loaded_by("import sweeper.session, sweeper.run") & FORBIDDEN["sweeper"] == set()


@pytest.mark.parametrize("module", ALWAYS_LIGHT)
def test_help_loads_nothing_heavy(module: str) -> None:
    statement = f"""
import sys
from {module} import main
sys.argv = ["x", "--help"]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
"""
    assert loaded_by(statement) & {"torch", "pandas", "mlflow", "optuna", "transformers"} == set()
