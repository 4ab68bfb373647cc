"""What a model would answer greedily, as far as scoring the labels has shown it already."""

from __future__ import annotations

from collections.abc import Sequence

from trainers.label_tree import Answers


def walked(choices: Sequence[Sequence[int]], answers: Answers) -> tuple[int | None, list[int]]:
    """Follows a model's first choices from answer to answer, as long as they stay within the answers.

    Args:
        choices: The model's first choice at each token of each answer, everything before it being the answer's own.
        answers: Token ids of each; none begins with another, since all end with the end of the sequence.

    Returns:
        The answer that greedy decoding makes, None where it leaves them all; and its tokens, the one with which it
        leaves included.
    """
    path: list[int] = []
    along = list(range(len(answers)))
    while along:
        depth = len(path)
        path.append(choices[along[0]][depth])
        along = [index for index in along if answers[index][depth] == path[-1]]
        ended = next((index for index in along if len(answers[index]) == depth + 1), None)
        if ended is not None:
            return ended, path
    return None, path
