"""The stages training and tuning."""

from __future__ import annotations

from stagewright.migration.s3_paths import PATHS
from stagewright.migration.stages.conversion import (
    Conversion,
    Stage,
    compute,
    enabled,
    entry_point,
    moved,
    number,
)
from stagewright.migration.stages.hyperparameters import hyperparameters, renamed
from stagewright.migration.stages.preprocessing import CALLED, SHELL, SPARK

RANGES = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
}


def training(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("training"):
        return {}
    moved(of, "training.output_path", "training.job_name")
    stage = {"kind": "training", **enabled(of, "training_job"), **compute(of, "training")}
    stage |= entry_point(of, "training", "hyperparameters") | _channels(of)
    given = hyperparameters(of, "training", "hyperparameters", stage.get("entry_point", ""))
    return stage | given | _metrics(of, "training") | {"max_runtime_seconds": 86_400}


def tuning(of: Conversion) -> Stage:
    item = of.item
    ranges = _ranges(of)
    if not ranges:
        if item.mapping("tuning"):
            _without_ranges(of)
        return {}
    moved(of, "tuning.output_path", "tuning.job_name")
    goal = item.mapping("tuning", "hyperparametejobobjective")
    stage: Stage = {"kind": "tuning", **enabled(of, "tuning_job"), **compute(of, "tuning")}
    stage |= entry_point(of, "tuning", "statichyperparameters") | _channels(of)
    stage |= hyperparameters(of, "tuning", "statichyperparameters", stage.get("entry_point", ""))
    stage |= {"ranges": renamed(of, "tuning.parameterranges", ranges, stage.get("entry_point", ""))}
    stage |= {"objective": {"metric": goal.get("MetricName", ""), "goal": str(goal.get("Type", "")).lower()}}
    if item.flag("tuning_job") and of.trained == "training":
        remedy = "to use it, write ${stages.tuning.model} for ${stages.training.model}"
        of.note("tuning_job", "the best model is served by nothing, as in the sample", remedy)
    return (
        stage
        | _metrics(of, "tuning")
        | {"max_jobs": 10, "max_parallel_jobs": 5, "max_runtime_seconds": 86_400}
    )


def _without_ranges(of: Conversion) -> None:
    if of.item.flag("tuning_job"):
        of.refuse("tuning.parameterranges", "no range, and tuning_job is Y", "add one, or write N")
    else:
        of.note("tuning.parameterranges", "no range: no stage is made of tuning")


def _channels(of: Conversion) -> Stage:
    """As the state machine has them, whichever kind of job prepared the data."""
    named = (("train", "train_data", PATHS[0]), ("test", "test_data", PATHS[1]))
    by_stage = of.item.text("preprocessing", "job_type") == "sagemaker-processing"
    known = of.item.text("preprocessing", "job_type") in (CALLED, SHELL, SPARK)
    channels = {
        channel: f"${{stages.preprocessing.outputs.{output}}}" if by_stage else of.places.uri(uri)
        for channel, output, path in named
        if (uri := of.item.text("preprocessing", path))
    }
    return {"channels": channels, **({"after": ["preprocessing"]} if known else {})} if channels else {}


def _ranges(of: Conversion) -> dict[str, Stage]:
    made: dict[str, Stage] = {}
    for block, kind in RANGES.items():
        for entry in of.item.maps("tuning", "parameterranges", block):
            if kind == "categorical":
                said: Stage = {"values": [number(each) for each in entry.get("Values", [])]}
            else:
                said = {"min": number(entry.get("MinValue")), "max": number(entry.get("MaxValue"))}
                said |= {"scaling": entry["ScalingType"]} if "ScalingType" in entry else {}
            made[str(entry.get("Name", ""))] = {"type": kind, **said}
    return made


def _metrics(of: Conversion, section: str) -> Stage:
    listed = of.item.maps(section, "metricdefinitions")
    found = {str(each.get("Name", "")): str(each.get("Regex", "")) for each in listed}
    return {"metrics": found} if found else {}
