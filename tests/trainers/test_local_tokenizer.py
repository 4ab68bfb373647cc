"""A tokenizer is read from a folder as training reads it, and without torch where that is possible."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from trainers.local_tokenizer import local_tokenizer


def test_a_dry_run_of_a_llama_does_without_torch(micro_model: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from trainers import preview
from trainers.data import Example
from trainers.local_tokenizer import local_tokenizer
shown = preview.preview(1, Example("so", " happy"), local_tokenizer(Path({str(micro_model)!r})), 60)
print(shown.text, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "so⟦ happy</s>⟧ False\n"


def test_it_is_the_one_that_training_reads(micro_model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made, known = local_tokenizer(micro_model), AutoTokenizer.from_pretrained(micro_model)
    assert made is not None and type(made) is type(known) and made.get_vocab() == known.get_vocab()
    assert made("so happy")["input_ids"] == known("so happy")["input_ids"]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((micro_model / name).read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3"}))
    assert type(local_tokenizer(tmp_path)) is type(AutoTokenizer.from_pretrained(tmp_path))
