"""Token vectors from co-occurrence in sentences, so that words of one meaning start out close to each other.

Factorising the matrix of positive pointwise mutual information (PPMI) is what skip-gram does implicitly; done
explicitly it takes a second (Levy & Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

SIZE = 128
"""Of a vector: the model's hidden size."""

SCALE = 0.088
"""Standard deviation of a coordinate, 1/sqrt(SIZE): vectors have length 1."""

CONTEXT_SMOOTHING = 0.75
"""Exponent of the context counts, which keeps rare contexts from dominating (Mikolov et al. 2013, section 2.2)."""

FEWEST_SENTENCES = 2
"""Tokens of fewer sentences get no vector: their neighbours are chance."""

OVERSAMPLING, ITERATIONS = 10, 3
"""Of the randomised SVD: more singular vectors than needed, and power iterations (Halko et al. 2011, section 4)."""


@dataclass(frozen=True)
class Vectors:
    """`values` of shape (vocabulary, SIZE), and a mask of shape (vocabulary,) of the tokens that have one."""

    values: torch.Tensor
    known: torch.Tensor


def vectors(present: torch.Tensor) -> Vectors:
    """Makes vectors of tokens; draws from torch's global generator.

    Args:
        present: 1 where a sentence has a token and 0 elsewhere, of shape (sentences, vocabulary).

    Returns:
        Vectors of length 1, as near to each other as the tokens' contexts are alike.
    """
    left, singular, _ = torch.svd_lowrank(_ppmi(present), q=SIZE + OVERSAMPLING, niter=ITERATIONS)
    # Singular vectors are sorted by importance; a rotation spreads it over all coordinates, and so over all heads.
    rotation = torch.linalg.qr(torch.randn(SIZE, SIZE))[0]
    raw = (left * singular.sqrt())[:, :SIZE] @ rotation
    length = raw.norm(dim=1, keepdim=True)
    return Vectors(raw / (length + 1e-9) * SIZE**0.5 * SCALE, length[:, 0] > 1e-3)


def _ppmi(present: torch.Tensor) -> torch.Tensor:
    """Returns max(0, ln(p(token, context) / (p(token) p(context)))), of shape (vocabulary, vocabulary)."""
    together = (present.T @ present).fill_diagonal_(0)
    count = together.sum(1)
    context = count**CONTEXT_SMOOTHING
    information = (together * context.sum() / torch.outer(count, context)).log()
    ppmi = information.nan_to_num(nan=0, posinf=0, neginf=0).clamp(min=0)
    rare = present.sum(0) < FEWEST_SENTENCES
    return ppmi.masked_fill(rare[:, None] | rare, 0)
