"""`bundled:tiny`: a Llama of about 0.85 million parameters, made on one CPU core in about half a minute.

It is for trying the tool on a machine with neither a network nor a GPU, not for conclusions about models: it knows
little more than which words of 1,597 sentences occur together, and it was tuned so that a LoRA adapter can teach it the
bundled classification task within 200 steps. What is a good rank or learning rate here says nothing about real models.

It is made of text alone: the bundled training sentences, whose label column is never read (`text`), and the topics of
Python's own documentation. The names of the six emotions are known to the `tokenizer` as words of a prompt; one is the
answer to a sentence's exercise only where the sentence itself has the word. The exercises' instructions resemble the
bundled task's prompt on purpose, and the constants were chosen with adapters' scores on labelled rows in view.

Where a constant names a "score", it is the mean validation macro-F1 of three adapters after 200 steps at a learning
rate of 4e-3 (rank 8 with seeds 42 and 1, rank 16 with seed 42): 0.55 as built, and 0.55 with another SHUFFLING_SEED.

The steps, one file each: `tokenizer`, `bags`, `vectors`, `starting_point`, `items`, `exercises`, `batches`,
`pretraining`.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from trainers.tiny import bags, batches, exercises, items, pretraining, starting_point, text, tokenizer, vectors

SHUFFLING_SEED = 3
"""Of the order of the sequences and the words in the instructions; any number does, a fixed one makes builds equal."""

WEIGHTS_SEED = 0
"""Of everything torch draws: the projections of the vectors and the weights that do not start from them."""


def build(folder: Path) -> None:
    """Builds the tiny model; the same libraries on the same processor give the same bytes.

    An interrupted build leaves nothing at `folder`. The caller's random state and number of threads stay as they are.

    Args:
        folder: Where it will be, in the format of `save_pretrained`; must not exist yet.
    """
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a build that was killed
    try:
        with _one_thread(), _own_random_state():
            _write(unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(folder: Path) -> None:
    rng = random.Random(SHUFFLING_SEED)
    sentences, documents = text.sentences(), text.documentation()
    made = tokenizer.train(sentences, documents)
    present = bags.presence(sentences, made)
    model = starting_point.model(vectors.vectors(present), made)
    drawn = [*items.reading(documents, made, rng), *exercises.exercises(sentences, present, made, rng)]
    pretraining.train(model, batches.batches(drawn, rng), bags.expected_tokens(present))
    model.save_pretrained(folder)
    made.save_pretrained(folder)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """More threads would change the order of additions with the machine, and gain nothing at this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _own_random_state() -> Iterator[None]:
    # Only the CPU's generator is seeded and restored: torch.manual_seed would seed the GPUs' as well.
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(WEIGHTS_SEED)
        yield
