"""Passwords and tokens, which stay where they were typed: nothing that is shown or written has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TextIO

HIDDEN = "***"

_WORDS = r"(?:password|passwd|passphrase|pwd|token|secret|api_?key|access_?key|signature|credential)"
_NAMES = rf"(?:[\w-]*{_WORDS}[\w-]*|sig|key|pass|auth|pw)"
_BARE = r"(?:\w*password|passwd|pwd|(?:\w+_)?token|secret|api_?key)"
_BEGINS, _IS = r"""(?:^|[\s'"(,{\[]|\.(?=\w*pass))""", r"""(?:=|['"]?:\s+)"""
_VALUE = r"""(?:\*\*\*|'[^']*'|"[^"]*"|[^\s&"'<>]*)"""
_ENCODED_VALUE = r"""(?:(?!%26|%3B)[^\s&;"'<>])*"""

_LOGINS = (
    # scheme://user:password@host; an @ that was not percent-encoded is part of the password.
    (re.compile(r"(://[^\s/?#@:]*):[^\s/?#]*@"), rf"\1:{HIDDEN}@"),
    # A database's password may hold slashes as well (sqlalchemy/engine/url.py).
    (re.compile(r"(\b(?!https?://)[\w+.-]+://[^\s/?#@:]*):[^\s@]*@"), rf"\1:{HIDDEN}@"),
    # A password with what should have been percent-encoded in it: whatever is no port.
    (re.compile(r"(https?://[^\s/?#@:]*):(?!\d+(?:\W|$)|\*\*\*@)\S*@", re.IGNORECASE), rf"\1:{HIDDEN}@"),
    (re.compile(r"(://[^\s/?#@:]*):(?!\d+(?:\W|$)|\*\*\*@)[^\n\"'<>@]*@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic)\s+)[^\s'\"]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # https://token@host
    (re.compile(r"(https?://)[^\s/?#@:]+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    # A whole URL, percent-encoded.
    (re.compile(r"(%3A%2F%2F[^\s%]*)%3A\S*?%40", re.IGNORECASE), rf"\1%3A{HIDDEN}%40"),
)

_RULES = (
    *_LOGINS,
    # ?password=…&token=…, and the same percent-encoded, as in an odbc_connect.
    (re.compile(rf"((?:[?&;]|%3F|%26|%3B){_NAMES}=){_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"((?:[?&;=]|%3F|%26|%3B|%3D){_NAMES}%3D){_ENCODED_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
    # password=… as drivers write it.
    (re.compile(rf"({_BEGINS}{_BARE}{_IS}){_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
)


Rules = Sequence[tuple[re.Pattern[str], str]]


def redacted(text: str) -> str:
    """Returns a text in which every password or token of a URL is `***`."""
    return _apply(text, _RULES)


def _apply(text: str, rules: Rules) -> str:
    if any(mark in text for mark in ("://", "=", "%", ": ")):
        for pattern, replacement in rules:
            text = pattern.sub(replacement, text)
    return text


def without_logins(value: Any) -> Any:
    """Returns a value as JSON knows it, the passwords of `scheme://user:password@host` left out, and nothing else.

    It is for what is trained with: a prompt may well say `password=`.
    """
    return _through(value, _LOGINS)


def redacted_values(value: Any) -> Any:
    """Returns a value as JSON knows it, with every text in it redacted."""
    return _through(value, _RULES)


def _through(value: Any, rules: Rules) -> Any:
    if isinstance(value, str):
        return _apply(value, rules)
    if isinstance(value, dict):
        return {_through(key, rules): _through(item, rules) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_through(item, rules) for item in value]
    return value


class RedactedStream:
    """A stream for what libraries and tracebacks say: everything else of it is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text without passwords."""
        return self._stream.write(redacted(text))

    def __getattr__(self, name: str) -> Any:
        """Returns whatever else the stream has."""
        return getattr(self._stream, name)
