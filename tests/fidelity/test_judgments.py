"""Every judgment of a step: an answer that contradicts the fact differs, and so does a rejection."""

from __future__ import annotations

import pytest
from botocore.stub import ANY, Stubber
from tools.aws_facts import job_facts, report
from tools.aws_facts.step import Target, judged, try_step

from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

STEPS = {step.id: step for step in report.STEPS}
ACCEPTED = {"response": {}}
FAILED = ["sagemaker:createModel did not succeed"]
OTHER = {"error": "InternalError", "message": "something else"}
ENDED_WELL = {"status": "SUCCEEDED", "output": "{}"}
FINDING = {"findingType": "ERROR", "issueCode": "INVALID_ACTION", "findingDetails": "details"}
IN_USE = {"error": "ValidationException", "message": "Cannot do this"}
CONTRADICTIONS = {
    "A1": [{"same account": False}],
    "A2": ["another"],
    "A3": [["there is no quota named x"]],
    "A4": [9.0],
    "A5": [["the rule data matches"]],
    "F1": [None, "", "rows.csv"],
    "F9": [ACCEPTED, OTHER, IN_USE],
    "F15": [{"result": "FAIL", "diagnostics": []}],
    "F16": [{"status": "DELETING", "as rendered": True}, {"status": "ACTIVE", "as rendered": False}],
    "F17": [FAILED],
    "F19": [FAILED],
    "F21": ["that of a version"],
    "F22": [ACCEPTED, OTHER],
    "F23": [ACCEPTED, OTHER],
    "F24": [FAILED],
    "F28": [
        {"error": "States.TaskFailed", "cause": "a sentence"},
        {"error": "States.TaskFailed", "cause": {"FailureReason": ""}},
        {"error": "States.Timeout", "cause": {"FailureReason": "x"}},
    ],
    "F29": [ENDED_WELL, {"status": "FAILED", "error": "States.QueryEvaluationError", "cause": "stop"}],
    "F31": [{"BestTrainingJob": None}, {"BestTrainingJob": {"TrainingJobName": "x"}}],
    "F32": [ACCEPTED, OTHER],
    "F34": [{"status": "SUCCEEDED", "output": '"0.30000000000000004"'}],
    "F35": [FAILED],
    "F39": [[], ["shell.py", "--made", "s3://b/x"]],
    "F40": [{"script": "exists"}],
    "F41": [FAILED],
    "F43": [FAILED],
    "F44": [ACCEPTED, OTHER],
    "F46": [ACCEPTED, OTHER, IN_USE],
    "F53": [{"sagemaker_job_name": "a-training-job", "tuning job": "a-tuning-job"}],
    "F54": [{"factor": "2"}, {"sagemaker_program": "train.py"}],
    "F56": [OTHER],
    "F57": [FAILED],
    "F58": [[]],
    "F59": [ACCEPTED, OTHER],
    "F63": [FAILED],
    "F64": ["3.9", ""],
    "F65": [ACCEPTED, OTHER, IN_USE],
    "F68": [ACCEPTED],
    "F70": ["arn:aws:kms:us-east-1:123456789012:key/x"],
    "F73": [{"role router": [FINDING]}, {"trust of router": [FINDING | {"findingType": "SECURITY_WARNING"}]}],
    "F75": [["Rule data: another pattern"]],
    "F76": [["no events were recorded"]],
    "F77": [{"equal": "ConditionalCheckFailedException", "other": ""}, {"equal": "", "other": ""}],
    "F79": [{"status": "SUCCEEDED", "output": "null"}],
    "F81": [{"training": OTHER}, {"training": IN_USE, "transform": ACCEPTED}],
    "F82": [FAILED],
    "F83": [FAILED],
    "F103": [OTHER | {"status": "Approved"}, ACCEPTED | {"status": "Approved"}],
    "F104": [{"by": {}}],
    "F112": [ENDED_WELL],
    "F116": [ACCEPTED],
    "F113": [{"status": "FAILED", "error": "States.QueryEvaluationError", "cause": "D1001"}],
}


def test_every_step_has_an_answer_that_contradicts_it():
    assert CONTRADICTIONS.keys() == STEPS.keys()


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, answers in CONTRADICTIONS.items() for answer in answers]
)
def test_contradicting_answer_differs(name, answer):
    verdict = judged(STEPS[name], answer)
    assert verdict.outcome == "differs"
    assert all(verdict.details)


@pytest.fixture
def target():
    gateway = OperatorGateway.connect(Installation("b", "us-east-1", "000000000000", "smoke"), None, "k", "s")
    task = job_facts.JOBS["hyper_parameter_tuning"][1]
    yield Target(gateway, records={"tasks": {task: {"HyperParameterTuningJobName": "smoke-every-tune"}}})
    gateway.close()


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("The sum of the ranges may be at most 30", "confirmed"),
        ("Could not assume role arn:aws:iam::000000000000:role/smoke-missing", "not tried"),
        ("", "differs"),
    ],
)
def test_tuning_job_of_a_missing_role_shows_which_rejection_comes_first(target, message, outcome):
    config = {"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}}
    definition = {
        "RoleArn": "arn:aws:iam::000000000000:role/stagewright-smoke-sagemaker",
        "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "i/x:1"},
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    known = {
        "HyperParameterTuningJobName": "smoke-every-tune",
        "HyperParameterTuningJobArn": "arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/x",
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": definition,
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": 0,
        "TrainingJobStatusCounters": {},
        "ObjectiveStatusCounters": {},
    }
    expected = {
        "HyperParameterTuningJobName": "smoke-missing",
        "HyperParameterTuningJobConfig": ANY,
        "TrainingJobDefinition": definition | {"RoleArn": "arn:aws:iam::000000000000:role/smoke-missing"},
    }
    with Stubber(target.client("sagemaker")) as sagemaker:
        sagemaker.add_response("describe_hyper_parameter_tuning_job", known)
        create = "create_hyper_parameter_tuning_job"
        if message:
            sagemaker.add_client_error(create, "ValidationException", message, 400, expected_params=expected)
        else:
            arn = known["HyperParameterTuningJobArn"]
            sagemaker.add_response(create, {"HyperParameterTuningJobArn": arn}, expected)
        verdict = try_step(STEPS["F116"], target)
        sagemaker.assert_no_pending_responses()
    assert verdict.outcome == outcome
