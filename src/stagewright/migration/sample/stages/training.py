"""The stages training and tuning."""

from __future__ import annotations

from stagewright.migration.converted import Stage
from stagewright.migration.sample.stages.conversion import (
    RANGES,
    Conversion,
    compute,
    enabled,
    entry_point,
    note_run_names,
)
from stagewright.migration.sample.stages.hyperparameters import hyperparameters, renamed
from stagewright.migration.scalars import number_or_text as number


def training(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("training"):
        return {}
    note_run_names(of, "training.output_path", "training.job_name")
    stage = {"kind": "training", **enabled(of, "training_job"), **compute(of, "training")}
    stage |= entry_point(of, "training", "hyperparameters") | _channels(of)
    parameters = hyperparameters(of, "training", "hyperparameters", stage.get("entry_point", ""))
    return stage | parameters | _metrics(of, "training") | {"max_runtime_seconds": 86_400}


def tuning(of: Conversion) -> Stage:
    item = of.item
    ranges = _ranges(of)
    if not ranges:
        if item.mapping("tuning"):
            _without_ranges(of)
        return {}
    note_run_names(of, "tuning.output_path", "tuning.job_name")
    goal = item.mapping("tuning", "hyperparametejobobjective")
    stage: Stage = {"kind": "tuning", **enabled(of, "tuning_job"), **compute(of, "tuning")}
    stage |= entry_point(of, "tuning", "statichyperparameters") | _channels(of)
    stage |= hyperparameters(of, "tuning", "statichyperparameters", stage.get("entry_point", ""))
    stage |= {"ranges": renamed(of, "tuning.parameterranges", ranges, stage.get("entry_point", ""))}
    stage |= {"objective": {"metric": goal.get("MetricName", ""), "goal": str(goal.get("Type", "")).lower()}}
    if item.flag("tuning_job") and of.trained == "training":
        remedy = "to serve it, replace ${stages.training.model} with ${stages.tuning.model}"
        of.note("tuning_job", "the best model is not served, as in the sample", remedy)
    return (
        stage
        | _metrics(of, "tuning")
        | {"max_jobs": 10, "max_parallel_jobs": 5, "max_runtime_seconds": 86_400}
    )


def _without_ranges(of: Conversion) -> None:
    if of.item.flag("tuning_job"):
        of.refuse("tuning.parameterranges", "no range, but tuning_job is Y", "add a range, or write N")
    else:
        of.note("tuning.parameterranges", "no range, so there is no stage tuning")


def _channels(of: Conversion) -> Stage:
    """The channels of the sample's state machine, for every type of preprocessing."""
    prepared = {channel: of.prepared(f"{channel}_data") for channel in ("train", "test")}
    channels = {channel: uri for channel, uri in prepared.items() if uri}
    return {"channels": channels, **of.after_preprocessing()} if channels else {}


def _ranges(of: Conversion) -> dict[str, Stage]:
    ranges: dict[str, Stage] = {}
    for block, kind in RANGES.items():
        for entry in of.item.maps("tuning", "parameterranges", block):
            if kind == "categorical":
                values: Stage = {"values": [number(value) for value in entry.get("Values", [])]}
            else:
                values = {"min": number(entry.get("MinValue")), "max": number(entry.get("MaxValue"))}
                values |= {"scaling": entry["ScalingType"]} if "ScalingType" in entry else {}
            ranges[str(entry.get("Name", ""))] = {"type": kind, **values}
    return ranges


def _metrics(of: Conversion, section: str) -> Stage:
    listed = of.item.maps(section, "metricdefinitions")
    metrics = {str(metric.get("Name", "")): str(metric.get("Regex", "")) for metric in listed}
    return {"metrics": metrics} if metrics else {}
