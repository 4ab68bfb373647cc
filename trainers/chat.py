"""Conversations as token ids, rendered by a chat template, with the assistant's turns marked for the loss.

Four ways, the first that a tokenizer and its template allow:

markers: the template encloses what the assistant says in `{% generation %}`, or TRL has a training template for it that
does (`trl.chat_template_utils.get_training_chat_template`): masks equal those of TRL's `assistant_only_loss`;
turns: what a turn adds to the rendering of all before it, the prompt for the answer aside, is what the assistant said;
last: earlier turns read otherwise once others follow (templates that drop old reasoning), so the last answer alone;
chatml: the tokenizer has no template, so ChatML stands in, each answer ended by the tokenizer's end of sequence.
"""

from __future__ import annotations

import datetime
import functools
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from trainers.chat_ways import Way
from trainers.seam import TrialFailed
from trainers.special_tokens import special_ids

Message = Mapping[str, Any]

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""For tokenizers without a template. `<|im_end|>` would be many ordinary tokens to them, so that a model could not be
heard to end: its own end-of-sequence token ends an answer."""

TODAY = datetime.date(2024, 7, 26)
"""For templates that write today's date: the one that Llama 3.1's falls back to. With the true one, trials of a sweep
that goes on over midnight would be trained on other tokens."""

_DATES = re.compile(r"""strftime_now\((['"])([^'"]*)\1\)""")
_PROBE = "0"  # a text that hardly any answer begins with
_PARTS = (
    "the model's chat template leaves out what is said: it takes lists of text and images, which are not supported; "
    "try the model's sibling for text, or rows of prompt and completion"
)

_MARKERS = re.compile(r"\{%-?\s*generation\s*-?%\}")  # as in trl.chat_template_utils.has_generation_markers


@dataclass(frozen=True)
class Conversation:
    """A rendered conversation: its ids, which of them the loss counts, and which way told them apart.

    `has_merged` is True where the template takes no system message, so that it stands before the first user's text.
    """

    ids: tuple[int, ...]
    trained: tuple[bool, ...]
    way: Way
    has_merged: bool = False


class Chat:
    """A tokenizer's chat template, or what stands in for it."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        own = tokenizer.chat_template
        own = own.get("default") if isinstance(own, dict) else own
        self.is_own = bool(own)
        self.template = _undated(trained_by_trl(own) or own) if own else CHATML
        self._has_markers = _MARKERS.search(self.template) is not None and tokenizer.is_fast
        self._special = special_ids(tokenizer)

    def conversation(self, messages: Sequence[Message], place: str = "") -> Conversation:
        """Renders a conversation up to its last answer: what follows that is never trained on.

        Args:
            messages: Its turns.
            place: Where it stands, for who has to mend it.

        Raises:
            TrialFailed: The template refuses it, or writes none of what is said.
        """
        answered = _to_last_answer(messages)
        if not answered:
            return Conversation((), (), "turns")
        if not self._takes_text:
            raise TrialFailed(_PARTS)
        taken, has_merged = self._taken(answered, place)
        ids, trained, way = self._marked(taken) or self._by_turns(taken) or self._last(taken)
        return Conversation(tuple(ids), tuple(trained), way, has_merged)

    def question(self, text: str) -> list[int]:
        """Returns the ids of what a user says, ready to be answered."""
        return self._ids([{"role": "user", "content": text}], add_generation_prompt=True)

    def ends(self, answers: Iterable[Sequence[int]]) -> set[int]:
        """Returns the special tokens with which answers end: a turn's end need not be that of a sequence.

        Args:
            answers: The ids of each, with the token that ends it, where it is not cut.
        """
        last = (next((token for token in reversed(ids) if token in self._special), None) for ids in answers)
        return {token for token in last if token is not None}

    def _taken(self, messages: Sequence[Message], place: str) -> tuple[list[Message], bool]:
        """Returns the turns as the template takes them, and whether the system's had to be merged for that."""
        try:
            self._ids(messages)
            return list(messages), False
        except TemplateError as error:
            merged = _without_system(messages)
            if merged is None:
                raise self._refused(error, place) from None
        try:
            self._ids(merged)
        except TemplateError as error:
            raise self._refused(error, place) from None
        return merged, True

    @functools.cached_property
    def _takes_text(self) -> bool:
        """True where what is said changes what is rendered: not in templates for lists of parts, of text and images."""
        one, other = ([{"role": role, "content": text} for role in ("user", "assistant")] for text in ("a", _PROBE))
        try:
            return self._ids(one) != self._ids(other)
        except TemplateError:  # it asks for something else; each conversation is told by itself
            return True

    @staticmethod
    def _refused(error: TemplateError, place: str) -> TrialFailed:
        where = f"{place}: " if place else ""
        return TrialFailed(
            f"{where}the model's chat template does not take this conversation ({error}); try turns of user and "
            "assistant that alternate, begun by the user"
        )

    def _marked(self, messages: Sequence[Message]) -> tuple[list[int], list[bool], Way] | None:
        if not self._has_markers:
            return None
        made = self._rendered(messages, return_assistant_tokens_mask=True)
        trained = [bool(counts) for counts in made["assistant_masks"]]
        return (list(made["input_ids"]), trained, "markers" if self.is_own else "chatml") if any(trained) else None

    def _by_turns(self, messages: Sequence[Message]) -> tuple[list[int], list[bool], Way] | None:
        """Marks what each answer adds; None where a rendering is no beginning of the next."""
        whole = self._ids(messages)
        trained = [False] * len(whole)
        for at, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            try:
                begin = self._before(messages, at)
                end = self._ids(messages[: at + 1])
            except TemplateError:
                return None
            if whole[: len(end)] != end or end[: len(begin)] != begin:
                return None
            trained[len(begin) : len(end)] = [True] * (len(end) - len(begin))
        return whole, trained, "turns"

    def _last(self, messages: Sequence[Message]) -> tuple[list[int], list[bool], Way]:
        """Marks the last answer from where it diverges from the prompt for it, as TRL does for a completion."""
        whole = self._ids(messages)
        try:
            begin = common_prefix(self._before(messages, len(messages) - 1), whole)
        except TemplateError:
            begin = 0
        return whole, [False] * begin + [True] * (len(whole) - begin), "last"

    def _before(self, messages: Sequence[Message], at: int) -> list[int]:
        """Returns what an answer follows; where it opens the conversation, what the template writes before any text."""
        if at:
            return self._ids(messages[:at], add_generation_prompt=True)
        some, other = (self._ids([{**messages[0], "content": text}]) for text in (messages[0]["content"], _PROBE))
        return some[: common_prefix(some, other)]

    def _ids(self, messages: Sequence[Message], **how: Any) -> list[int]:
        return list(self._rendered(messages, **how)["input_ids"])

    def _rendered(self, messages: Sequence[Message], **how: Any) -> Mapping[str, Any]:
        asked = [dict(message) for message in messages]
        made: Mapping[str, Any] = self._tokenizer.apply_chat_template(
            asked, chat_template=self.template, tokenize=True, return_dict=True, **how
        )
        return made


def common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Returns how many ids two sequences begin with alike."""
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def trained_by_trl(template: str) -> str | None:
    """Returns TRL's version of a template with generation markers, None where it has none or needs none.

    Read from TRL's files: importing it takes four seconds, which a dry run has better uses for.
    """
    found = importlib.util.find_spec("trl")
    if found is None or found.origin is None or _MARKERS.search(template) is not None:
        return None
    folder = Path(found.origin).parent / "chat_templates"
    for file in folder.glob("*_training.jinja"):
        original = folder / file.name.replace("_training", "")
        if original.is_file() and original.read_text(encoding="utf-8") == template:
            return file.read_text(encoding="utf-8")
    return None


def _undated(template: str) -> str:
    """Returns a template that writes the same date on every day."""
    return _DATES.sub(lambda found: f"'{TODAY.strftime(found[2])}'", template)


def _to_last_answer(messages: Sequence[Message]) -> list[Message]:
    last = max((at for at, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return list(messages[: last + 1])


def _without_system(messages: Sequence[Message]) -> list[Message] | None:
    """Returns the turns with the system's text before the user's first; None where they do not begin that way."""
    if [message["role"] for message in messages[:2]] != ["system", "user"]:
        return None
    system, user = messages[:2]
    return [{**user, "content": f"{system['content']}\n\n{user['content']}"}, *messages[2:]]
