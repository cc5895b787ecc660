"""A parameter or an event chooses the code that runs only from a list that the document declares."""

from __future__ import annotations

import pytest

from stagewright.document.layers import effective, pushed_layers
from stagewright.document.load import load
from stagewright.document.parameters import with_parameters
from stagewright.document.stored_layers import Overrides
from stagewright.errors import DocumentError

SECRET = "${parameters.any}"
SCRIPT = {"kind": "processing", "code": "run.py"}
COMMAND = {"kind": "processing", "entrypoint": ["python3", "/app/run.py"]}
TRAIN = {"kind": "training", "entry_point": "train.py"}
SERVED = {"kind": "endpoint", "model": "${stages.train.model}"}
GLUE = {"kind": "glue", "code": "shape.py"}


def document(stage, **more):
    return {
        "name": "prices",
        "parameters": {"any": "sklearn-1.4", "count": 2, "fast": True},
        "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
        "stages": {"train": TRAIN, "one": stage},
        **more,
    }


CHOOSING = {
    "image": ({**SCRIPT, "image": SECRET}, "image"),
    "tag of an image": ({**SCRIPT, "image": "repository:${parameters.count}"}, "image"),
    "image of a training job": ({**TRAIN, "image": SECRET}, "image"),
    "image of a served model": ({**SERVED, "image": SECRET}, "image"),
    "function": ({"kind": "lambda", "function": SECRET}, "function"),
    "Glue job": ({**GLUE, "job": SECRET}, "job"),
    "modules of a Glue job": (
        {**GLUE, "arguments": {"additional-python-modules": SECRET}},
        "arguments.additional-python-modules",
    ),
    "variables of a Spark driver": (
        {**GLUE, "type": "spark", "arguments": {"customer-driver-env-vars": SECRET}},
        "arguments.customer-driver-env-vars",
    ),
    "model": ({"kind": "endpoint", "model": "s3://${bucket}/${parameters.any}/model.tar.gz"}, "model"),
    "model of an event": ({"kind": "endpoint", "model": "${trigger.uri}"}, "model"),
    "image by the date of an event": ({**SCRIPT, "image": "repository:${trigger.date}"}, "image"),
    "entrypoint": ({"kind": "processing", "entrypoint": ["python3", SECRET]}, "entrypoint[1]"),
    "shell command": ({**COMMAND, "entrypoint": ["bash", "-c"], "arguments": [SECRET]}, "arguments[0]"),
    "script of an interpreter": (
        {**COMMAND, "entrypoint": ["/usr/bin/python3.11"], "arguments": [SECRET]},
        "arguments[0]",
    ),
    "input that is run": (
        {
            "kind": "processing",
            "entrypoint": ["python3", "/opt/ml/processing/input/src/run.py"],
            "inputs": {"src": "s3://${bucket}/${parameters.any}/"},
        },
        "inputs.src",
    ),
    "PYTHONPATH": ({**SCRIPT, "environment": {"PYTHONPATH": SECRET}}, "environment.PYTHONPATH"),
    "index of pip": ({**TRAIN, "environment": {"pip_index_url": SECRET}}, "environment.pip_index_url"),
    "script of a toolkit": (
        {**TRAIN, "hyperparameters": {"sagemaker_program": SECRET}},
        "hyperparameters.sagemaker_program",
    ),
    "request": (
        {**SCRIPT, "request": {"AppSpecification": {"ImageUri": SECRET}}},
        "request.AppSpecification.ImageUri",
    ),
    "list in a request": (
        {**TRAIN, "request": {"AlgorithmSpecification": {"ContainerEntrypoint": ["sh", SECRET]}}},
        "request.AlgorithmSpecification.ContainerEntrypoint[1]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("stage", "path"), CHOOSING.values(), ids=CHOOSING.keys())
def test_open_value_cannot_choose_code(stage, path):
    with pytest.raises(DocumentError) as error:
        load(document(stage))
    (problem,) = error.value.problems
    assert problem.path == f"stages.one.{path}"
    assert "cannot choose the code that runs" in problem.message
    assert "allowed_values" in problem.remedy


@pytest.mark.parametrize(("stage", "path"), CHOOSING.values(), ids=CHOOSING.keys())
def test_listed_value_may_choose_code(stage, path):
    listed = {"any": ["sklearn-1.4", "sklearn-1.2"], "count": [1, 2]}
    if "trigger" not in str(stage):
        assert load(document(stage, allowed_values=listed)).allowed_values["any"] == tuple(listed["any"])


@pytest.mark.parametrize(
    "stage",
    [
        {**SCRIPT, "arguments": ["--month", SECRET]},
        {**COMMAND, "arguments": ["--month", SECRET]},
        {**SCRIPT, "environment": {"MONTH": SECRET}},
        {**TRAIN, "hyperparameters": {"depth": "${parameters.count}"}},
        {**TRAIN, "instance_count": "${parameters.count}"},
        {**TRAIN, "request": {"ResourceConfig": {"VolumeSizeInGB": "${parameters.count}"}}},
        {**SCRIPT, "request": {"NetworkConfig": {"EnableNetworkIsolation": "${parameters.fast}"}}},
        {**SCRIPT, "image": "${account}.dkr.ecr.${region}.amazonaws.com/work:1"},
        {**GLUE, "arguments": {"month": SECRET}},
        {**SCRIPT, "inputs": {"raw": "s3://${bucket}/${parameters.any}/"}},
        {"kind": "lambda", "function": "measure", "payload": {"month": SECRET}},
        {"kind": "endpoint", "model": "${trigger.package}"},
    ],
)
def test_values_for_reviewed_code_stay_open(stage):
    load(document(stage))


def test_default_image_and_environment_take_no_open_parameter():
    defaults = {
        "image": SECRET,
        "instance_type": "ml.m5.large",
        "environment": {"PYTHONPATH": SECRET, "A": SECRET},
    }
    with pytest.raises(DocumentError) as error:
        load(document(SCRIPT, defaults=defaults))
    assert [problem.path for problem in error.value.problems] == [
        "defaults.image",
        "defaults.environment.PYTHONPATH",
    ]


def test_partition_does_not_carry_an_open_parameter_to_an_image():
    stage = {**SCRIPT, "image": "repository:${partition}"}
    load(document(stage))
    with pytest.raises(DocumentError):
        load(document(stage, partition=SECRET))


LISTED = document({**SCRIPT, "image": SECRET}, allowed_values={"any": ["sklearn-1.4", "sklearn-1.2"]})


def test_parameter_of_a_run_must_be_listed():
    pipeline = load(LISTED)
    assert with_parameters(pipeline, {"any": "sklearn-1.2"}).parameters["any"] == "sklearn-1.2"
    with pytest.raises(DocumentError) as error:
        with_parameters(pipeline, {"any": "evil/image:1"})
    (problem,) = error.value.problems
    assert problem.path == "parameters.any"
    assert problem.message == 'must be one of "sklearn-1.4", "sklearn-1.2", not "evil/image:1"'


@pytest.mark.parametrize("allowed", [True, False])
def test_override_of_a_parameter_must_be_listed_whoever_may_override_code(allowed):
    layers = pushed_layers(load(LISTED))

    def overridden(value):
        changed = Overrides({"parameters": {"any": value}})
        return effective(type(layers)(layers.pipeline, layers.base, None, changed), lambda: allowed)

    assert overridden("sklearn-1.2").pipeline.parameters["any"] == "sklearn-1.2"
    with pytest.raises(DocumentError, match="must be one of"):
        overridden("evil/image:1")


@pytest.mark.parametrize("section", ["allowed_values", "name", "triggers"])
def test_override_cannot_extend_the_list(section):
    layers = pushed_layers(load(LISTED))
    changed = Overrides({section: {"any": ["sklearn-1.4", "evil/image:1"]}})
    with pytest.raises(DocumentError, match="unknown key"):
        effective(type(layers)(layers.pipeline, layers.base, None, changed), lambda: True)


@pytest.mark.parametrize(
    ("more", "path", "message"),
    [
        ({"allowed_values": {"any": ["other"]}}, "parameters.any", "must be one of"),
        ({"allowed_values": {"none": ["x"]}}, "allowed_values.none", "no such parameter"),
        ({"allowed_values": {"any": [1, "sklearn-1.4"]}}, "allowed_values.any[0]", "must be a text"),
        ({"allowed_values": {"fast": [1]}}, "allowed_values.fast[0]", "must be true or false"),
        (
            {"parameters": {"any": "${trigger.uri}"}, "allowed_values": {"any": ["${trigger.uri}"]}},
            "allowed_values.any[0]",
            "cannot contain references",
        ),
        (
            {
                "allowed_values": {"any": ["sklearn-1.4"]},
                "triggers": [{"type": "data", "prefix": "raw/", "parameters": {"any": "evil"}}],
            },
            "triggers[0].parameters.any",
            "must be one of",
        ),
    ],
)
def test_wrong_list_is_refused(more, path, message):
    with pytest.raises(DocumentError) as error:
        load(document(SCRIPT, **more))
    problem = next(problem for problem in error.value.problems if problem.path == path)
    assert message in problem.message
