"""The whole service, over HTTP with boto3 and across restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import botocore.exceptions
import pytest
from tests.support import processes
from tests.support.waiting import PATIENCE

from sagemaker_local.api.protocol import handle
from sagemaker_local.service import SageMaker

A_WHILE = f"601.{os.getpid()}"
"""Seconds, by which what is left is told from what others of this machine have started."""
QUICK = {"Delay": 0.05, "MaxAttempts": int(PATIENCE / 0.05)}


@pytest.fixture
def boto(bench) -> Iterator[Any]:
    """A boto3 client of `bench.service`, over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            status, answer_headers, answer = handle(bench.service, self.path, headers, body)
            self.send_response(status)
            for key, value in {**answer_headers, "content-length": str(len(answer))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = boto3.client(
        "sagemaker",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )
    yield client
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_waiters_and_times_of_boto3(bench, boto):
    bench.process("waits", "pass")
    bench.train("trains", "pass")
    boto.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName="waits", WaiterConfig=QUICK)
    boto.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="trains", WaiterConfig=QUICK)
    job = boto.describe_training_job(TrainingJobName="trains")
    assert job["TrainingEndTime"].tzinfo is not None
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]


def test_waiter_raises_when_the_job_fails(bench, boto):
    bench.process("fails", "raise SystemExit(1)")
    with pytest.raises(botocore.exceptions.WaiterError, match="Failed"):
        boto.get_waiter("processing_job_completed_or_stopped").wait(
            ProcessingJobName="fails", WaiterConfig=QUICK
        )


def test_error_codes_reach_boto3(boto):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        boto.describe_training_job(TrainingJobName="never")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Requested resource not found.",
    }


def test_paginators_and_filters(bench, boto):
    for number in range(5):
        bench.process(f"page-{number}", "raise SystemExit(1)" if number == 3 else "pass")
    for number in range(5):
        bench.ended(f"page-{number}")
    pages = list(boto.get_paginator("list_processing_jobs").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["ProcessingJobSummaries"]) for page in pages] == [2, 2, 1]
    assert names(pages) == [f"page-{number}" for number in (4, 3, 2, 1, 0)]
    assert names([boto.list_processing_jobs(SortBy="Name", SortOrder="Ascending", MaxResults=2)]) == [
        "page-0",
        "page-1",
    ]
    assert names([boto.list_processing_jobs(StatusEquals="Failed")]) == ["page-3"]
    assert names([boto.list_processing_jobs(NameContains="-4")]) == ["page-4"]
    middle = boto.describe_processing_job(ProcessingJobName="page-2")["CreationTime"]
    assert names([boto.list_processing_jobs(CreationTimeAfter=middle)]) == ["page-4", "page-3"]
    assert names([boto.list_processing_jobs(CreationTimeBefore=middle)]) == ["page-1", "page-0"]
    failed = boto.list_processing_jobs(StatusEquals="Failed")["ProcessingJobSummaries"][0]
    assert failed["FailureReason"].endswith("exit code: 1")


def test_next_token_of_another_request_is_rejected(bench, boto):
    for number in range(3):
        bench.process(f"t-{number}", "pass")
    token = boto.list_processing_jobs(MaxResults=1)["NextToken"]
    for wrong in ({"NextToken": "nonsense"}, {"NextToken": token, "NameContains": "x"}):
        with pytest.raises(botocore.exceptions.ClientError, match="NextToken is not valid"):
            boto.list_processing_jobs(**wrong)


def test_tags(bench, boto):
    arn = bench.process("tagged", "pass", Tags=[{"Key": "a", "Value": "1"}])["ProcessingJobArn"]
    boto.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    assert boto.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    boto.delete_tags(ResourceArn=arn, TagKeys=["a"])
    pages = list(boto.get_paginator("list_tags").paginate(ResourceArn=arn))
    assert [page["Tags"] for page in pages] == [[{"Key": "b", "Value": "2"}]]


def test_unsupported_operation_is_named(bench):
    with pytest.raises(Exception, match="not supported by the local SageMaker: CreateCluster") as caught:
        bench.service.call("CreateCluster", {"ClusterName": "c"})
    assert caught.value.status == 501


def test_close_ends_jobs_with_the_reason(bench):
    bench.process(
        "cut", f"import subprocess\nprint('ready', flush=True)\nsubprocess.run(['sleep', '{A_WHILE}'])"
    )
    bench.until(lambda: "ready" in bench.log("cut"))
    bench.service.close()
    assert sleepers() == 0
    again = SageMaker(bench.settings, lambda *_: None)
    again.start()
    job = again.call("DescribeProcessingJob", {"ProcessingJobName": "cut"})
    again.close()
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "InternalServerError: the local server stopped while the job ran"


def test_killed_server_leaves_no_process_and_reports_its_jobs(bench, s3):
    """A process that runs the service and a job is ended with kill -9."""
    script = f"import subprocess\nsubprocess.run(['setsid', '--wait', 'sleep', '{A_WHILE}'])"
    bench.put("kill/script.py", script)
    holder = """
        import sys, time
        from pathlib import Path
        from sagemaker_local.service import SageMaker
        from sagemaker_local.settings import Settings
        root, url, key, secret, code = sys.argv[1:]
        service = SageMaker(Settings(Path(root), url, key, secret), lambda *_: None)
        service.call("CreateProcessingJob", {
            "ProcessingJobName": "orphan", "RoleArn": "arn:aws:iam::000000000000:role/sagemaker",
            "AppSpecification": {"ImageUri": "plain-python",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/script.py"]},
            "ProcessingResources": {"ClusterConfig":
                {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1}},
            "ProcessingInputs": [{"InputName": "code", "S3Input":
                {"S3Uri": code, "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix"}}]})
        time.sleep(600)
    """
    settings = bench.settings
    root = settings.root.parent / "second"
    (settings.root.parent / "local.toml").replace(root.parent / "local.toml")
    arguments = [str(root), settings.url, settings.access_key, settings.secret_key, bench.uri("kill/")]
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(holder), *arguments])
    try:
        bench.until(lambda: sleepers() or process.poll() is not None)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    bench.until(lambda: sleepers() == 0)
    told: list[dict[str, Any]] = []
    again = SageMaker(type(settings)(root, settings.url, "k", "s"), lambda _kind, detail: told.append(detail))
    again.start()
    job = again.call("DescribeProcessingJob", {"ProcessingJobName": "orphan"})
    again.close()
    assert job["FailureReason"] == "InternalServerError: the local server stopped while the job ran"
    assert [detail["ProcessingJobStatus"] for detail in told] == ["Failed"]


def names(pages: list[dict[str, Any]]) -> list[str]:
    return [job["ProcessingJobName"] for page in pages for job in page["ProcessingJobSummaries"]]


def sleepers() -> int:
    return list(processes.command_lines().values()).count(f"sleep {A_WHILE}")
