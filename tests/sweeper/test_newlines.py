"""A line break can be typed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.arrivals import understood


def test_a_template_and_prompts_break_where_it_is_typed(table: Path) -> None:
    typed = [r'data.template="Review: {text}\nRating:"', r'data.validation_prompts=["one\ntwo"]']
    made = understood(table, "lora.r=8,16", *typed)
    config, problems = made.composer.trial({"lora.r": 8})
    assert config is not None and not problems
    assert (config.data.template, config.data.validation_prompts) == ("Review: {text}\nRating:", ["one\ntwo"])
