"""Conversion of each section of an item to the stage that the sample's state machine ran.

Values that no item contains, such as the instance types of transform and endpoint and the limits of tuning,
are those of the state machine: statemachines/this.json of the sample.
"""

from __future__ import annotations

from stagewright.migration.converted import Stage
from stagewright.migration.sample.stages.conversion import Conversion
from stagewright.migration.sample.stages.preprocessing import postprocessing, preprocessing
from stagewright.migration.sample.stages.serving import endpoint, model, transform
from stagewright.migration.sample.stages.training import training, tuning

SECTIONS = {
    "training_job": "training",
    "tuning_job": "tuning",
    "create_model": "model_para",
    "transform_job": "transform_para",
    "create_endpoint": "endpoint_para",
    "create_endpoint_config": "endpoint_para",
}
"""Switch -> the section that configures the stage."""


def stages(of: Conversion) -> dict[str, Stage]:
    """Name -> stage, in the sample's order."""
    _switches(of)
    converted = {
        "preprocessing": preprocessing(of),
        "training": training(of),
        "tuning": tuning(of),
        "model": model(of),
        "transform": transform(of),
        "endpoint": endpoint(of),
    }
    stages = {name: stage for name, stage in converted.items() if stage}
    return stages | postprocessing(of, stages)


def _switches(of: Conversion) -> None:
    """Check the switches whose section is missing."""
    for switch, section in SECTIONS.items():
        if of.item.get(switch) is None or of.item.get(section) is not None:
            continue
        if of.item.flag(switch):
            of.refuse(switch, f"is Y, but the item has no {section}", "add the section, or write N")
        else:
            of.note(switch, f"N, and the item has no {section}, so there is no stage", f"add {section}")
