"""Where a prompt ends and its completion begins: no token may lie on both sides.

Most tokenizers write a word with the blank before it, so blanks belong to the completion. A line break they write with
what stands before it, `:` and the break as one token (GPT-4's pattern, which Llama 3 and Qwen took over), or by itself
(GPT-2, Gemma): it belongs to the prompt.
"""

from __future__ import annotations

BLANKS = " \t"


def moved(prompt: str, completion: str) -> tuple[str, str]:
    """Returns prompt and completion with the prompt's last blanks on the completion's side; joined they are the same.

    A prompt of blanks alone stays as it is: something must precede the completion.
    """
    kept = prompt.rstrip(BLANKS)
    return (kept, prompt[len(kept) :] + completion) if kept else (prompt, completion)


def separator(template: str) -> str:
    """Returns what stands between every prompt of a template and the label behind it.

    That is whatever blanks the template ends with; one blank where it ends with a word, and nothing where it ends with
    a line break.
    """
    ending = template[len(template.rstrip(BLANKS)) :]
    return ending or ("" if template.endswith("\n") else " ")
