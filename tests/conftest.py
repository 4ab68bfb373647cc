"""A micro model, a handful of rows, and the command line as a user runs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from shell import Shell

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub's client: no test asks it for anything
# Before torch and NumPy: several test processes share the cores, where threads that wait for each other cost
# five times the work (the Gaussian process: 68 s of processor time with two threads, 14 s with one).
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["LORA_SWEEPER_REPORT"] = "false"  # thousands of sweeps: those that are about the report ask for it

SENTENCES = {
    "happy": [
        "what a lovely morning",
        "we laughed all day",
        "so glad you came",
        "best cake ever",
        "joy filled the room",
    ],
    "sad": [
        "i miss her so much",
        "tears all night",
        "the house is empty now",
        "nobody wrote back",
        "grief sat with us",
    ],
}


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of twenty labelled rows."""
    lines = ["text,label"]
    for repeat in ("", " again"):
        lines += [f"{text}{repeat},{label}" for label, texts in SENTENCES.items() for text in texts]
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def micro_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of a few thousand parameters, as `save_pretrained` leaves it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    words = [text for texts in SENTENCES.values() for text in texts] + [" happy sad"] * 20
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<pad>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(words, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.2,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    folder = tmp_path_factory.mktemp("micro") / "model"
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Recorded curves of rank 8 and 16 at two learning rates, three rungs each."""
    lines = ["lora.r,training.learning_rate,step,eval_loss,eval_macro_f1,seconds"]
    for r in (8, 16):
        for learning_rate in (1e-4, 2e-4):
            for step in (10, 20, 30):
                loss = 2 - 0.01 * step - 0.01 * r - 1000 * learning_rate
                lines.append(f"{r},{learning_rate},{step},{loss:.4f},{1 - loss / 3:.4f},{step / 10}")
    path = tmp_path / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def micro_sweep(micro_model: Path, rows: Path) -> Callable[..., list[str]]:
    """The overrides of a sweep that trains for a second."""

    def overrides(*more: str) -> list[str]:
        return [
            "model=path",
            f"model.path={micro_model}",
            "model.name=micro",
            "data=path",
            "data.name=rows",
            f"data.path={rows}",
            "data.validation_fraction=0.3",
            "training.max_steps=6",
            "training.eval_steps=2",
            "training.logging_steps=1",
            "training.warmup_steps=0",
            *more,
        ]

    return overrides


LONG = {
    *("test_equality.py", "test_processes.py", "test_generated_commands.py", "test_two_hundred_trials.py"),
    *("test_stores_away.py", "test_passwords.py", "test_training.py", "test_disk.py"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long tests first: at the end of the run one worker would finish them while the other waits."""
    items.sort(key=lambda item: item.path.name not in LONG)
