from __future__ import annotations

import socket

import pytest
from botocore.stub import Stubber

from stagewright.errors import DeniedError, NotFoundError, TargetError
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

PLACE = Installation("bucket", "us-east-1", "123456789012", environment="test")


@pytest.fixture
def gateway():
    gateway = OperatorGateway.connect(PLACE, access_key="k", secret_key="s")
    yield gateway
    gateway.close()


def failing(client, operation, code, message="no", status=400, **more):
    stubber = Stubber(client)
    stubber.add_client_error(operation, code, message, status, **more)
    stubber.activate()
    return stubber


def test_a_denied_call_names_action_and_resource(gateway):
    failing(gateway.objects.client, "put_object", "AccessDenied", status=403)
    with pytest.raises(DeniedError) as caught:
        gateway.objects.put("staging/a.py", b"")
    assert "s3:PutObject on s3://bucket/staging/a.py is denied" in caught.value.message
    assert "allow s3:PutObject" in caught.value.remedy


def test_denied_is_a_target_error_for_every_service(gateway):
    failing(gateway.runs.client, "get_item", "AccessDeniedException")
    with pytest.raises(TargetError, match=r"dynamodb:GetItem on the run r is denied"):
        gateway.runs.header("r")


def test_what_is_missing_is_not_found(gateway):
    failing(gateway.objects.client, "get_object", "NoSuchKey", status=404)
    with pytest.raises(NotFoundError, match="s3://bucket/x does not exist"):
        gateway.objects.get("x")


def test_any_other_answer_is_a_target_error_with_its_code(gateway):
    failing(gateway.executions.client, "start_execution", "ExecutionLimitExceeded", "too many")
    with pytest.raises(
        TargetError, match="states:StartExecution on the execution r failed: ExecutionLimitExceeded"
    ):
        gateway.executions.start("r", "{}")


def test_an_execution_that_exists_is_no_failure(gateway):
    failing(gateway.executions.client, "start_execution", "ExecutionAlreadyExists")
    arn = "arn:aws:states:us-east-1:123456789012:execution:stagewright-test-workflow:r"
    assert gateway.executions.start("r", "{}") == (arn, False)


@pytest.mark.parametrize(
    ("operation", "message", "ask"),
    [
        (
            "describe_training_job",
            "Requested resource not found.",
            lambda g: g.jobs.describe("training", "j"),
        ),
        (
            "describe_processing_job",
            "Could not find requested job",
            lambda g: g.jobs.describe("processing", "j"),
        ),
        ("describe_endpoint", 'Could not find endpoint "arn".', lambda g: g.endpoints.describe("e")),
        ("describe_model_package", "ModelPackage arn does not exist.", lambda g: g.registry.package("arn")),
    ],
)
def test_sagemaker_says_missing_with_a_validation_exception(gateway, operation, message, ask):
    failing(gateway.jobs.client, operation, "ValidationException", message)
    assert ask(gateway) is None


def test_a_wrong_request_is_not_taken_for_a_missing_job(gateway):
    failing(
        gateway.jobs.client, "describe_training_job", "ValidationException", "1 validation error detected"
    )
    with pytest.raises(TargetError, match="1 validation error"):
        gateway.jobs.describe("training", "j")


def test_stopping_a_job_that_never_was_is_nothing(gateway):
    failing(
        gateway.jobs.client, "stop_training_job", "ValidationException", "Requested resource not found."
    ).add_client_error("stop_processing_job", "ThrottlingException")
    gateway.jobs.stop("training", "j")
    with pytest.raises(TargetError, match="ThrottlingException"):
        gateway.jobs.stop("processing", "j")


def test_the_models_own_failure_is_told_in_its_words(gateway):
    failing(
        gateway.endpoints.runtime,
        "invoke_endpoint",
        "ModelError",
        "Received server error (500) from primary",
        424,
        modeled_fields={"OriginalMessage": "KeyError: 'rooms'", "OriginalStatusCode": 500},
    )
    with pytest.raises(TargetError, match="the model behind e failed: KeyError: 'rooms'"):
        gateway.endpoints.invoke("e", b"{}", "application/json")


def test_no_answer_names_the_remedy(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with socket.socket() as taken:  # and nobody listens
        taken.bind(("127.0.0.1", 0))
        gateway = OperatorGateway.connect(PLACE, f"http://127.0.0.1:{taken.getsockname()[1]}", "k", "s")
        with pytest.raises(TargetError, match="the target does not answer") as caught:
            gateway.documents.base("p")
        gateway.close()
    assert "stagewright up" in caught.value.remedy


def test_no_credentials_names_the_remedy(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    gateway = OperatorGateway.connect(PLACE)
    with pytest.raises(TargetError, match="no usable AWS credentials") as caught:
        gateway.documents.base("p")
    assert "AWS_PROFILE" in caught.value.remedy
    gateway.close()


def test_an_unknown_profile_is_told_when_connecting(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(TargetError, match="profile"):
        OperatorGateway.connect(PLACE, profile="no-such-profile")


def test_an_event_that_is_not_taken_is_an_error(gateway):
    stubber = Stubber(gateway.events.client)
    answer = {
        "FailedEntryCount": 1,
        "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "try later"}],
    }
    stubber.add_response("put_events", answer)
    stubber.activate()
    with pytest.raises(TargetError, match="try later"):
        gateway.events.put("Run Requested", {})


def cancelled(*codes):
    return {"modeled_fields": {"CancellationReasons": [{"Code": code} for code in codes]}}


def header():
    from stagewright.planner.model import Trigger
    from stagewright.store.runs import Header

    return Header(
        "r", "p", "PLANNED", Trigger("code", "k", "2026-01-01T00:00:00.000Z"), "2026-01-01T00:00:00.000Z"
    )


def test_two_claims_at_the_same_moment_are_told_apart_from_a_lost_one(gateway, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stubber = Stubber(gateway.runs.client)
    for codes in (("TransactionConflict", "None"), ("ConditionalCheckFailed", "None")):
        stubber.add_client_error("transact_write_items", "TransactionCanceledException", **cancelled(*codes))
    stubber.activate()
    assert gateway.runs.claim(header()) is False
    stubber.assert_no_pending_responses()


def test_a_claim_that_goes_on_conflicting_is_an_error(gateway, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stubber = Stubber(gateway.runs.client)
    for _ in range(4):
        reasons = cancelled("TransactionConflict", "None")
        stubber.add_client_error("transact_write_items", "TransactionCanceledException", **reasons)
    stubber.activate()
    with pytest.raises(TargetError, match="TransactionCanceledException"):
        gateway.runs.claim(header())


def test_items_that_dynamodb_leaves_for_later_are_written_again(gateway):
    stubber = Stubber(gateway.runs.client)
    left = {PLACE.runs_table: [{"PutRequest": {"Item": {"run": {"S": "b"}}}}]}
    stubber.add_response("batch_write_item", {"UnprocessedItems": left})
    stubber.add_response("batch_write_item", {}, {"RequestItems": left})
    stubber.activate()
    gateway.runs.put_all([{"run": "a"}, {"run": "b"}])
    stubber.assert_no_pending_responses()


def test_items_that_dynamodb_never_takes_are_an_error(gateway, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stubber = Stubber(gateway.runs.client)
    left = {PLACE.runs_table: [{"PutRequest": {"Item": {"run": {"S": "b"}}}}]}
    for _ in range(8):
        stubber.add_response("batch_write_item", {"UnprocessedItems": left})
    stubber.activate()
    with pytest.raises(TargetError, match="left 1 items of a plan unwritten"):
        gateway.runs.put_all([{"run": "b"}])
