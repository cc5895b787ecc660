"""The steps that judge what the runs recorded. Only a target that checks permissions proves those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tools import smoke_records
from tools.aws_facts.runs import CREATES, ENDPOINT, GLUE, JOBS
from tools.aws_facts.step import (
    NotTriedError,
    Step,
    Target,
    equals,
    has,
    nothing,
)

FAILED_TASK = "sagemaker:createTrainingJob.sync"
ENDED = "aws.states Step Functions Execution Status Change SUCCEEDED"


def succeeded(*tasks: str) -> Callable[[Target], list[str]]:
    """Return a step's question: which of these tasks did not succeed in the runs? None on the local target
    proves nothing, but shows that the step works."""

    def observe(target: Target) -> list[str]:
        if not target.records.get("tasks"):
            raise NotTriedError("the runs left no record")
        return [f"{task} did not succeed" for task in tasks if task not in target.records["tasks"]]

    return observe


def recorded(group: str, name: str, *fields: str) -> Callable[[Target], Any]:
    """Return a step's question: this record, or these fields of it."""

    def observe(target: Target) -> Any:
        record = target.record(group, name)
        return {field: record.get(field) for field in fields} if fields else record

    return observe


def status_event(target: Target) -> str:
    arn = target.record("events", ENDED)["detail"]["stateMachineArn"]
    return "that of the state machine" if arn.count(":") == 6 else "that of a version"


def failure_is_named(answer: Any) -> Iterator[str]:
    if not isinstance(answer["cause"], dict):
        yield f"the cause is no JSON: {str(answer['cause'])[:200]}"
    elif not answer["cause"].get("FailureReason"):
        yield "the cause has no FailureReason"
    if answer["error"] != "States.TaskFailed":
        yield f"the error is {answer['error']}"


def attended(target: Target) -> list[str]:
    """Return which kinds of records the runs left nothing of."""
    return [f"no {group} were recorded" for group in smoke_records.GROUPS if not target.records.get(group)]


STEPS = (
    Step(
        "F17",
        "the workflow's role may do what every stage does",
        succeeded(*CREATES, ENDPOINT, GLUE, "lambda:invoke"),
        nothing,
    ),
    Step("F19", "the workflow's role may create the endpoint", succeeded(ENDPOINT), nothing),
    Step(
        "F21",
        "a status event has the ARN of the state machine",
        status_event,
        equals("that of the state machine"),
    ),
    Step("F24", "the integrations accept the fields of our requests", succeeded(*CREATES, ENDPOINT), nothing),
    Step(
        "F28",
        "the cause of a failed job is JSON with FailureReason",
        recorded("failures", FAILED_TASK),
        failure_is_named,
    ),
    Step(
        "F31",
        "BestTrainingJob is as described",
        recorded("tasks", JOBS["hyper_parameter_tuning"][1], "BestTrainingJob"),
        has(
            "BestTrainingJob.TrainingJobName",
            "BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value",
        ),
    ),
    Step("F35", "startJobRun accepts our fields", succeeded(GLUE), nothing),
    Step("F41", "the tag allows Glue's calls", succeeded(GLUE), nothing),
    Step("F43", "the tag of the request allows every create", succeeded(*CREATES, ENDPOINT), nothing),
    Step("F57", "copyObject sends CopySource as it is", succeeded("aws-sdk:s3:copyObject"), nothing),
    Step("F63", "scikit-learn 1.4-2 serves", succeeded(JOBS["transform"][1]), nothing),
    Step("F76", "the smoke test left all its records", attended, nothing),
    Step("F82", "services send the keys of the trusts", succeeded(*CREATES, GLUE), nothing),
    Step("F83", "TaggingAction is sent with every create", succeeded(*CREATES, ENDPOINT), nothing),
)
