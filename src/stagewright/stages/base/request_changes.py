"""What the field `request:` of a stage changes in its AWS requests, and what it may not change.

It may not drop what the stage adds, or change what the run or its permissions depend on: the plan would be
accepted, and the run would fail on AWS, or lose its tags, its script or its lineage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.errors import Problem
from stagewright.naming import GLUE_JOB_ARGUMENT

KEEP = (
    "a list of `request` replaces the whole list: repeat that entry, as `stagewright plan PIPELINE --json`"
    " shows it"
)
KEEP_TAGS = "leave Tags out, and set tags in defaults.tags"
LEAVE_OUT = "leave it out"

NAMES = ("InputName", "OutputName", "ChannelName", "VariantName", "AlarmName", "Key", "Name")
"""Fields that name an entry of a list."""
MAPS = ("Environment",)
"""Fields that are maps with keys of the stage."""
DEFAULTED = ("InitialVariantWeight", "ScalingType")
"""Fields of entries that AWS has a default for (ProductionVariant, IntegerParameterRange; API reference)."""
OWN = "stagewright:"
"""Prefix of the tags and properties that only Stagewright sets."""
CODE = "code"
"""Name of the input or channel with the stage's script."""

_NAMED = "the run finds what it creates by this name"
_ROLE = "the state machine may pass only the installation's role"
_SCRIPT = "it starts the script of the stage"
_LINEAGE = "it records the origin of the result"
FIXED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "TrainingJobName",
            "ProcessingJobName",
            "TransformJobName",
            "HyperParameterTuningJobName",
            "ModelName",
            "ModelPackageGroupName",
            "EndpointName",
            "EndpointConfigName",
            "JobName",
            f"--{GLUE_JOB_ARGUMENT}",
        ),
        _NAMED,
    ),
    **dict.fromkeys(("RoleArn", "ExecutionRoleArn"), _ROLE),
    **dict.fromkeys(
        (
            "sagemaker_program",
            "sagemaker_submit_directory",
            "sagemaker_job_name",
            "--scriptLocation",
            "--extra-py-files",
        ),
        _SCRIPT,
    ),
}
"""Field that `request:` cannot change -> why."""


def merged(base: Any, changes: Any) -> Any:
    """Return `base` with `changes` merged in. Objects are merged by key; other values are replaced.

    An entry that a list repeats by its name keeps its fixed fields, such as the name of the stage's model.
    """
    if isinstance(base, list) and isinstance(changes, list | tuple):
        before = _by_name(base)
        return [_completed(entry, before) for entry in changes]
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    return {
        **base,
        **{key: merged(base[key], value) if key in base else value for key, value in changes.items()},
    }


def _completed(entry: Any, before: Mapping[str | int, Mapping[str, Any]]) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    own = before.get(_name(entry) or "", {})
    return {**{field: value for field, value in own.items() if _fixed(field)}, **entry}


def problems(base: Any, changed: Any, path: str) -> Iterator[Problem]:
    """Yield what the changed request lacks or changes of the stage's own. `path`: of the request."""
    if isinstance(base, Mapping) and isinstance(changed, Mapping):
        for key, value in base.items():
            if (reason := _fixed(key)) and changed.get(key) != value:
                yield Problem(f"{path}.{key}", f"cannot be changed: {reason}", LEAVE_OUT)
            else:
                yield from problems(value, changed.get(key), f"{path}.{key}")
    elif isinstance(base, list | tuple):
        yield from _entries(base, changed if isinstance(changed, list | tuple) else (), path)


def _fixed(key: str) -> str:
    return _LINEAGE if key.startswith(OWN) else FIXED.get(key, "")


def _entries(base: Any, changed: Any, path: str) -> Iterator[Problem]:
    """Compare lists entry by entry: by name if entries have names, otherwise by position."""
    after = _by_name(changed)
    for name, entry in _by_name(base).items():
        if name not in after:
            if isinstance(name, str):
                yield _lost(path, name)
        else:
            yield from _entry(str(name), entry, after[name], path)


def _by_name(entries: Any) -> dict[str | int, Mapping[str, Any]]:
    """Return the objects of a list by their name, or by their position if they have none."""
    return {_name(entry) or index: entry for index, entry in enumerate(entries) if isinstance(entry, Mapping)}


def _name(entry: Mapping[str, Any]) -> str | None:
    return next((str(entry[field]) for field in NAMES if field in entry), None)


def _entry(name: str, base: Mapping[str, Any], changed: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Compare a repeated entry. A field may be missing if another one takes its role."""
    if (name == CODE or name.startswith(OWN)) and changed != base:
        yield Problem(path, f"{name} cannot be changed: {_LINEAGE if name != CODE else _SCRIPT}", _keep(path))
        return
    missing = [field for field in base if field not in changed and field not in DEFAULTED]
    if not changed.keys() - base.keys():
        yield from (_lost(f"{path}.{name}", field) for field in missing)
    for field in MAPS:
        kept = changed.get(field, {}) if isinstance(changed.get(field, {}), Mapping) else {}
        yield from (_lost(f"{path}.{name}.{field}", key) for key in base.get(field, ()) if key not in kept)
    present = {field: value for field, value in base.items() if field in changed}
    yield from problems(present, changed, f"{path}.{name}")


def _lost(path: str, name: str) -> Problem:
    return Problem(path, f"lacks {name}, which the stage adds", _keep(path))


def _keep(path: str) -> str:
    return KEEP_TAGS if path.endswith(".Tags") else KEEP
