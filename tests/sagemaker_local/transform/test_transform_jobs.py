from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.sagemaker_local.meanwhile import Meanwhile
from tests.support.processes import command_lines
from tests.support.waiting import PATIENCE, until

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.transform import data_processing
from sagemaker_local.transform.execution_parameters import ExecutionParameters
from sagemaker_local.transform.record_formats import Json, RecordError
from sagemaker_local.transform.transformation import Transformation

BUCKET = "models"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:transform-job/"
ENDED = ("Completed", "Failed", "Stopped")
SEE_LOGS = "See job logs for more information"

SUMS = """
import os
class Refused(Exception):
    status_code = 422
calls = 0
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    global calls
    calls += 1
    text = body if isinstance(body, str) else body.decode()
    print("asked", repr(text), content_type, accept, flush=True)
    DURING
    if "bad" in text:
        raise Refused("no number: " + text)
    sums = [sum(map(float, line.split(","))) for line in text.splitlines()]
    return "\\n".join(map(str, sums)) + "\\n", accept
"""
WRAP = """
import json
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    return "\\n".join(json.dumps({"seen": json.loads(line)}) for line in text.splitlines()), accept
"""


class Transforms:
    """A model of a world, and the jobs that a test makes of it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.s3 = world.aws("s3")
        self.prefix = world.settings.root.parent.name

    def put(self, key: str, body: bytes | str) -> str:
        data = body.encode() if isinstance(body, str) else body
        self.s3.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}", Body=data)
        return self.uri(key)

    def uri(self, key: str) -> str:
        return f"s3://{BUCKET}/{self.prefix}/{key}"

    def outputs(self) -> dict[str, str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{self.prefix}/out/").get("Contents", [])
        return {
            item["Key"].removeprefix(f"{self.prefix}/out/"): self.s3.get_object(
                Bucket=BUCKET, Key=item["Key"]
            )["Body"]
            .read()
            .decode()
            for item in found
        }

    def model(self, script: str = SUMS, during: str = "pass", **env: str) -> None:
        self.world.create_model("sums", script.replace("DURING", during), **env)

    def request(self, name: str = "job", data: str = "in/", **more: Any) -> dict[str, Any]:
        """`more`: members of the request, and of TransformInput and TransformOutput."""
        source = {"S3DataType": more.pop("S3DataType", "S3Prefix"), "S3Uri": self.uri(data)}
        inner = {key: more.pop(key) for key in ("ContentType", "CompressionType", "SplitType") if key in more}
        outer = {key: more.pop(key) for key in ("Accept", "AssembleWith") if key in more}
        return {
            "TransformJobName": name,
            "ModelName": "sums",
            "TransformInput": {"DataSource": {"S3DataSource": source}, **inner},
            "TransformOutput": {"S3OutputPath": self.uri("out"), **outer},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **more,
        }

    def start(self, name: str = "job", data: str = "in/", **more: Any) -> None:
        self.world.call("CreateTransformJob", **self.request(name, data, **more))

    def run(self, name: str = "job", data: str = "in/", **more: Any) -> dict[str, Any]:
        self.start(name, data, **more)
        return self.ended(name)

    def describe(self, name: str = "job") -> dict[str, Any]:
        found: dict[str, Any] = self.world.call("DescribeTransformJob", TransformJobName=name)
        return found

    def ended(self, name: str = "job") -> dict[str, Any]:
        until(lambda: self.describe(name)["TransformJobStatus"] in ENDED)
        return self.describe(name)

    def log(self, name: str = "job") -> str:
        folder = self.world.settings.root / "jobs/transform" / name
        files = (folder / "log", folder / "log-data-log")
        return "".join(file.read_text() for file in files if file.exists())

    def asked(self, name: str = "job") -> list[str]:
        """What the model was sent, request by request."""
        return [line.removeprefix("asked ") for line in self.log(name).splitlines() if line.startswith("ask")]

    def processes(self) -> list[str]:
        return [line for line in command_lines().values() if str(self.world.settings.root) in line]


@pytest.fixture
def jobs(world: Any) -> Transforms:
    return Transforms(world)


def test_lines_of_a_prefix_become_out_files_with_its_structure(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/first.csv", "1,2\n3,4\n")
    jobs.put("in/2026/second.csv", "5\n6")
    job = jobs.run(ContentType="text/csv", SplitType="Line", AssembleWith="Line", Accept="text/csv")
    assert (job["TransformJobStatus"], job["TransformJobArn"]) == ("Completed", ARN + "job")
    assert jobs.outputs() == {"first.csv.out": "3.0\n7.0\n", "2026/second.csv.out": "5.0\n6.0\n"}
    assert sorted(jobs.asked()) == ["'1,2\\n3,4' text/csv text/csv", "'5\\n6' text/csv text/csv"]
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    jobs.world.told("Transform Job", "TransformJobStatus", "InProgress", "Completed")
    assert jobs.processes() == []
    folder = jobs.world.settings.root / "jobs/transform/job"
    logs = {"log", "log.times", "log-data-log", "log-data-log.times"}
    until(lambda: {entry.name for entry in folder.iterdir()} == logs)


def test_unsplit_object_is_one_request(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/a", "1\n2\n")
    jobs.put("in/b", "3")
    assert jobs.run(ContentType="text/csv")["TransformJobStatus"] == "Completed"
    assert sorted(jobs.asked()) == ["'1\\n2\\n' text/csv application/json", "'3' text/csv application/json"]
    assert jobs.outputs() == {"a.out": "1.0\n2.0\n", "b.out": "3.0\n"}


def test_full_key_selects_one_object(jobs: Transforms) -> None:
    jobs.model()
    uri_of = jobs.put("in/2026/data.csv", "1")
    assert uri_of.endswith("in/2026/data.csv")
    jobs.run(data="in/2026/data.csv", ContentType="text/csv")
    assert jobs.outputs() == {"data.csv.out": "1.0\n"}


def test_manifest_selects_the_objects(jobs: Transforms) -> None:
    jobs.model()
    for name in ("a/one.csv", "a/two.csv", "three.csv"):
        jobs.put(f"in/{name}", "1,1")
    jobs.put("list.manifest", json.dumps([{"prefix": jobs.uri("in/")}, "a/two.csv", "three.csv"]))
    jobs.run(data="list.manifest", S3DataType="ManifestFile", ContentType="text/csv")
    assert jobs.outputs() == {"a/two.csv.out": "2.0\n", "three.csv.out": "2.0\n"}


def test_single_records_are_sent_one_by_one_and_assembled_in_order(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/data.csv", "".join(f"{number},1\n" for number in range(20)))
    job = jobs.run(
        ContentType="text/csv",
        SplitType="Line",
        AssembleWith="Line",
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=4,
    )
    assert job["TransformJobStatus"] == "Completed"
    assert len(jobs.asked()) == 20
    assert jobs.outputs() == {"data.csv.out": "".join(f"{number + 1}.0\n" for number in range(20))}
    assert "[sagemaker logs]: MaxConcurrentTransforms=4, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD" in (
        jobs.log()
    )


def test_gzip_input(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/data.csv.gz", gzip.compress(b"1,2\n3,4\n"))
    jobs.put("in/plain.csv", b"1,2\n")
    job = jobs.run(ContentType="text/csv", CompressionType="Gzip", SplitType="Line")
    assert job["FailureReason"] == f"ClientError: {SEE_LOGS}"
    assert jobs.outputs() == {"data.csv.gz.out": "3.0\n7.0\n"}
    assert "plain.csv: the object is not in the gzip format" in jobs.log()


def test_columns_are_filtered_and_joined(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/data.csv", '7,1,2\n"eight",3,4\n')
    job = jobs.run(
        ContentType="text/csv",
        SplitType="Line",
        Accept="text/csv",
        AssembleWith="Line",
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert job["TransformJobStatus"] == "Completed"
    assert jobs.asked() == ["'1,2\\n3,4' text/csv text/csv"]
    assert jobs.outputs() == {"data.csv.out": "7,3.0\neight,7.0\n"}


def test_json_lines_are_filtered_and_joined(jobs: Transforms) -> None:
    jobs.model(WRAP)
    jobs.put("in/data.jsonl", '{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3]}\n')
    jobs.run(
        ContentType="application/jsonlines",
        SplitType="Line",
        Accept="application/jsonlines",
        AssembleWith="Line",
        DataProcessing={
            "InputFilter": "$.x",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    )
    lines = [json.loads(line) for line in jobs.outputs()["data.jsonl.out"].splitlines()]
    assert lines == [
        {"id": 1, "SageMakerOutput": {"seen": [1, 2]}},
        {"id": 2, "SageMakerOutput": {"seen": [3]}},
    ]


def test_bad_record_fails_the_job_but_other_objects_are_transformed(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/a.csv", "1\nbad\n3\n")
    jobs.put("in/b.csv", "4\n")
    job = jobs.run(ContentType="text/csv", SplitType="Line", BatchStrategy="SingleRecord")
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", f"ClientError: {SEE_LOGS}")
    assert jobs.outputs() == {"b.csv.out": "4.0\n"}
    key = f"[sagemaker logs]: {BUCKET}/{jobs.prefix}/in/a.csv: "
    assert f"{key}ClientError: 422\n" in jobs.log()
    assert f"{key}no number: bad\n" in jobs.log()
    # What the request itself is to blame for is not sent again.
    assert len([asked for asked in jobs.asked() if "bad" in asked]) == 1


def test_failed_request_is_retried(jobs: Transforms) -> None:
    jobs.model(during="if calls < 3: raise ValueError('not yet')")
    jobs.put("in/a.csv", "1")
    assert jobs.run(ContentType="text/csv")["TransformJobStatus"] == "Completed"
    assert len(jobs.asked()) == 3
    config = {"InvocationsMaxRetries": 1, "InvocationsTimeoutInSeconds": 60}
    job = jobs.run("less", ContentType="text/csv", ModelClientConfig=config)
    assert job["FailureReason"] == f"AlgorithmError: {SEE_LOGS}"
    assert len(jobs.asked("less")) == 2
    assert "in/a.csv: Bad HTTP status received from algorithm: 500" in jobs.log("less")
    assert "in/a.csv: not yet" in jobs.log("less")


def test_model_server_that_exits_is_restarted(jobs: Transforms) -> None:
    mark = "mark = os.path.join(os.environ['HOME'], 'mark')"
    jobs.model(during=f"{mark}\n    if not os.path.exists(mark):\n        open(mark, 'w'); os._exit(3)")
    jobs.put("in/a.csv", "1")
    assert jobs.run(ContentType="text/csv")["TransformJobStatus"] == "Completed"
    assert jobs.outputs() == {"a.csv.out": "1.0\n"}
    assert len(jobs.asked()) == 2


def test_invocation_timeout_fails_the_job(jobs: Transforms) -> None:
    jobs.model(during="__import__('time').sleep(600)")
    jobs.put("in/a.csv", "1")
    config = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 1}
    job = jobs.run(ContentType="text/csv", ModelClientConfig=config)
    assert job["FailureReason"] == f"AlgorithmError: {SEE_LOGS}"
    assert "Unable to get response from algorithm: none within 1 seconds" in jobs.log()
    assert jobs.processes() == []


def test_model_that_cannot_load_fails_the_job(jobs: Transforms) -> None:
    jobs.model("def model_fn(folder):\n    raise ValueError('no weights')\n")
    jobs.put("in/a.csv", "1")
    job = jobs.run()
    assert job["FailureReason"] == (
        "AlgorithmError: Model container failed to respond to ping; Ensure /ping endpoint is implemented and "
        "responds with an HTTP 200 status code. Its log ends with: ValueError: no weights"
    )
    assert "TransformStartTime" in job
    assert jobs.processes() == []


def test_missing_and_too_large_inputs_fail_the_job(jobs: Transforms) -> None:
    jobs.model()
    job = jobs.run("empty", data="nothing/")
    assert job["FailureReason"].startswith("ClientError: Data download failed: No S3 objects found under")
    jobs.put("in/large", b"1" * ((1 << 20) + 1))
    job = jobs.run("large", MaxPayloadInMB=1)
    assert job["FailureReason"] == f"ClientError: {SEE_LOGS}"
    assert "in/large: a record of 1048577 bytes exceeds MaxPayloadInMB=1" in jobs.log("large")
    assert jobs.outputs() == {}


def test_stop_ends_the_model_server_and_keeps_no_output(jobs: Transforms) -> None:
    jobs.model(during="if text == '2': __import__('time').sleep(600)")
    jobs.put("in/a.csv", "1")
    jobs.put("in/b.csv", "2")
    jobs.start(ContentType="text/csv")
    until(lambda: len(jobs.asked()) == 2)
    jobs.world.call("StopTransformJob", TransformJobName="job")
    job = jobs.ended()
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert jobs.outputs() == {}
    assert jobs.processes() == []
    jobs.world.told("Transform Job", "TransformJobStatus", "InProgress", "Stopping", "Stopped")
    with pytest.raises(ApiError, match="rejected because the transform job is in status Stopped"):
        jobs.world.call("StopTransformJob", TransformJobName="job")


@pytest.mark.parametrize("before", [True, False])
def test_job_can_be_stopped_while_its_model_server_starts(
    jobs: Transforms, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    launcher = type(jobs.world.service.launcher)

    def stop(*_: Any) -> None:
        jobs.world.call("StopTransformJob", TransformJobName="job")

    seen = Meanwhile(monkeypatch, launcher, "start", stop, before=before)
    jobs.model()
    jobs.put("in/a.csv", "1")
    assert jobs.run(ContentType="text/csv")["TransformJobStatus"] == "Stopped"
    assert (seen.called, seen.errors) == (1, [])
    assert jobs.outputs() == {}
    assert jobs.processes() == []


def test_visible_transform_job_can_be_stopped(jobs: Transforms, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        jobs.world.call("StopTransformJob", TransformJobName="job")

    jobs.model()
    jobs.put("in/a.csv", "1")
    seen = Meanwhile(monkeypatch, jobs.world.service._context.store, "add", stop, before=False)
    assert jobs.run(ContentType="text/csv")["TransformJobStatus"] == "Stopped"
    assert seen.errors == []
    assert jobs.asked() == []


def test_server_stop_fails_the_running_job(jobs: Transforms) -> None:
    jobs.model(during="__import__('time').sleep(600)")
    jobs.put("in/a.csv", "1")
    jobs.start(ContentType="text/csv")
    until(lambda: jobs.asked())
    jobs.world.restart()
    job = jobs.describe()
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "InternalServerError: the local server stopped while the job ran"
    assert jobs.processes() == []


def test_container_gets_the_jobs_variables(jobs: Transforms) -> None:
    names = (
        "SAGEMAKER_BATCH",
        "SAGEMAKER_BATCH_STRATEGY",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB",
        "OWN",
        "BOTH",
    )
    script = (
        "import json, os\ndef model_fn(folder): pass\n"
        f"def transform_fn(model, body, content_type, accept):\n"
        f"    return json.dumps([os.environ.get(name) for name in {names!r}]), accept\n"
    )
    jobs.model(script, OWN="model", BOTH="model")
    jobs.put("in/a", "x")
    jobs.run("plain")
    assert json.loads(jobs.outputs()["a.out"]) == ["true", None, None, None, "model", "model"]
    jobs.run(
        "told",
        Environment={"BOTH": "job"},
        SplitType="Line",
        BatchStrategy="MultiRecord",
        MaxPayloadInMB=2,
        MaxConcurrentTransforms=3,
    )
    assert json.loads(jobs.outputs()["a.out"]) == ["true", "MULTI_RECORD", "3", "2", "model", "job"]


def test_model_can_be_deleted_while_the_job_runs(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/a.csv", "1")
    jobs.start(ContentType="text/csv")
    jobs.world.call("DeleteModel", ModelName="sums")
    assert jobs.ended()["TransformJobStatus"] == "Completed"


def test_describe_has_the_defaults_and_no_internal_members(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/a.csv", "1")
    job = jobs.run(ContentType="text/csv")
    assert job["TransformInput"]["SplitType"] == job["TransformInput"]["CompressionType"] == "None"
    assert job["TransformOutput"]["AssembleWith"] == "None"
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    for _, detail in jobs.world.events:
        assert {"_container", "StoppingCondition"}.isdisjoint(detail)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"SplitType": "RecordIO"},
            "not supported by the local SageMaker: TransformInput.SplitType=RecordIO",
        ),
        (
            {"SplitType": "TFRecord"},
            "not supported by the local SageMaker: TransformInput.SplitType=TFRecord",
        ),
        ({"S3DataType": "AugmentedManifestFile"}, "S3DataType=AugmentedManifestFile"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}}, "local SageMaker: DataCaptureConfig"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB must not exceed 100"),
        ({"MaxConcurrentTransforms": 101}, "MaxConcurrentTransforms must not exceed 100"),
        ({"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}, "it is 20 * 6"),
        ({"DataProcessing": {"OutputFilter": "$._id"}}, 'Unexpected "_" in JsonPath'),
        (
            {"ModelName": "other"},
            'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/other"',
        ),
        ({"BatchStrategy": "Both"}, "Member must satisfy enum value set: [MultiRecord, SingleRecord]"),
    ],
)
def test_invalid_transform_jobs_are_rejected(jobs: Transforms, wrong: dict[str, Any], said: str) -> None:
    jobs.model()
    with pytest.raises(ApiError) as refused:
        jobs.start(**wrong)
    assert refused.value.code == "ValidationException"
    assert said in refused.value.message
    assert jobs.world.call("ListTransformJobs")["TransformJobSummaries"] == []


def test_plain_boto3_with_waiter_paginator_tags_and_filters(
    jobs: Transforms, boto: Callable[[str], Any]
) -> None:
    jobs.model()
    jobs.put("in/a.csv", "1")
    sagemaker = boto("sagemaker")
    created = sagemaker.create_transform_job(
        **jobs.request("first", ContentType="text/csv", Tags=[{"Key": "team", "Value": "houses"}])
    )
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName="first", WaiterConfig={"Delay": 0.05, "MaxAttempts": 6000})
    assert sagemaker.list_tags(ResourceArn=created["TransformJobArn"])["Tags"] == [
        {"Key": "team", "Value": "houses"}
    ]
    for name in ("second", "third"):
        jobs.run(name, ContentType="text/csv")
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_transform_job(**jobs.request("first"))
    pages = sagemaker.get_paginator("list_transform_jobs").paginate(
        SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    listed = [job for page in pages for job in page["TransformJobSummaries"]]
    assert [job["TransformJobName"] for job in listed] == ["first", "second", "third"]
    assert {"TransformEndTime", "CreationTime", "TransformJobArn", "TransformJobStatus"} <= listed[0].keys()
    chosen = sagemaker.list_transform_jobs(NameContains="ir", StatusEquals="Completed")
    assert [job["TransformJobName"] for job in chosen["TransformJobSummaries"]] == ["third", "first"]
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find requested job with name: no"):
        sagemaker.describe_transform_job(TransformJobName="no")


def test_log_has_a_model_stream_and_a_service_stream(jobs: Transforms) -> None:
    jobs.model()
    jobs.put("in/a.csv", "bad")
    jobs.run(ContentType="text/csv")
    logs = jobs.world.aws("logs")
    group = "/aws/sagemaker/TransformJobs"

    def messages(end: str) -> str:
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return ""
        # Other tests of this session write to the same group.
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="job/")["logStreams"]
        names = [found["logStreamName"] for found in streams if found["logStreamName"].endswith(end)]
        pages = [logs.get_log_events(logGroupName=group, logStreamName=name)["events"] for name in names]
        return "\n".join(event["message"] for page in pages for event in page)

    until(lambda: f"{jobs.prefix}/in/a.csv: ClientError: 422" in messages("/data-log"))
    until(lambda: "asked 'bad'" in messages(""))


def test_concurrent_requests_match_the_parameter(tmp_path: Path) -> None:
    """Each response waits until three requests are active."""
    together = threading.Barrier(3, timeout=PATIENCE)

    def invoke(payload: bytes) -> bytes:
        together.wait()
        return payload.upper()

    request = {"TransformInput": {}, "TransformOutput": {}}
    (tmp_path / "in").write_bytes(b"a\nb\nc\nd\ne\nf\n")
    with ThreadPoolExecutor(3) as requests:
        Transformation(
            data_processing.parse(request),
            ExecutionParameters(3, 6, "SingleRecord"),
            "Line",
            "None",
            "Line",
            requests,
            invoke,
        ).run(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"A\nB\nC\nD\nE\nF\n"


@pytest.mark.parametrize("keys", [("x", "x.out/y"), ("n" * 253,)])
def test_keys_whose_outputs_clash_are_named(jobs: Transforms, keys: tuple[str, ...]) -> None:
    jobs.model()
    for key in keys:
        jobs.put(f"in/{key}", "1,2\n")
    job = jobs.run("clash")
    assert job["FailureReason"].startswith("ClientError: Data download failed: ")
    assert "s3://" in job["FailureReason"]


def test_record_with_half_a_surrogate_pair_round_trips() -> None:
    record = rb'{"a":"\ud800"}'
    assert Json().write(Json().read(record)) == record


def test_record_that_nests_too_deeply_is_a_record_error() -> None:
    with pytest.raises(RecordError, match="Failed to parse as JSON"):
        Json().read(b"[" * 100_000)
