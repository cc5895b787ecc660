from __future__ import annotations

import socket

import pytest
from botocore.stub import Stubber

from stagewright.errors import DeniedError, NotFoundError, TargetError
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

INSTALLATION = Installation("bucket", "us-east-1", "123456789012", environment="test")


@pytest.fixture
def gateway():
    gateway = OperatorGateway.connect(INSTALLATION, access_key="k", secret_key="s")
    yield gateway
    gateway.close()


def failing(client, operation, code, message="no", status=400, **more):
    stubber = Stubber(client)
    stubber.add_client_error(operation, code, message, status, **more)
    stubber.activate()
    return stubber


def test_denied_call_names_action_and_resource(gateway):
    failing(gateway.objects.client, "put_object", "AccessDenied", status=403)
    with pytest.raises(DeniedError) as caught:
        gateway.objects.put("staging/a.py", b"")
    assert "s3:PutObject on s3://bucket/staging/a.py is denied" in caught.value.message
    assert "allow s3:PutObject" in caught.value.remedy


def test_denied_error_is_a_target_error(gateway):
    failing(gateway.runs.client, "get_item", "AccessDeniedException")
    with pytest.raises(TargetError, match=r"dynamodb:GetItem on the run r is denied"):
        gateway.runs.header("r")


def test_missing_resource_raises_not_found(gateway):
    failing(gateway.objects.client, "get_object", "NoSuchKey", status=404)
    with pytest.raises(NotFoundError, match="s3://bucket/x does not exist"):
        gateway.objects.get("x")


def test_other_errors_raise_target_error_with_the_code(gateway):
    failing(gateway.executions.client, "start_execution", "ExecutionLimitExceeded", "too many")
    with pytest.raises(
        TargetError, match="states:StartExecution on the execution r failed: ExecutionLimitExceeded"
    ):
        gateway.executions.start("r", "{}")


def test_starting_an_existing_execution_returns_its_arn(gateway):
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
def test_validation_exception_of_a_missing_resource_returns_none(gateway, operation, message, ask):
    failing(gateway.jobs.client, operation, "ValidationException", message)
    assert ask(gateway) is None


def test_other_validation_exceptions_raise(gateway):
    failing(
        gateway.jobs.client, "describe_training_job", "ValidationException", "1 validation error detected"
    )
    with pytest.raises(TargetError, match="1 validation error"):
        gateway.jobs.describe("training", "j")


def test_stopping_an_unknown_job_does_nothing(gateway):
    failing(
        gateway.jobs.client, "stop_training_job", "ValidationException", "Requested resource not found."
    ).add_client_error("stop_processing_job", "ThrottlingException")
    gateway.jobs.stop("training", "j")
    with pytest.raises(TargetError, match="ThrottlingException"):
        gateway.jobs.stop("processing", "j")


def test_model_error_has_the_message_of_the_model(gateway):
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


def test_a_model_that_is_too_slow_names_the_limit_of_aws(gateway):
    failing(
        gateway.endpoints.runtime,
        "invoke_endpoint",
        "ModelError",
        "Received server error (0) from primary",
        424,
        modeled_fields={
            "OriginalMessage": "Your invocation timed out while waiting for a response from container x."
        },
    )
    with pytest.raises(
        TargetError, match="did not answer within 60 s, the limit of InvokeEndpoint"
    ) as caught:
        gateway.endpoints.invoke("e", b"{}", "application/json")
    assert "transform stage" in caught.value.remedy


def test_unreachable_target_names_the_remedy(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        gateway = OperatorGateway.connect(
            INSTALLATION, f"http://127.0.0.1:{taken.getsockname()[1]}", "k", "s"
        )
        with pytest.raises(TargetError, match="the target does not answer") as caught:
            gateway.documents.base("p")
        gateway.close()
    assert "stagewright up" in caught.value.remedy


def test_missing_credentials_name_the_remedy(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    gateway = OperatorGateway.connect(INSTALLATION)
    with pytest.raises(TargetError, match="no usable AWS credentials") as caught:
        gateway.documents.base("p")
    assert "AWS_PROFILE" in caught.value.remedy
    gateway.close()


def test_unknown_profile_is_rejected_when_connecting(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(TargetError, match="profile"):
        OperatorGateway.connect(INSTALLATION, profile="no-such-profile")


def test_rejected_event_raises(gateway):
    stubber = Stubber(gateway.events.client)
    answer = {
        "FailedEntryCount": 1,
        "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "try later"}],
    }
    stubber.add_response("put_events", answer)
    stubber.activate()
    with pytest.raises(TargetError, match="try later"):
        gateway.events.put("Run Requested", {})
