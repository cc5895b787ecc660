"""A stage of the document for each section of an item, as the sample's one state machine ran it.

What stands in no item (instance types of transform and endpoint, limits of tuning) is written there:
statemachines/this.json of the sample.
"""

from __future__ import annotations

from stagewright.migration.stages.conversion import Conversion, Stage
from stagewright.migration.stages.preprocessing import postprocessing, preprocessing
from stagewright.migration.stages.serving import endpoint, model, transform
from stagewright.migration.stages.training import training, tuning

SECTIONS = {
    "training_job": "training",
    "tuning_job": "tuning",
    "create_model": "model_para",
    "transform_job": "transform_para",
    "create_endpoint": "endpoint_para",
    "create_endpoint_config": "endpoint_para",
}
"""What is switched on -> the section that configures it."""


def stages(of: Conversion) -> dict[str, Stage]:
    """Name -> stage, in the sample's order."""
    _switches(of)
    made = {
        "preprocessing": preprocessing(of),
        "training": training(of),
        "tuning": tuning(of),
        "model": model(of),
        "transform": transform(of),
        "endpoint": endpoint(of),
    }
    found = {name: stage for name, stage in made.items() if stage}
    return found | postprocessing(of, found)


def _switches(of: Conversion) -> None:
    """Those of sections that are not there."""
    for switch, section in SECTIONS.items():
        if of.item.get(switch) is None or of.item.get(section) is not None:
            continue
        if of.item.flag(switch):
            of.refuse(switch, f"is Y, and the item has no {section}", "add the section, or write N")
        else:
            of.note(switch, f"N, and the item has no {section}: no stage is made", f"add {section} for one")
