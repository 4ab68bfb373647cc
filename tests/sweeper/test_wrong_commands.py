"""Wrong commands: one message with everything, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from sweeper import cli

COMMANDS: list[tuple[str, list[str]]] = [
    # lists of texts
    ("diagnosis.alarms=diverged", ["should be a valid list", "try: 'diagnosis.alarms=[diverged]'"]),
    ("data.validation_prompts=[null]", ["each should be a valid string", "try: data.validation_prompts=[text]"]),
    # keys that do not exist, set or swept
    ("lora.rnk=4", ["lora.rnk=4", "try: lora.r"]),
    ("training.learnin_rate=1e-4", ["try: training.learning_rate"]),
    ("learning_rate=1e-4", ["try: training.learning_rate"]),
    ("lr=1e-4", ["lr=1e-4", "no such parameter"]),
    ("sweep.ntrials=3", ["try: sweep.n_trials"]),
    ("executor.worker=3", ["try: executor.workers"]),
    *(
        (f"trainer.capacity={wrong}", ["1 problem", wrong, "whole number from 1 on"])
        for wrong in ("0", "-1", "x", "1.5")
    ),
    ("trainer=sft trainer.capacity=4", ["trainer.capacity=4"]),
    ("+foo=1", ["foo=1", "no such parameter"]),
    ("+lora.foo=1", ["lora.foo=1"]),
    ("-m lora.rnk=4,8", ["lora.rnk=4,8", "try: lora.r"]),
    ("-m lora.rnk=4,8 training.leraning_rate=1,2 quantisation=nf4,none", ["3 problems", "try: quantization"]),
    ("training.warmup_ratio=0.1", ["try: training.warmup_steps=0.1"]),
    ("training.max_seq_length=128", ["try: training.max_length"]),
    ("+training.kwargs.group_by_length=true", ["train_sampling_strategy"]),
    ("+lora.kwargs.use_dorra=true", ["try: +lora.kwargs.use_dora=True"]),
    ("lora.kwargs.use_dora=true", ["marked with +"]),
    ("+training.kwargs.output_dir=x", ["decided by the tool"]),
    ("-m +lora.kwargs.r=4,8", ["lora.kwargs.r=4", "try: lora.r=4"]),
    ("lr=3e-4 batch_size=4", ["try: training.learning_rate=3e-4", "try: training.per_device_train_batch_size=4"]),
    ("-m seed=1,2", ["seed=1,2", "try: training.seed=1,2"]),
    ("n_trials=5", ["try: sweep.n_trials=5"]),
    ("lora.lora_dropout=0.1", ["try: lora.dropout=0.1"]),
    ("training.bf16=true", ["try: model.dtype=bfloat16"]),
    ("training.report_to=wandb", ["tracking.uri"]),
    ("+experiment=foo", ["--config-dir"]),
    ("sweep.metric=accuracy", ["1 problem", "try: sweep.metric=eval_accuracy"]),
    ("sweep.metric=loss", ["1 problem", "try: sweep.metric=eval_loss"]),
    # Hydra's own
    ("-m lora.r=8,16 hydra/sweeper=optuna", ["hydra/sweeper=optuna", "try: sampler=tpe"]),
    ("-m lora.r=8,16 hydra/launcher=joblib", ["hydra/launcher=joblib", "executor.workers=2"]),
    ("-m lora.r=8,16 hydra.sweeper.n_jobs=2", ["try: executor.workers=2"]),
    ("-m lora.r=8,16 hydra.sweeper.n_trials=9", ["try: sweep.n_trials=9"]),
    ("--config-dir nowhere lora.r=8", ["--config-dir=nowhere", "no such folder"]),
    ("-m lora.r=8, 16", ["lora.r=8,: ends with a comma", "16: is no KEY=VALUE"]),
    ("-m training.learning_rate=loguniform(1e-5,1e-3) sweep.n_trials=3", ["tag(log,interval(1e-5,1e-3))"]),
    ("-m lora.r=interval(1,inf) sweep.n_trials=3", ["lora.r=interval(1.0,inf)", "finite numbers"]),
    ("-m sampler=grid lora.r=4,8,16 sweep.n_trials=2", ["sweep.n_trials=2", "the grid has 3 points"]),
    (
        "-m lora.dropout=interval(0,0.1) sweep.n_trials=3 sampler._target_=optuna.samplers.BruteForceSampler",
        ["cannot draw from this space", "try: sampler=tpe"],
    ),
    ("-m lora.r=8,16 sampler=tpe +sampler.kwargs.n_startup_trials=abc sweep.n_trials=2", ["n_startup_trials", "abc"]),
    # groups and their options
    ("quantization=4bit", ["try: quantization=nf4"]),
    ("model=meta-llama/Llama-3.2-1B", ["try: model.path=meta-llama/Llama-3.2-1B"]),
    ("trainer=sfft", ["trainer=sfft", "replay, sft", "try: trainer=sft"]),
    ("quantization=nf8", ["int8, nf4, none", "try: quantization=nf4"]),
    ("-m quantization=none,nf5", ["quantization=nf5", "try: quantization=nf4"]),
    ("lora=4", ["lora is a group", "default"]),
    ("model=gpt", ["model is a group"]),
    ("sampler=bayes", ["sampler is a group", "tpe"]),
    ("pruner=hyperspeed", ["pruner is a group"]),
    ("data=emotions", ["try: data=emotion"]),
    ("procedure=rank", ["a procedure has many trials"]),
    ("-m procedure=rnk", ["procedure is a group", "try: procedure=rank"]),
    ("-m procedure=rank lora.alpha=16,32", ["lora.alpha=16,32", "no stage that varies it"]),
    ("-m procedure=rank training.learning_rate=-1", ["training.learning_rate=-1"]),
    ("search_space=loar", ["search_space is a group", "try: search_space=lora"]),
    ("search_space=lora", ["need a multirun"]),
    ("-m search_space=lora", ["sweep.n_trials=None", "how many trials"]),
    ("-m search_space=lora,scheduler sweep.n_trials=9", ["search_space=lora,scheduler"]),
    (
        "-m search_space=lora sweep.n_trials=9 search_space.training.learning_rate.low=1",
        ["search_space.training.learning_rate=interval(1,0.0008)", "smaller"],
    ),
    (
        "-m search_space=lora sweep.n_trials=9 search_space.training.learning_rate.lo=1e-6",
        ["marked with +", "try: search_space.training.learning_rate.low"],
    ),
    ("-m search_space=lora sweep.n_trials=9 +search_space.lora.rank.values=[1]", ["lora.rank", "no such parameter"]),
    # samplers and pruners of one's own
    ("-m lora.r=4,8 sampler._target_=optuna.samplers.Nope sweep.n_trials=2", ["sampler._target_", "is no class"]),
    ("-m lora.r=4,8 sampler._target_=os.system sweep.n_trials=2", ["sampler._target_=os.system", "is no class"]),
    ("-m lora.r=4,8 sampler._target_=optuna.pruners.NopPruner sweep.n_trials=2", ["is no optuna sampler"]),
    ("-m lora.r=4,8 pruner._target_=optuna.samplers.TPESampler", ["is no optuna pruner", "try: pruner=median"]),
    ("-m lora.r=4,8 sampler=tpe +sampler.kwargs.foo=1 sweep.n_trials=2", ["sampler.kwargs", "foo"]),
    ("-m lora.r=4,8 sampler.name=tpa", ["sampler.name=tpa", "auto, grid, qmc"]),
    ("-m lora.r=4,8 pruner=asha pruner.kwargs.reduction_factor=1", ["pruner.kwargs", "reduction_factor >= 2"]),
    ("-m lora.r=4,8 pruner=patient pruner.kwargs.patience=-1", ["patience cannot be negative"]),
    ("-m lora.r=4,8 pruner=halving pruner.kwargs.reduction_factor=1", ["try: pruner.kwargs.reduction_factor=2"]),
    ("-m lora.r=4,8 pruner=halving +pruner.kwargs.rungs=1", ["pruner.kwargs.rungs=1", "no such setting"]),
    # where things are recorded
    ("sweep.keep_adapters=top", ["sweep.keep_adapters=top", "try: sweep.keep_adapters=top:3"]),
    ("sweep.keep_adapters=top:0", ["sweep.keep_adapters=top:0"]),
    ("tracking.uri=sqlite:////no/such/folder/m.db", ["no folder /no/such/folder"]),
    ("tracking.uri=./mlruns", ["plain folders"]),
    ("tracking.uri=foo://bar", ["foo is no kind of store"]),
    ("tracking.uri=sqlite:foo", ["tracking.uri=sqlite:foo", "no database's URL"]),
    ("tracking.experiment=", ["tracking.experiment=", "must have a name"]),
    ("sweep.storage=redis://localhost", ["sweep.storage", "no kind of store"]),
    ("sweep.keep_adapters=3", ["try: sweep.keep_adapters=top:3"]),
    ("-m lora.r=8,16 pruner=halving pruner.kwargs.reduction_factor=2.5", ["try: pruner.kwargs.reduction_factor=2"]),
    ("sweep.storage=sqlite:////no/such/folder/s.db", ["sweep.storage", "no folder"]),
    # what must be given
    ("model=path", ["model.path=???", "must be given"]),
    ("data=path", ["data.path=???", "must be given"]),
    ("model=path data=path", ["2 problems"]),
    ("trainer=replay", ["replay.table"]),
    # values out of bounds
    ("lora.r=0", ["lora.r=0", "at least 1", "try: lora.r=8"]),
    ("lora.r=-4", ["lora.r=-4"]),
    ("lora.r=2.5", ["lora.r=2.5", "integer"]),
    ("lora.r=eight", ["lora.r=eight", "integer"]),
    ("-m lora.r=0,8", ["lora.r=0"]),
    ("lora.dropout=-0.1", ["lora.dropout=-0.1", "at least 0 and below 1"]),
    ("lora.dropout=1", ["lora.dropout=1"]),
    ("lora.gain=0", ["lora.gain=0"]),
    ("lora.gain=-2", ["lora.gain=-2"]),
    ("lora.r=1 lora.gain=0.2", ["rounds alpha to 0"]),
    ("lora.alpha=0", ["lora.alpha=0"]),
    ("lora.alpha=16 lora.gain=2", ["lora.alpha=16", "only one"]),
    ("-m lora.alpha=16,32 lora.gain=2", ["lora.alpha=16", "lora.alpha=32"]),
    ("lora.gain=null", ["lora.gain=None", "needs a gain"]),
    ("lora.target_modules=[]", ["lora.target_modules=[]", "at least one module"]),
    ("lora.bias=some", ["lora.bias=some", "none", "lora_only"]),
    ("lora.dtype=float8", ["lora.dtype=float8"]),
    ("lora.init_lora_weights=pisa", ["lora.init_lora_weights=pisa", "pissa", "try: lora.init_lora_weights=true"]),
    ("lora.init_lora_weights=loftq", ["nothing is quantized", "try: quantization=nf4"]),
    ("lora.init_lora_weights=loftq quantization=int8", ["lora.loftq_bits=4", "lora.loftq_bits=8 or quantization=nf4"]),
    ("lora.init_lora_weights=loftq quantization=nf4 lora.loftq_bits=8", ["stores 4 bits", "quantization=int8"]),
    ("lora.init_lora_weights=loftq quantization=nf4 lora.loftq_iter=0", ["lora.loftq_iter=0", "at least 1"]),
    ("lora.init_lora_weights=loftq quantization=nf4 +lora.kwargs.use_dora=true", ["DoRA", "use_dora=false"]),
    (
        "lora.init_lora_weights=loftq quantization=int8 lora.loftq_bits=8 quantization.llm_int8_has_fp16_weight=true",
        ["stay in 16 bits", "llm_int8_has_fp16_weight=false"],
    ),
    (
        "quantization=nf4 lora.loftq_bits=4 lora.loftq_iter=1",
        ["2 problems", "would be ignored", "try: lora.init_lora_weights=loftq"],
    ),
    ("lora.loftq_bits=5", ["lora.loftq_bits=5", "4"]),
    ("+lora.kwargs.init_lora_weights=loftq", ["try: lora.init_lora_weights=loftq"]),
    ("+lora.kwargs.loftq_config={loftq_bits:4}", ["has keys of its own", "lora.loftq_iter=4"]),
    ("lora.use_rslora=maybe", ["lora.use_rslora=maybe", "boolean"]),
    ("training.learning_rate=nan", ["training.learning_rate=nan"]),
    ("training.learning_rate=inf", ["training.learning_rate=inf"]),
    ("training.learning_rate=0", ["training.learning_rate=0"]),
    ("training.learning_rate=fast", ["training.learning_rate=fast", "number"]),
    ("training.max_steps=0", ["training.max_steps=0", "num_train_epochs"]),
    ("training.num_train_epochs=0", ["training.num_train_epochs=0"]),
    ("training.eval_steps=0", ["training.eval_steps=0"]),
    ("training.logging_steps=0", ["training.logging_steps=0"]),
    ("training.early_stopping_patience=0", ["training.early_stopping_patience=0", "at least 1"]),
    ("training.early_stopping_patience=2.5", ["training.early_stopping_patience=2.5", "integer"]),
    ("training.warmup_steps=-1", ["training.warmup_steps=-1"]),
    ("training.weight_decay=-0.1", ["training.weight_decay=-0.1"]),
    ("training.max_length=1", ["training.max_length=1"]),
    ("training.per_device_train_batch_size=0", ["training.per_device_train_batch_size=0"]),
    ("training.gradient_accumulation_steps=0", ["training.gradient_accumulation_steps=0"]),
    ("training.seed=-1", ["training.seed=-1"]),
    ("data.max_samples=0", ["data.max_samples=0"]),
    ("data.validation_fraction=1", ["data.validation_fraction=1"]),
    ("data.augmentation_factor=1", ["data.augmentation_factor=1", "at least 2", "try: data.augmentation_factor=3"]),
    ("data.augmentation=easy", ["data.augmentation=easy", "none|eda"]),
    ("executor.workers=0", ["executor.workers=0"]),
    ("executor.threads=0", ["executor.threads=0"]),
    ("executor.devices=tpu", ["executor.devices=tpu", "auto"]),
    ("executor.devices=97", ["executor.devices=[97]", "this machine shows", "try: executor.devices=auto"]),
    ("-m executor.devices=0,97", ["this machine shows"]),
    ("sweep.direction=down", ["sweep.direction=down", "minimize"]),
    # spaces
    ("lora.r=8,16", ["several values need a multirun", "lora-sweep -m lora.r=8,16"]),
    ("-m sampler=tpe lora.r=8,16", ["sweep.n_trials", "how many"]),
    ("-m sampler=tpe lora.r=8,16 sweep.n_trials=0", ["sweep.n_trials=0"]),
    ("-m sampler=tpe lora.r=8,16 sweep.max_hours=0", ["sweep.max_hours=0"]),
    ("-m sampler=tpe lora.r=8,16 sweep.timeout_s=-1", ["sweep.timeout_s=-1"]),
    ("-m sampler=grid lora.dropout=interval(0,0.1)", ["a grid needs lists"]),
    ("-m lora.dropout=interval(0.1,0) sweep.n_trials=3", ["smaller"]),
    ("-m training.learning_rate=tag(log,interval(0,1e-3)) sweep.n_trials=3", ["above 0"]),
    ("-m quantization=glob(x*)", ["at least one value"]),
    ("-m lora.r=range(0,1e300)", ["at most 10,000 values"]),
    ("-m lora.r=range(1,8,0)", ["a step"]),
    ("-m training.learning_rate=range(0,inf)", ["finite bounds"]),
    ("-m training.learning_rate=range(nan,1)", ["finite bounds"]),
    ("-m quantization=range(1,3)", ["quantization is a group"]),
    ("-m lora.r=choice(8", ["not Hydra's syntax"]),
    ("-m sampler=tpe,random lora.r=8,16", ["sampler=tpe,random", "one value for all trials"]),
    ("-m executor.workers=1,2", ["executor.workers"]),
    ("sweep.metric=f1", ["sweep.metric=f1", "eval_macro_f1"]),
    ("sweep.metric=minority_f1", ["sweep.metric=minority_f1", "try: sweep.metric=eval_minority_f1"]),
    ("sweep.metric=minority_threshold", ["sweep.metric=minority_threshold", "measured are"]),
    ("sweep.metric=rougeL", ["try: sweep.metric=eval_rougeL"]),
    ("sweep.metric=outside_rate", ["try: sweep.metric=eval_outside_rate"]),
    ("sweep.metric=eval_confidence", ["whether more eval_confidence is better is not known", "sweep.direction"]),
    ("sweep.metric=eval_f1/hapy", ["the labels are happy, sad, anger", "try: sweep.metric=eval_f1/happy"]),
    ("sweep.metric=eval_rougeL", ["is for texts", "try: sweep.metric=eval_macro_f1"]),
    ("sweep.name=../up", ["sweep.name=../up"]),
    ("sweep.name='a b'", ["sweep.name=a b"]),
    # files
    ("data=path data.path=nowhere.jsonl", ["nowhere.jsonl does not exist"]),
    ("data.validation_path=nowhere.jsonl", ["nowhere.jsonl does not exist"]),
    ("model=path model.path=./nowhere", ["model.path=./nowhere", "config.json"]),
    ("trainer=replay replay.table=nowhere.csv", ["replay.table=nowhere.csv"]),
    ("data.test_path=nowhere.csv", ["data.test_path=nowhere.csv", "no such file or folder"]),
    ("data.labels=[happy,sad]", ["unknown label: ", "known are happy, sad", "or data.on_bad_rows=skip"]),
    ("data.on_bad_rows=warn", ["data.on_bad_rows=warn", "try: data.on_bad_rows=error|skip"]),
    ("data.class_balance=weight", ["data.class_balance=weight", "weights"]),
    ("data.template=instuction", ["data.template=instuction", "no place for a row's text", "instruction|alpaca"]),
    (
        "'data.template=\"{txt}{text}\"' data.test_path=nowhere.csv",
        ["2 problems", "nothing fills {txt}; there is {text}, {choices}"],
    ),
    # many at once
    (
        "lora.r=0 lora.rnk=1 trainer=x training.seed=-1 data=path",
        ["5 problems", "lora.r=0", "lora.rnk", "trainer=x", "training.seed=-1", "data.path"],
    ),
]


def test_there_are_many() -> None:
    assert len(COMMANDS) >= 60


@pytest.mark.parametrize(("command", "words"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_it_says_what_is_wrong(
    command: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lora-sweep", *shlex.split(command)])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    GlobalHydra.instance().clear()
    said = capsys.readouterr()
    assert exit_.value.code == 2, said
    assert all(word in said.err for word in words), said.err
    assert said.out == "" and "Traceback" not in said.err
    assert all("; try: " in line for line in said.err.splitlines()[1:])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["data.augmentation=eda", "-m data.augmentation=none,eda"])
def test_what_cannot_be_augmented_is_refused(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1+1=", "completion": "2"}\n' * 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lora-sweep", *shlex.split(command), "data.path=rows.jsonl"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    GlobalHydra.instance().clear()
    said = capsys.readouterr().err
    assert exit_.value.code == 2 and "1 problem" in said and "data.augmentation=eda: varies the texts" in said
    assert "rows.jsonl holds others; try: data.augmentation=none" in said


def test_a_minority_needs_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1+1=", "completion": "2"}\n' * 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lora-sweep", "sweep.metric=eval_minority_f1", "data.path=rows.jsonl"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    GlobalHydra.instance().clear()
    assert exit_.value.code == 2 and "rows.jsonl holds no labels to predict" in capsys.readouterr().err
