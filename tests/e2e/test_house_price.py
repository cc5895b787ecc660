"""The full path with boto3 only: from the manifest upload to a prediction of the endpoint.

The tests do not use Stagewright's run layer. They upload what Terraform uploads and read what AWS returns.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from tests.support.waiting import until

from stagewright.document import canonical_json
from stagewright.document.file import read_document
from stagewright.local.state import INSTALLATION

EXAMPLE = Path(__file__).parents[2] / "examples" / "house-price"
NAME = "house-price"
pytestmark = pytest.mark.e2e


class PushResult:
    """A pushed release: the bucket, and the run that its manifest started."""

    def __init__(self, server, client, document: str) -> None:
        self.server, self.client = server, client
        self.bucket = INSTALLATION.bucket
        self.s3, self.dynamodb = client("s3"), client("dynamodb")
        self.put_document(document)
        self.version = self.put_manifest(document)

    def put_document(self, document: str) -> None:
        sample = EXAMPLE / "data" / "ames_house_sales.csv"
        self.s3.put_object(Bucket=self.bucket, Key=f"raw/{NAME}/{sample.name}", Body=sample.read_bytes())
        self.dynamodb.put_item(
            TableName=INSTALLATION.documents_table,
            Item={
                "pipeline": {"S": NAME},
                "item": {"S": "base"},
                "document": {"S": document},
                "sha256": {"S": sha256(document.encode())},
                "written": {"S": "2026-01-01T00:00:00.000Z"},
            },
        )

    def put_manifest(self, document: str) -> str:
        files = {}
        for path in sorted((EXAMPLE / "code").rglob("*.py")):
            name, body = path.relative_to(EXAMPLE / "code").as_posix(), path.read_bytes()
            put = self.s3.put_object(Bucket=self.bucket, Key=f"staging/{NAME}/{name}", Body=body)
            files[name] = {"sha256": sha256(body), "version": put["VersionId"], "size": len(body)}
        hashed = {"document": sha256(document.encode()), "documents": {"base": document}}
        manifest = {"format": 1, "pipeline": NAME, **hashed, "files": files}
        body = json.dumps(manifest).encode()
        return self.s3.put_object(Bucket=self.bucket, Key=f"manifests/{NAME}.json", Body=body)["VersionId"]

    def item(self, run: str, item: str) -> dict:
        key = {"run": {"S": run}, "item": {"S": item}}
        return self.dynamodb.get_item(TableName=INSTALLATION.runs_table, Key=key).get("Item", {})

    def wait(self) -> dict:
        """The header of the run, once it has ended."""
        return until(self._ended)

    def _ended(self) -> dict:
        claim = self.item(f"trigger#code:{NAME}:{self.version}", "claim")
        header = self.item(claim["run_id"]["S"], "run") if claim else {}
        return {} if "open" in header else header

    def results(self, run: str) -> dict[str, dict]:
        stages = ("prepare", "train", "evaluate", "quality", "register", "deploy")
        return {stage: self.item(run, f"stage#{stage}") for stage in stages}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def pushed(server, client) -> PushResult:
    pushed = PushResult(
        server, client, canonical_json.document_json(read_document(EXAMPLE / "pipeline.yaml"))
    )
    pushed.header = pushed.wait()
    pushed.run = pushed.header["run"]["S"]
    return pushed


def test_run_succeeds_and_records_every_stage(pushed):
    assert pushed.header["status"]["S"] == "SUCCEEDED", pushed.header
    results = pushed.results(pushed.run)
    assert {item["status"]["S"] for item in results.values()} == {"SUCCEEDED"}


def test_event_starts_the_router(pushed, client):
    """The router's log names the run, and no test invokes the router."""
    logs = client("logs")
    group = f"/aws/lambda/{INSTALLATION.name('router')}"
    text = " ".join(
        event["message"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    )
    assert pushed.run in text


def test_execution_history_shows_every_stage(pushed, client):
    arn = pushed.header["execution"]["S"]
    pages = client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    text = json.dumps([event for page in pages for event in page["events"]], default=str)
    for stage in pushed.results(pushed.run):
        assert stage in text
    for call in ("createProcessingJob.sync", "createTrainingJob.sync", "createEndpoint"):
        assert call in text


def test_model_is_trained_with_document_hyperparameters(pushed, client):
    result = json.loads(pushed.results(pushed.run)["train"]["result"]["S"])
    job = client("sagemaker").describe_training_job(TrainingJobName=result["job"])
    bucket, _, key = result["model"].removeprefix("s3://").partition("/")
    archive = pushed.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        fitted = json.load(tar.extractfile("hyperparameters.json"))
    asked = json.loads(canonical_json.document_json(read_document(EXAMPLE / "pipeline.yaml")))
    asked = asked["stages"]["train"]["hyperparameters"]
    assert asked
    assert {name: fitted[name.replace("-", "_")] for name in asked} == asked
    assert {name: json.loads(job["HyperParameters"][name]) for name in asked} == asked


def test_model_predicts_held_out_year_accurately(pushed):
    metrics = json.loads(pushed.results(pushed.run)["evaluate"]["result"]["S"])["metrics"]
    assert 0.88 <= metrics["r2"] < 0.99


def test_model_package_is_registered_with_its_lineage(pushed, client):
    arn = json.loads(pushed.results(pushed.run)["register"]["result"]["S"])["package"]
    package = client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert package["ModelPackageStatus"] == "Completed"
    assert package["ModelApprovalStatus"] == "Approved"
    assert pushed.run in json.dumps(package["CustomerMetadataProperties"])


def test_endpoint_predicts_plausible_house_price(pushed, client):
    endpoint = json.loads(pushed.results(pushed.run)["deploy"]["result"]["S"])["endpoint"]
    assert client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=(EXAMPLE / "house.json").read_bytes()
    )
    price = json.loads(answer["Body"].read())
    while isinstance(price, list | dict):
        price = next(iter(price.values() if isinstance(price, dict) else price))
    assert 40_000 < price < 700_000


def test_gate_fails_the_run_when_threshold_is_raised(pushed, client):
    document = json.loads(canonical_json.document_json(read_document(EXAMPLE / "pipeline.yaml")))
    document["parameters"]["min_r2"] = 0.99
    raised = PushResult(pushed.server, client, json.dumps(document, sort_keys=True))
    before = client("sagemaker").list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]
    header = raised.wait()
    after = client("sagemaker").list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]
    assert header["status"]["S"] == "FAILED"
    assert "quality" in header["reason"]["S"]
    assert "0.99" in header["reason"]["S"]
    assert raised.item(header["run"]["S"], "stage#register")["status"]["S"] == "NOT_RUN"
    assert len(after) == len(before)


def test_event_delivered_five_times_starts_one_run(pushed, client):
    """S3 and SQS deliver at least once. The first manifest's event is delivered five more times."""
    installation = INSTALLATION
    event = {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "account": installation.account,
        "region": installation.region,
        "time": "2026-01-01T00:00:00Z",
        "resources": [f"arn:aws:s3:::{pushed.bucket}"],
        "detail": {
            "bucket": {"name": pushed.bucket},
            "object": {"key": f"manifests/{NAME}.json", "version-id": pushed.version},
        },
    }
    sqs, machine = client("sqs"), installation.state_machine_arn
    executions = client("stepfunctions").list_executions
    before = {each["name"] for each in executions(stateMachineArn=machine)["executions"]}
    url = sqs.get_queue_url(QueueName=installation.name("events"))["QueueUrl"]
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    drained = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def left() -> set[str]:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(drained))
        return set(found["Attributes"].values())

    until(lambda: left() == {"0"})
    assert {each["name"] for each in executions(stateMachineArn=machine)["executions"]} == before
    assert pushed.item(f"trigger#code:{NAME}:{pushed.version}", "claim")["run_id"]["S"] == pushed.run
