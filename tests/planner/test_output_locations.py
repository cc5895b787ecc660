"""A stage that writes where no role of the installation may write is refused before it costs anything."""

from __future__ import annotations

import re

import botocore.session
import pytest

from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner.planner import plan
from stagewright.stages.base.job_settings import JobSettings
from stagewright.stages.base.written_locations import WRITTEN, written_locations

DEFAULTS = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
PROCESS = {"kind": "processing", "code": "prepare.py", "outputs": ["rows"]}
TRAIN = {"kind": "training", "entry_point": "train.py"}
TUNE = {
    "kind": "tuning",
    "entry_point": "train.py",
    "ranges": {"depth": {"type": "integer", "min": 1, "max": 6}},
    "metrics": {"mae": "MAE: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
    "max_jobs": 2,
}
TRANSFORM = {"kind": "transform", "model": "s3://bucket/m.tar.gz", "input": "s3://bucket/in/"}
ENDPOINT = {"kind": "endpoint", "model": "s3://bucket/m.tar.gz"}
GLUE = {"kind": "glue", "code": "prepare.py", "outputs": ["rows"]}
ELSEWHERE = "s3://lake/out/x"
STAGES = {
    "an output": ({**PROCESS, "outputs": {"rows": ELSEWHERE}}, "outputs.rows"),
    "predictions": ({**TRANSFORM, "output": ELSEWHERE}, "output"),
    "captured data": ({**ENDPOINT, "capture": {"destination": ELSEWHERE}}, "capture.destination"),
    "an output of glue": ({**GLUE, "outputs": {"rows": ELSEWHERE}}, "outputs.rows"),
    "a raw request": (
        {**TRAIN, "request": {"OutputDataConfig": {"S3OutputPath": ELSEWHERE}}},
        "OutputDataConfig.S3OutputPath",
    ),
    "checkpoints": (
        {**TRAIN, "request": {"CheckpointConfig": {"S3Uri": ELSEWHERE}}},
        "CheckpointConfig.S3Uri",
    ),
    "tuned models": (
        {**TUNE, "request": {"TrainingJobDefinition": {"OutputDataConfig": {"S3OutputPath": ELSEWHERE}}}},
        "OutputDataConfig.S3OutputPath",
    ),
}


@pytest.fixture
def planned(house):
    def make(stage, outputs=()):
        document = load({"name": "p", "defaults": DEFAULTS, "stages": {"work": stage}})
        external = {"s3://bucket/in/": "d", "s3://bucket/m.tar.gz": "d"}
        return plan(document, house.trigger(), house.recorded(external=external, outputs=outputs))

    return make


@pytest.mark.parametrize(("stage", "field"), STAGES.values(), ids=STAGES)
def test_output_that_no_role_may_write_is_refused(planned, stage, field):
    with pytest.raises(PlanError) as refused:
        planned(stage)
    (problem,) = refused.value.problems
    assert problem.path.startswith("stages.work.")
    assert problem.path.endswith(field)
    assert problem.message == f"the roles of stagewright-local may not write to {ELSEWHERE}"
    assert "or add s3://lake/out/ to output_locations" in problem.remedy
    for location in ("s3://lake/", "s3://lake/out/", "s3://lake/out/x/"):
        assert planned(stage, (location,)).stage("work").action == "run"


@pytest.mark.parametrize(
    "location", ["s3://lake/o/", "s3://lake/ou", "s3://lake-2/out/", "s3://lak", "s3://bucket/out/"]
)
def test_another_folder_does_not_allow_the_output(planned, location):
    with pytest.raises(PlanError):
        planned(STAGES["an output"][0], (location,))


@pytest.mark.parametrize(
    ("location", "is_written"),
    [
        ("s3://bucket/runs/mine/", True),
        ("s3://bucket/captured/mine", True),
        ("s3://bucket/runs-2/mine", False),
        ("s3://bucket/predictions/", False),
        ("s3://bucket", False),
    ],
)
def test_own_bucket_is_writable_where_the_role_allows_it(planned, location, is_written):
    stage = {**TRANSFORM, "output": location}
    if is_written:
        assert planned(stage).stage("work").action == "run"
        return
    with pytest.raises(PlanError, match="may not write to s3://bucket"):
        planned(stage)


@pytest.mark.parametrize("folder", ["models", "releases", "manifests", "code", "staging"])
def test_remedy_never_opens_a_folder_of_the_installation(planned, folder):
    with pytest.raises(PlanError) as refused:
        planned({**PROCESS, "outputs": {"rows": f"s3://bucket/{folder}/x"}})
    assert "output_locations" not in refused.value.problems[0].remedy


def test_glue_may_not_write_captured_data(planned):
    with pytest.raises(PlanError, match="may not write to s3://bucket/captured/x"):
        planned({**GLUE, "outputs": {"rows": "s3://bucket/captured/x"}})


def test_own_glue_job_writes_with_the_role_of_the_platform(planned):
    stage = {**GLUE, "outputs": {"rows": ELSEWHERE}, "job": "platform-job"}
    assert planned(stage).stage("work").action == "run"


def test_disabled_stage_writes_nothing(planned):
    assert planned({**STAGES["an output"][0], "enabled": False}).stage("work").action == "skip"


OPERATIONS = (
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateHyperParameterTuningJob",
    "CreateTransformJob",
    "CreateModel",
    "CreateEndpointConfig",
    "CreateModelPackage",
)
READ = re.compile(
    r".*\.(S3Input\.S3Uri|S3DataSource\.(Manifest)?S3Uri|ShapBaselineUri|AdditionalS3DataSource\.S3Uri|SamplePayloadUrl"
    r"|(ModelMetrics|DriftCheckBaselines)\..*\.S3Uri)"
)
LOCATION = {"S3Uri", "DestinationS3Uri", "S3ModelUri"}


def locations(shape, path, above=()):
    if shape.name in above:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from locations(member, f"{path}.{name}", (*above, shape.name))
    elif shape.type_name == "list":
        yield from locations(shape.member, f"{path}.0", (*above, shape.name))
    elif shape.name in LOCATION:
        yield path


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_s3_location_of_a_request_is_read_or_written(operation):
    model = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation)
    for path in locations(model.input_shape, operation):
        assert bool(WRITTEN.fullmatch(path)) != bool(READ.fullmatch(path)), path


def test_entries_of_lists_have_their_names():
    output = {"OutputName": "rows", "S3Output": {"S3Uri": "s3://a/b"}}
    request = {"CreateProcessingJob": {"ProcessingOutputConfig": {"Outputs": [output]}}}
    path = "CreateProcessingJob.ProcessingOutputConfig.Outputs.rows.S3Output.S3Uri"
    assert written_locations(None, request) == {path: "s3://a/b"}


def test_locations_are_read_from_the_environment_of_the_functions(planned):
    settings = JobSettings.from_json('{"output_locations": ["s3://lake/out/", "s3://reports/"]}')
    assert settings.output_locations == ("s3://lake/out/", "s3://reports/")
    stage = planned(STAGES["an output"][0], settings.output_locations).stage("work")
    assert stage.outputs == {"rows": ELSEWHERE}
