"""Every waiter of boto3's SageMaker client reaches each final state, or is rejected as unsupported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, WaiterError

WAITERS: dict[str, Any] = (
    botocore.session.get_session()
    .get_component("data_loader")
    .load_service_model("sagemaker", "waiters-2")["waiters"]
)
HERE = {
    "ProcessingJobCompletedOrStopped",
    "TrainingJobCompletedOrStopped",
    "EndpointInService",
    "EndpointDeleted",
}
"""Those of resources that there are; a waiter that is not named here must be refused."""
ELSEWHERE = {"TransformJobCompletedOrStopped"}
"""Tested with the jobs that it waits for."""
EXITS = [
    pytest.param(name, acceptor["expected"], acceptor["state"], id=f"{name}-{acceptor['expected']}")
    for name in sorted(HERE)
    for acceptor in WAITERS[name]["acceptors"]
]
QUICK = {"Delay": 0.05, "MaxAttempts": 6000}
MISSING = "ValidationException"
WRITES = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER)
(folder / "written").write_text("whole")
"""
FAILS = "raise SystemExit('no such column: price')"
HANGS = "import time; time.sleep(600)"
RAISES = "def model_fn(folder):\n    raise RuntimeError('no such model')"

Situation = Callable[[Any], dict[str, str]]
"""Brings about what the waiter waits for; answers the waiter's arguments."""


def processing(name: str, script: str) -> Situation:
    def make(account):
        account.processing_job(name, script.replace("FOLDER", '"/opt/ml/processing/output"'))
        if script is HANGS:
            account.sagemaker.stop_processing_job(ProcessingJobName=name)
        return {"ProcessingJobName": name}

    return make


def training(name: str, script: str) -> Situation:
    def make(account):
        account.training_job(name, script.replace("FOLDER", '"/opt/ml/model"'))
        if script is HANGS:
            account.sagemaker.stop_training_job(TrainingJobName=name)
        return {"TrainingJobName": name}

    return make


def endpoint(name: str, **script: str) -> Situation:
    def make(account):
        account.endpoint(name, **script)
        return {"EndpointName": name}

    return make


def deleted(name: str) -> Situation:
    def make(account):
        found = endpoint(name)(account)
        account.sagemaker.get_waiter("endpoint_in_service").wait(**found, WaiterConfig=QUICK)
        account.sagemaker.delete_endpoint(**found)
        return found

    return make


def missing(member: str) -> Situation:
    return lambda _account: {member: "nobody"}


SITUATIONS: dict[tuple[str, str], Situation] = {
    ("ProcessingJobCompletedOrStopped", "Completed"): processing("wait-completed", WRITES),
    ("ProcessingJobCompletedOrStopped", "Stopped"): processing("wait-stopped", HANGS),
    ("ProcessingJobCompletedOrStopped", "Failed"): processing("wait-failed", FAILS),
    ("ProcessingJobCompletedOrStopped", MISSING): missing("ProcessingJobName"),
    ("TrainingJobCompletedOrStopped", "Completed"): training("wait-completed", WRITES),
    ("TrainingJobCompletedOrStopped", "Stopped"): training("wait-stopped", HANGS),
    ("TrainingJobCompletedOrStopped", "Failed"): training("wait-failed", FAILS),
    ("TrainingJobCompletedOrStopped", MISSING): missing("TrainingJobName"),
    ("EndpointInService", "InService"): endpoint("wait-in-service"),
    ("EndpointInService", "Failed"): endpoint("wait-failed", script=RAISES),
    ("EndpointInService", MISSING): missing("EndpointName"),
    ("EndpointDeleted", MISSING): deleted("wait-deleted"),
    ("EndpointDeleted", "Failed"): endpoint("wait-not-deleted", script=RAISES),
}


@pytest.mark.parametrize(("waiter", "expected", "state"), EXITS)
def test_waiter_ends_in_the_state_of_its_model(account, waiter, expected, state):
    arguments = SITUATIONS[waiter, expected](account)
    wait = account.sagemaker.get_waiter(xform_name(waiter)).wait
    if state == "success":
        wait(**arguments, WaiterConfig=QUICK)
        return
    with pytest.raises(WaiterError) as raised:
        wait(**arguments, WaiterConfig=QUICK)
    response = raised.value.last_response
    assert expected in (response.get("Error", {}).get("Code"), *response.values())
    assert expected == MISSING or "no such" in response["FailureReason"]


def test_waiter_result_is_available(account, bucket, connect):
    """The result exists, not only the status."""
    wait = account.sagemaker.get_waiter
    account.processing_job("written", WRITES.replace("FOLDER", '"/opt/ml/processing/output"'))
    wait("processing_job_completed_or_stopped").wait(ProcessingJobName="written", WaiterConfig=QUICK)
    assert bucket.read(f"{account.output('written')}/written") == b"whole"
    account.training_job("written", WRITES.replace("FOLDER", '"/opt/ml/model"'))
    wait("training_job_completed_or_stopped").wait(TrainingJobName="written", WaiterConfig=QUICK)
    assert bucket.archive(account.model_of("written")) == {"written": b"whole"}
    runtime = connect("sagemaker-runtime")
    account.endpoint("answers")
    wait("endpoint_in_service").wait(EndpointName="answers", WaiterConfig=QUICK)
    assert answer(runtime) == b'{"echo": [1, 2]}'
    account.sagemaker.delete_endpoint(EndpointName="answers")
    wait("endpoint_deleted").wait(EndpointName="answers", WaiterConfig=QUICK)
    with pytest.raises(ClientError, match="not found"):
        answer(runtime)


def answer(runtime):
    invoked = runtime.invoke_endpoint(EndpointName="answers", ContentType="application/json", Body=b"[1, 2]")
    return invoked["Body"].read()


@pytest.mark.parametrize("waiter", sorted(WAITERS.keys() - HERE - ELSEWHERE))
def test_other_waiters_report_an_unsupported_resource(unchecked, waiter):
    with pytest.raises(
        WaiterError, match=f"not supported by the local SageMaker: {WAITERS[waiter]['operation']}"
    ):
        unchecked.get_waiter(xform_name(waiter)).wait(WaiterConfig={"Delay": 0, "MaxAttempts": 1})
