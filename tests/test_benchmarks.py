"""The GPU's benchmark runs from end to end on a CPU, with a micro model, and needs nothing but `trainers`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_arrows import FORBIDDEN, ROOT

CODE = """
import sys
from benchmarks import packed_gpu
packed_gpu.main(["--small", "--out", sys.argv[1]])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.train
def test_the_gpu_benchmark_fills_its_tables_and_imports_only_trainers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()[-1].split()) & FORBIDDEN["trainers"] == set()
    (file,) = tmp_path.iterdir()
    text = file.read_text()
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert [len(table) - 2 for table in tables] == [4, 2, 1]
    cells = [cell.strip() for table in tables for line in table[2:] for cell in line.strip("|").split("|")[1:4]]
    assert [cell for cell in cells if not cell.rstrip("x").replace(".", "").replace("e-", "").isdigit()] == []
    assert "in a pass gain" in text
