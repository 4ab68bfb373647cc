"""ROUGE (Lin 2004) of free answers, as Google's rouge-score computes it, by torchmetrics.

The tokens are rouge-score's own for English: runs of a-z and 0-9 in lower case, without stemming. That would drop every
other script, so that letters, digits and marks of all scripts are kept here, and what is written without spaces between
words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is compared sign by sign.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

KINDS = ("rouge1", "rouge2", "rougeL")

# Thai and Lao, Burmese, Khmer, kana, ideographs.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_OF_WORDS = ("L", "N", "M")  # Unicode's categories of letters, numbers and marks


def tokens(text: str) -> list[str]:
    """Returns the tokens that ROUGE counts; of ASCII text, those of rouge-score without a stemmer."""
    signs = (sign if unicodedata.category(sign)[0] in _OF_WORDS else " " for sign in _normal(text))
    return _TOKEN.findall("".join(signs))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def scores(answers: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Returns the mean F-measures `rouge1`, `rouge2` and `rougeL` of some answers, from 0 to 1.

    Args:
        answers: What was said, at least one.
        references: What should have been said.
    """
    from torchmetrics.functional.text.rouge import rouge_score  # two seconds, for those who ask

    found = rouge_score(answers, references, rouge_keys=KINDS, normalizer=_as_it_is, tokenizer=tokens)
    return {kind: float(found[f"{kind}_fmeasure"]) for kind in KINDS}


def _as_it_is(text: str) -> str:
    return text
