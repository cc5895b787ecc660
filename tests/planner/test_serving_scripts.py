"""Scripts that a serving container would never load."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner.planner import plan

TRAIN = {"kind": "training", "entry_point": "train.py"}
MODEL = {"model": "${stages.train.model}"}
SERVING = {
    "endpoint": {"kind": "endpoint", **MODEL},
    "model": {"kind": "model", **MODEL},
    "register": {"kind": "register", **MODEL},
    "transform": {"kind": "transform", "input": "s3://bucket/in/", **MODEL},
}


@pytest.fixture
def planned(house):
    def make(serving, image):
        stages = {"train": {**TRAIN, "image": image}, "serve": serving}
        instance_type = "ml.g5.xlarge" if image.startswith("huggingface") else "ml.m5.large"
        document = load({"name": "p", "defaults": {"instance_type": instance_type}, "stages": stages})
        recorded = house.recorded(external={"s3://bucket/in/": "d"})
        return plan(document, house.trigger(), recorded).stage("serve")

    return make


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        *(("pytorch-2.6", kind) for kind in SERVING),
        # Without register, which has no instance type: these images need a GPU.
        *(("huggingface-4.49-pytorch2.5", kind) for kind in SERVING if kind != "register"),
    ],
)
def test_script_that_the_container_does_not_load_is_refused(planned, kind, image):
    with pytest.raises(PlanError) as refused:
        planned({**SERVING[kind], "entry_point": "train.py"}, image)
    (problem,) = refused.value.problems
    assert problem.path == "stages.serve.entry_point"
    framework = image.partition("-")[0]
    assert problem.message == f"the {framework} serving container loads scripts from the model artifact only"
    assert "copy the script to /opt/ml/model/code, leave entry_point out" in problem.remedy
    assert planned(SERVING[kind], image).action == "run"


@pytest.mark.parametrize("image", ["sklearn-1.4", "xgboost-1.7", "registry.example/own:1"])
@pytest.mark.parametrize("kind", SERVING)
def test_script_is_sent_to_containers_that_load_it(planned, kind, image):
    assert planned({**SERVING[kind], "entry_point": "train.py"}, image).action == "run"
