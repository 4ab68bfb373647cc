"""Generated commands: understood or refused in words, never a traceback, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeper.application import CONF
from sweeper.precheck import Line, problems

FILES = {file.parent.name: OmegaConf.load(file) for file in sorted(Path(CONF).glob("*/*.yaml"))}
KEYS = sorted(f"{group}.{key}" for group, config in FILES.items() for key in config)
GROUPS = sorted(FILES)

keys = st.one_of(
    st.sampled_from(KEYS),
    st.sampled_from(GROUPS),
    st.sampled_from(KEYS).map(lambda key: key[:-1]),
    st.text("abc._+~@/", min_size=1, max_size=8),
)
scalars = st.one_of(
    st.integers(-3, 100).map(str),
    st.floats(allow_nan=True).map(str),
    st.sampled_from(
        ["null", "true", "[]", "{}", "[1,2]", "{a:1}", "''", "???", "${lora.r}", "${nope}", "nf4", "tpe", "none"]
    ),
    st.text(max_size=6),
)
spaces = st.one_of(
    st.lists(scalars, min_size=2, max_size=3).map(",".join),
    st.lists(scalars, max_size=3).map(lambda items: f"choice({','.join(items)})"),
    st.tuples(scalars, scalars).map(lambda pair: f"interval({pair[0]},{pair[1]})"),
    st.tuples(scalars, scalars).map(lambda pair: f"tag(log,interval({pair[0]},{pair[1]}))"),
    st.tuples(scalars, scalars).map(lambda pair: f"range({pair[0]},{pair[1]})"),
    scalars.map(lambda item: f"glob({item})"),
)
overrides = st.tuples(keys, st.one_of(scalars, spaces)).map("=".join)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(command=st.lists(overrides, min_size=1, max_size=4), multirun=st.booleans())
def test_no_command_breaks_the_check(
    command: list[str], multirun: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    before = Path.cwd()
    os.chdir(folder)
    try:
        found = problems(Line(command, multirun), CONF)
    finally:
        os.chdir(before)
    assert all(str(problem) and problem.rule and problem.remedy for problem in found)
    assert list(folder.iterdir()) == []
