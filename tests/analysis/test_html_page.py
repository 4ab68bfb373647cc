"""A report as one page."""

from __future__ import annotations

import re

from analysis.html_page import html

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'
PAGE = html(
    """# Report of a

## Ranking

| Place | Name |
| ----: | ---- |
|     1 | a\\|b |

![eval\\_loss of "all" <b>](figures/slices.svg)

## Winner

```yaml
lora:
  r: 8  # <i>
```

## Winner

<script>alert(1)</script> [go](javascript:alert(1)) <img src=x onerror=alert(1)>

![elsewhere](https://example.org/x.png) [Winner](#winner)
""",
    'a </title><script>x</script> "report"',
    {"figures/slices.svg": SVG},
)


def test_the_page_loads_nothing_and_forbids_scripts() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', PAGE)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not re.search(r'<script|<link|<iframe|src="(?!data:)|@import|url\(|\sstyle=', PAGE)


def test_pictures_are_in_the_file_with_words_for_who_cannot_see_them() -> None:
    assert 'src="data:image/svg+xml;base64,PD94' in PAGE
    assert 'alt="eval_loss of &quot;all&quot; &lt;b&gt;"' in PAGE


def test_a_picture_from_elsewhere_is_only_its_words() -> None:
    assert "example.org" not in PAGE
    assert "<em>elsewhere</em>" in PAGE


def test_user_text_never_becomes_markup() -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in PAGE
    assert "<title>a &lt;/title&gt;&lt;script&gt;" in PAGE
    assert 'href="javascript' not in PAGE
    assert "# &lt;i&gt;" in PAGE


def test_tables_scroll_and_numbers_stand_right() -> None:
    assert '<div class="table"><table>' in PAGE
    assert '<td class="right">1</td>' in PAGE
    assert "<td>a|b</td>" in PAGE


def test_contents_lead_to_the_headings_even_where_two_are_called_the_same() -> None:
    links = re.findall(r'<li><a href="#([^"]*)">', PAGE)
    assert links == ["ranking", "winner", "winner-1"]
    assert all(f'<h2 id="{link}">' in PAGE for link in links)


def test_pages_of_one_or_two_sections_need_no_contents() -> None:
    assert "<nav" not in html("# a\n\n## b\n\n## c", "a", {})
