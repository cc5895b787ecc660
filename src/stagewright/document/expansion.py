"""Fan-out: a document with a stage for each item of its lists, as the planner reads it.

A stage `train` with `for_each: regions` becomes `train/eu`, `train/us` and so on. Between stages of the same
list, a reference or `after` means the same item. A stage outside the list depends on all instances, and
refers to all of them with `${stages.train.all...}`. From here on, an instance is a stage like any other: it
has its own decision, job, result, gate and model group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from stagewright.document.lists import Item, items_of
from stagewright.document.pipeline import STAGE_LIMIT, Pipeline
from stagewright.errors import DocumentError, Problem
from stagewright.naming import instance_name, stage_of
from stagewright.stages.registry import AnyStage
from stagewright.syntax.fields import Model
from stagewright.syntax.references import Reference, escape, find_references, rewrite

Change = Callable[[Reference], Any]


def expanded(pipeline: Pipeline) -> Pipeline:
    """Return the document with its instances. The same document, if no stage has `for_each`.

    `pipeline`: a checked document, with the parameters of the run. Raises DocumentError if it has too many
    stages.
    """
    if not any(stage.for_each for stage in pipeline.stages.values()):
        return pipeline
    items = {name: items_of(declared, pipeline.parameters) for name, declared in pipeline.lists.items()}
    instances = {
        name: tuple(instance_name(name, item.name) for item in items[stage.for_each])
        if stage.for_each
        else (name,)
        for name, stage in pipeline.stages.items()
    }
    if (count := sum(map(len, instances.values()))) > STAGE_LIMIT:
        message = f"the lists make {count:,} stages; a run has at most {STAGE_LIMIT:,}"
        raise DocumentError((Problem("lists", message, "use shorter lists, or a pipeline for each part"),))
    stages = {
        name: stage
        for base, original in pipeline.stages.items()
        for name, stage in _stages(pipeline, base, original, instances, items)
    }
    return pipeline.model_copy(update={"stages": stages})


def with_first_instances(pipeline: Pipeline) -> Pipeline:
    """Return the document with the first instance of each stage only, under the stage's name.

    For advice about settings, which all instances share.
    """
    stages: dict[str, AnyStage] = {}
    for name, stage in pipeline.stages.items():
        stages.setdefault(stage_of(name), stage)
    return pipeline.model_copy(update={"stages": stages}) if len(stages) < len(pipeline.stages) else pipeline


def instances_of(pipeline: Pipeline, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a selection, with the instances of a stage in place of its name.

    `pipeline`: expanded. Other names stay as they are.
    """
    by_stage: dict[str, list[str]] = {}
    for name, stage in pipeline.stages.items():
        if stage.for_each:
            by_stage.setdefault(stage_of(name), []).append(name)
    return tuple(dict.fromkeys(part for name in names for part in by_stage.get(name, (name,))))


def _stages(
    pipeline: Pipeline,
    base: str,
    stage: AnyStage,
    instances: Mapping[str, tuple[str, ...]],
    items: Mapping[str, tuple[Item, ...]],
) -> Iterator[tuple[str, AnyStage]]:
    gathered = [
        source
        for value in stage.model_dump(mode="json", exclude_unset=True).values()
        for source in _gathered(value)
    ]
    if not stage.for_each:
        after = [name for need in (*stage.after, *gathered) for name in instances[need]]
        if after != list(stage.after):
            stage = stage.model_copy(update={"after": tuple(dict.fromkeys(after))})
        yield base, stage
        return
    own = {name for name, other in pipeline.stages.items() if other.for_each == stage.for_each}
    fields = {name: getattr(stage, name) for name in stage.model_fields_set}
    changing = {name: value for name, value in fields.items() if _has_reference(value)}
    for item in items[stage.for_each]:
        change = _change(own, item)
        values = {name: _rewritten(value, _in_text(change, name)) for name, value in changing.items()}
        after = [
            name
            for need in (*stage.after, *gathered)
            for name in ((instance_name(need, item.name),) if need in own else instances[need])
        ]
        update = {**values, **({"after": tuple(dict.fromkeys(after))} if after else {})}
        yield instance_name(base, item.name), stage.instance(item.name, update)


def _change(own: set[str], item: Item) -> Change:
    def change(reference: Reference) -> Any:
        if reference.path[0] == "each":
            value = item.values[reference.path[1]]
            return escape(value) if isinstance(value, str) else value
        if reference.stage in own:
            return (
                f"${{stages.{'.'.join((instance_name(reference.path[1], item.name), *reference.path[2:]))}}}"
            )
        return reference.text

    return change


def _in_text(change: Change, field: str) -> Change:
    """Return `change` for a field. In a condition, a text of an item is in quotes."""
    if field != "require":
        return change

    def quoted(reference: Reference) -> Any:
        value = change(reference)
        if reference.path[0] != "each":
            return value
        if isinstance(value, str):
            return f"'{value}'" if '"' in value else f'"{value}"'
        return str(value)

    return quoted


def _rewritten(value: Any, change: Change) -> Any:
    match value:
        case str():
            return rewrite(value, change) if "${" in value else value
        case Model():
            fields = {name: getattr(value, name) for name in value.model_fields_set}
            return value.model_copy(update={name: _rewritten(item, change) for name, item in fields.items()})
        case Mapping():
            return {key: _rewritten(item, change) for key, item in value.items()}
        case list() | tuple():
            return tuple(_rewritten(item, change) for item in value)
        case _:
            return value


def _has_reference(value: Any) -> bool:
    match value:
        case str():
            return "${" in value
        case Model():
            return any(_has_reference(getattr(value, name)) for name in value.model_fields_set)
        case Mapping():
            return any(map(_has_reference, value.values()))
        case list() | tuple():
            return any(map(_has_reference, value))
        case _:
            return False


def _gathered(value: Any) -> Iterator[str]:
    """Yield the stages whose instances a value gathers."""
    match value:
        case str() if "${" in value:
            yield from filter(None, (reference.gathered for reference in find_references(value)))
        case Mapping():
            for item in value.values():
                yield from _gathered(item)
        case list():
            for item in value:
                yield from _gathered(item)
