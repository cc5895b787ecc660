"""The unmodified SageMaker Python SDK 2, configured only by environment variables."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from sagemaker_local.sdk_defaults import ROLE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(drive, sdk2_python):
    return drive(sdk2_python, "sdk2.py")


def test_sdk_version_and_endpoint(answers, server):
    assert answers["version"].startswith("2.")
    assert answers["endpoint"] == server.url


def test_default_bucket_is_created_and_named_as_on_aws(answers):
    """The SDK would ask STS for the account at an address of its own."""
    assert answers["bucket"] == "sagemaker-us-east-1-000000000000"
    assert answers["bucket"] in answers["buckets"]


def test_role_has_a_default(answers):
    assert answers["role"] == ROLE


@pytest.mark.parametrize("step", ["sklearn_processor", "script_processor"])
def test_processor_runs_the_script_on_its_inputs(answer, bucket, step):
    output = answer(step)["output"]
    assert bucket.read(f"{output}/rows.csv").split() == [b"1,3", b"2,5", b"4,9"] * 2
    assert bucket.read(f"{output}/arguments") == b"--times 2"


def test_estimator_trains_with_its_hyperparameters(answer, bucket):
    trained = answer("fit")
    model = bucket.archive(trained["model"])
    assert set(model) == {"model.joblib", "note"}
    assert model["note"].startswith(b"straight line 1.4.")
    assert trained["metrics"]["slope"] == pytest.approx(2)


def test_script_output_is_streamed_to_the_log(answer):
    assert "slope: 2.0" in answer("fit")["shown"]


@pytest.mark.parametrize("step", ["deploy", "deploy_model"])
def test_deployed_model_predicts_and_is_deleted_completely(answer, sagemaker, step):
    served = answer(step)
    assert served["predictions"] == pytest.approx([7, 21])
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=served["endpoint"], WaiterConfig={"Delay": 0.05, "MaxAttempts": 6000}
    )
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.describe_endpoint_config(EndpointConfigName=served["config"])
    assert sagemaker.list_models(NameContains="sagemaker-scikit-learn")["Models"] == []


def test_transformer_predicts_line_by_line(answer, bucket):
    lines = bucket.read(f"{answer('transform')['output']}/lines.jsonl.out").decode().splitlines()
    assert [json.loads(line) for line in lines] == [pytest.approx([7]), pytest.approx([21])]


def test_registered_model_is_pending_manual_approval(answer, sagemaker):
    package = sagemaker.describe_model_package(ModelPackageName=answer("register")["package"])
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == answer("fit")["model"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"] == {"from": "sdk2"}


def test_model_card_names_the_training_job(answer, sagemaker):
    """The SDK looks up the training job that created the artifact."""
    package = sagemaker.describe_model_package(ModelPackageName=answer("register")["package"])
    card = json.loads(package["ModelCard"]["ModelCardContent"])
    job = card["training_details"]["training_job_details"]["training_arn"]
    described = sagemaker.describe_training_job(TrainingJobName=job.rpartition("/")[2])
    assert described["ModelArtifacts"]["S3ModelArtifacts"] == answer("fit")["model"]


def test_xgboost_script_trains(answer, bucket):
    assert set(bucket.archive(answer("xgboost_script")["model"])) == {"xgboost-model"}


def test_built_in_xgboost_is_tuned_and_served(answer):
    tuned = answer("tune_built_in")
    assert tuned["best"] in tuned["jobs"]
    assert len(tuned["jobs"]) == 2
    assert tuned["predicted"] == pytest.approx(61, abs=8)
