"""Names stay in their folder, text is text, and nothing that lies around is run."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from shell import Shell

from analysis import naming
from analysis.markdown import escape, table
from sweeper import rules
from sweeper.decision_page import Decided, page
from trainers import base_model
from trainers.seam import TrialFailed
from trainers.trial import Model, Quantization

ROOT = Path(__file__).parents[1]
NASTY = "a|b`c`<script>x</script>[x](javascript:alert(1))\n# d\r\x1b[31m\u202e"


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    """A payload that works: whoever unpickles it leaves a file."""
    made = Payload(tmp_path / "executed")
    pickle.loads(pickle.dumps(made))
    assert made.file.exists()
    made.file.unlink()
    return made


@pytest.fixture
def model_folder(tmp_path: Path, micro_model: Path) -> Path:
    return Path(shutil.copytree(micro_model, tmp_path / "model"))


def load(folder: Path, **more: Any) -> base_model.Base:
    return base_model.load(Model("m", str(folder), **more), Quantization(), torch.device("cpu"))


def configured(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("key", ["sweep.name", "sweep.dir", "tracking.experiment"])
@pytest.mark.parametrize("value", ["", "a\0b", "a\nb", "x\x1b[31m", "x" * 600])
def test_names_that_no_place_takes(key: str, value: str) -> None:
    (found,) = rules.broken(rules.SETTINGS_RULES, {key: value})
    assert found.key == key and "must" in found.rule and found.remedy.startswith(f"{key}=")


@pytest.mark.parametrize(
    "value", ["../x", "/tmp/x", ".", "..", "-x", "é", "a b", "x" * 201, "a\\b", "s'or'1", ".cache"]
)
def test_a_sweeps_name_cannot_leave_its_folder(value: str) -> None:
    assert list(rules.broken(rules.SETTINGS_RULES, {"sweep.name": value}))
    assert not list(rules.broken(rules.SETTINGS_RULES, {"sweep.name": "x" * 200}))
    assert not list(rules.broken(rules.SETTINGS_RULES, {"sweep.dir": value})) or value == "x" * 300


def test_odd_names_are_told_and_write_nothing(shell: Shell) -> None:
    done = shell.sweep("sweep.name=../x", "sweep.dir=''", "tracking.experiment=''")
    assert done.returncode == 2 and "3 problems" in done.stderr, done.stderr
    assert list(shell.folder.iterdir()) == []
    assert shell.report("leaderboard", "../x").returncode == 1 and list(shell.folder.iterdir()) == []


def test_text_is_no_markup() -> None:
    shown = escape(NASTY)
    assert re.search(r"(?<!\\)[|`<>\[\]]", shown) is None and not set("\n\r\x1b\u202e") & set(shown)
    assert all("\n" not in line and "\x1b" not in line for line in table([{"Data": NASTY}], plain=True))
    decided = page({NASTY: Decided(NASTY, {"numbers": {"values": {NASTY: 1.0}, NASTY: 2}}, NASTY)}, "eval_loss")
    assert re.search(r"(?<!\\)[`<>\[\]]", decided) is None and "\x1b" not in decided and "\n# d" not in decided
    name = naming.trial_name(1, r=8, alpha=16, dropout=0.0, scheduler="linear", data=NASTY)
    assert not set("\n\r\x1b") & set(name)


def test_names_of_data_and_models_reach_no_terminal_and_no_note_raw(shell: Shell, table: Path) -> None:
    """The file is one of the user's own: YAML can hold what a shell cannot."""
    for group in ("data", "model"):
        (shell.folder / "mine" / group).mkdir(parents=True)
        default = (ROOT / "conf" / group / ("emotion.yaml" if group == "data" else "tiny.yaml")).read_text()
        text = re.sub(r"^name: .*$", lambda _: f"name: {json.dumps(NASTY)}", default, flags=re.MULTILINE)
        (shell.folder / "mine" / group / "own.yaml").write_text(text)
    base = (
        "--config-dir",
        "mine",
        "data=own",
        "model=own",
        "trainer=replay",
        f"replay.table={table}",
        "executor=inline",
    )
    done = shell.sweep("-m", *base, "sweep.name=s", "lora.r=8", "training.learning_rate=1e-4,9", "model.name=m,n")
    assert done.returncode == 0, done.stderr
    plan = shell.sweep("-m", *base, "sweep.name=s", "lora.r=8", "training.learning_rate=1e-4", "sweep.dry_run=true")
    told = [shell.report("leaderboard", "--format", kind) for kind in ("md", "csv", "json")]
    for text in (done.stdout, done.stderr, plan.stdout, *(item.stdout for item in told)):
        assert "\x1b" not in text and "\r" not in text and "\u202e" not in text
    client = MlflowClient(f"sqlite:///{shell.folder / 'mlflow.db'}")
    (run,) = client.search_runs(["1"], "tags.kind = 'sweep'")
    for page_ in (run.data.tags["mlflow.note.content"], (shell.folder / "runs/s/leaderboard.md").read_text()):
        assert "<script>" not in page_ and "\x1b" not in page_ and "\n# d" not in page_ and "c\\`\\<script\\>" in page_


def test_weights_that_are_a_pickle_are_not_read(shell: Shell, model_folder: Path, payload: Payload) -> None:
    for name in ("pytorch_model.bin", "adapter_model.bin", "training_args.bin"):
        torch.save(payload, model_folder / name)
    (model_folder / "model.safetensors").unlink()
    done = shell.sweep("model=path", f"model.path={model_folder}", "executor=inline")
    assert done.returncode == 2 and "reading one can run anything" in done.stderr, done.stderr
    with pytest.raises(TrialFailed, match=r"cannot be loaded: .*safetensors"):
        load(model_folder)
    assert not payload.file.exists() and not (shell.folder / "runs").exists()


def test_a_models_own_code_needs_to_be_asked_for_by_name(shell: Shell, model_folder: Path, payload: Payload) -> None:
    code = f"import pathlib\npathlib.Path({str(payload.file)!r}).touch()\n"
    (model_folder / "evil.py").write_text(f"{code}\nclass Config: pass\nclass Model: pass\n")
    configured(model_folder, auto_map={"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"})
    load(model_folder)  # of a kind that transformers has itself
    configured(model_folder, model_type="evil", architectures=["Model"])
    done = shell.sweep("model=path", f"model.path={model_folder}", "executor=inline")
    assert done.returncode == 2 and "try: model.trust_remote_code=true" in done.stderr, done.stderr
    with pytest.raises(TrialFailed, match=r"holds code of its own.*model.trust_remote_code=true"):
        load(model_folder)
    assert not payload.file.exists()
    with pytest.raises(Exception):  # noqa: B017 - whatever such a Config brings about: it was run
        load(model_folder, trust_remote_code=True)
    assert payload.file.exists()


@pytest.mark.parametrize("path", ["folder", "folder/train.pkl", "folder/folder.py"])
def test_data_are_read_and_never_run(shell: Shell, payload: Payload, path: str) -> None:
    folder = shell.folder / "folder"
    folder.mkdir()
    (folder / "train.pkl").write_bytes(pickle.dumps(payload))
    (folder / "folder.py").write_text(f"import pathlib\npathlib.Path({str(payload.file)!r}).touch()\n")
    done = shell.sweep("data=path", "data.name=d", f"data.path={path}", "executor=inline")
    assert done.returncode == 2 and f"data.path={path}" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not payload.file.exists()


def test_no_command_opens_a_server_to_the_network() -> None:
    """`mlflow` binds to 127.0.0.1 by itself."""
    places = [ROOT / "README.md", ROOT / "Makefile", *(ROOT / "docs").glob("*.md"), *(ROOT / "conf").rglob("*.yaml")]
    places += [file for folder in ("sweeper", "analysis") for file in (ROOT / folder).rglob("*.py")]
    assert any("mlflow ui" in place.read_text() for place in places)
    for place in places:
        assert not re.search(r"--host(?![ =]127\.0\.0\.1)|0\.0\.0\.0|MLFLOW_HOST", place.read_text()), place
