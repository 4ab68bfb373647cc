"""A page of Markdown as one HTML file that needs nothing else: it opens offline, and prints."""

from __future__ import annotations

import base64
import hashlib
import html as entities
import itertools
import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from analysis.html_style import STYLE

_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def html(markdown: str, title: str, pictures: Mapping[str, bytes]) -> str:
    """Returns a page as one file, without scripts and without anything that is loaded from elsewhere.

    Args:
        markdown: GitHub Markdown. HTML in it is shown, not obeyed.
        title: Of the window, as plain text.
        pictures: SVG, PNG or JPEG by the address that the Markdown has for them; of others only the words are shown.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = parser.parse(markdown)
    _name_headings(tokens)
    _class_cells(tokens)
    _place_pictures(tokens, pictures)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    body = parser.renderer.render(tokens, parser.options, {})
    return _PAGE.format(
        policy=_policy(), title=entities.escape(title), style=STYLE, contents=_contents(tokens), body=body
    )


# No scripts, fonts, frames or connections; pictures are those in the file, and the one style is named by its hash.
def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div class="page">
{contents}<main>
{body}</main>
</div>
</body>
</html>
"""


def _name_headings(tokens: Sequence[Token]) -> None:
    """Gives every heading the name that GitHub gives it, so that links within a page lead there."""
    seen: dict[str, int] = {}
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open":
            name = re.sub(r"[^\w\- ]", "", _words(inside).lower()).replace(" ", "-")
            count = seen[name] = seen.get(name, -1) + 1
            token.attrSet("id", f"{name}-{count}" if count else name)


def _words(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in {"text", "code_inline"})


def _contents(tokens: Sequence[Token]) -> str:
    """Returns links to the headings of the second level, where there are at least three."""
    links = [
        f'<li><a href="#{entities.escape(str(token.attrGet("id")))}">{entities.escape(_words(inside))}</a></li>'
        for token, inside in itertools.pairwise(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    ]
    return f'<nav aria-label="Contents"><ul>\n{"".join(links)}\n</ul></nav>\n' if len(links) > 2 else ""


def _class_cells(tokens: Sequence[Token]) -> None:
    """Has the columns to the right by a class: a style at the cell would need a wider policy."""
    for token in tokens:
        if token.type in {"th_open", "td_open"} and (style := token.attrs.pop("style", None)):
            token.attrSet("class", str(style).removeprefix("text-align:"))


def _place_pictures(tokens: Sequence[Token], pictures: Mapping[str, bytes]) -> None:
    for child in (child for token in tokens for child in token.children or ()):
        if child.type == "image":
            content = pictures.get(str(child.attrGet("src")))
            child.attrSet("src", "" if content is None else _data(content))


def _data(content: bytes) -> str:
    kind = next((kind for start, kind in _KINDS.items() if content.startswith(start)), "image/svg+xml")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    alt = entities.escape(self.renderInlineAsText(token.children, options, env))
    if not token.attrGet("src"):
        return f"<em>{alt}</em>"
    return f'<span class="picture"><img src="{token.attrGet("src")}" alt="{alt}"></span>'


def _table_open(self: RendererHTML, *_: Any) -> str:
    return '<div class="table"><table>\n'


def _table_close(self: RendererHTML, *_: Any) -> str:
    return "</table></div>\n"
