"""Names of target modules that no module has, and those that an adapter had better leave alone."""

from __future__ import annotations

from collections.abc import Iterator

from sweeper.finding import Finding, Severity
from sweeper.model_facts import ModelFacts, is_embedding, is_head
from sweeper.scene import Scene
from sweeper.target_matching import has_experts, is_pattern, matched, resolved, short_names, unmatched
from trainers.target_sets import SETS
from trainers.trial import Lora

_KEY = "lora.target_modules"
_QUERIES = ("q_proj", "v_proj", "query_key_value", "qkv_proj", "c_attn")
_RULE = "a list holds ends of modules' names; a string is a regular expression for whole names, or one of {}"


def check(scene: Scene) -> Iterator[Finding]:
    """Compares `lora.target_modules` with the base's modules; says nothing where its files are not at hand."""
    if scene.model is None:
        return
    lora = scene.config.lora
    found = matched(lora, scene.model)
    yield from _missing(lora, scene.model, found)
    yield from _inexact(lora, scene.model)
    yield from _head(lora, scene.model, found)
    yield from _embeddings(lora, scene.model, found)


def _missing(lora: Lora, model: ModelFacts, found: list[str]) -> Iterator[Finding]:
    """An adapter on nothing is an error of PEFT's; names that match nothing beside others go unnoticed there."""
    if has_experts(model) or lora.kwargs.get("target_parameters"):
        return
    there = f"there are {', '.join(short_names(model))}"
    if not found:
        is_wrong = isinstance(lora.target_modules, str) and not is_pattern(lora.target_modules)
        number = f"{'no regular expression' if is_wrong else 'no module matches'}; {there}"
        rule = _RULE.format(", ".join(SETS))
        yield _finding("error", lora, number=number, rule=rule, source="PEFT", remedy=_usual(model))
    elif not isinstance(lora.target_modules, str) and (lost := unmatched(lora.target_modules, model)):
        left = [name for name in lora.target_modules if name not in lost]
        number = f"{', '.join(lost)}: no such module; {there}"
        rule = "PEFT leaves out what it does not find, and says nothing"
        yield _finding("warning", lora, number=number, rule=rule, source="PEFT", remedy=_override(left))


def _inexact(lora: Lora, model: ModelFacts) -> Iterator[Finding]:
    """A set may lack a role in some architectures, or bring one along where one layer computes several."""
    found = resolved(lora, model)
    if found is None or not (found.absent or found.along):
        return
    said = [f"no {', '.join(found.absent)} in this model"] if found.absent else []
    fused = [module for module, roles in found.roles.items() if set(roles) & set(found.along)]
    said += [f"{', '.join(found.along)} along with {', '.join(fused)}"] if found.along else []
    rule = f"{lora.target_modules} is {', '.join(found.modules)} here; one layer of several roles is adapted as a whole"
    yield _finding("note", lora, number="; ".join(said), rule=rule, source="model_type", remedy="")


def _head(lora: Lora, model: ModelFacts, found: list[str]) -> Iterator[Finding]:
    if not any(is_head(name) for name in found):
        return
    tied = ", which shares its weight with the embeddings" if model.config.get("tie_word_embeddings") else ""
    rule = "the loss is computed from lm_head's own weight, so an adapter there would never be trained: TRL refuses it"
    number, remedy = f"an adapter on lm_head{tied}", _without(lora, "lm_head")
    yield _finding("error", lora, number=number, rule=rule, source="TRL, SFTTrainer", remedy=remedy)


def _embeddings(lora: Lora, model: ModelFacts, found: list[str]) -> Iterator[Finding]:
    tables = [name for name in found if is_embedding(f"{name}.weight")]
    if not tables:
        return
    name = tables[0].rpartition(".")[2]
    words, width = model.shapes[f"{tables[0]}.weight"]
    number = f"an adapter on {name} trains {lora.r * (words + width):,} numbers for {words:,} words"
    tied = "the head shares this weight and does not see the adapter, so merging one changes the other; "
    rule = f"{tied if model.config.get('tie_word_embeddings') else ''}only words of the training rows learn anything"
    yield _finding("warning", lora, number=number, rule=rule, source="PEFT, issue 2777", remedy=_without(lora, name))


def _finding(severity: Severity, lora: Lora, *, number: str, rule: str, source: str, remedy: str) -> Finding:
    return Finding(severity, _KEY, lora.target_modules, number, rule, source, remedy)


def _usual(model: ModelFacts) -> str:
    """Returns the override for queries and values (Hu et al. 2021, section 4.2), as they are called here."""
    usual = [name for name in _QUERIES if name in short_names(model)]
    return _override(usual) if usual else f"{_KEY}=all-linear"


def _without(lora: Lora, name: str) -> str:
    if isinstance(lora.target_modules, str):
        return f"+lora.kwargs.exclude_modules=[{name}]"
    left = [item for item in lora.target_modules if item.rpartition(".")[2] != name]
    return _override(left) if left else f"{_KEY}=all-linear"


def _override(names: list[str]) -> str:
    return f"{_KEY}=[{','.join(names)}]"
