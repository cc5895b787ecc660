"""Parts of the job lifecycle that need no process."""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path

import pytest
from tests.support.waiting import until

from sagemaker_local.api.fields import refuse_unsupported, values, without_effect
from sagemaker_local.api.protocol import ApiError, service_model
from sagemaker_local.jobs import training_jobs, transitions
from sagemaker_local.logs.delivery import DeliveredLogs
from sagemaker_local.resource import event_detail
from sagemaker_local.sandbox import rewrite

TRAIN = runpy.run_path(str(training_jobs.TRAIN))


def test_ended_states_are_final():
    for status, following in itertools.product(transitions.ENDED, transitions.ALLOWED):
        assert not transitions.may_become(status, following)


def test_stopping_job_cannot_complete_or_continue():
    assert not transitions.may_become("Stopping", "Completed")
    assert not transitions.may_become("Stopping", "InProgress")


def test_every_secondary_status_is_one_of_the_api():
    known = service_model().shape_for("SecondaryStatus").enum
    assert set(transitions.STATUS_OF) <= set(known)
    assert set(transitions.MESSAGES) == set(transitions.STATUS_OF)


def test_new_transition_ends_the_previous_one():
    record = {}
    for time, secondary in enumerate(("Starting", "Training", "Completed")):
        transitions.add_transition(record, secondary, float(time))
    spans = [
        (item["Status"], item["StartTime"], item["EndTime"]) for item in record["SecondaryStatusTransitions"]
    ]
    assert spans == [("Starting", 0, 1), ("Training", 1, 2), ("Completed", 2, 2)]


def test_every_job_field_is_used_rejected_or_declared_idle():
    """A field added by a newer botocore fails this test until it is classified."""
    from sagemaker_local.jobs import processing_jobs

    read = {
        "CreateProcessingJob": {
            "ProcessingJobName", "StoppingCondition", "AppSpecification", "Environment", "RoleArn", "Tags",
        },
        "CreateTrainingJob": {
            "TrainingJobName", "HyperParameters", "RoleArn", "OutputDataConfig", "StoppingCondition", "Tags",
            "CheckpointConfig", "EnableNetworkIsolation", "Environment",
        },
    }  # fmt: skip
    for operation, module in (("CreateProcessingJob", processing_jobs), ("CreateTrainingJob", training_jobs)):
        named = {path.partition(".")[0].removesuffix("[]") for path in (*module.RULES, *module.IDLE_FIELDS)}
        members = set(service_model().operation_model(operation).input_shape.members)
        assert members - named - read[operation] == set()


def test_values_at_a_path():
    request = {"a": [{"b": {"c": 1}}, {"b": {}}, {"b": {"c": 3}}]}
    assert list(values(request, "a[].b.c")) == [1, 3]
    with pytest.raises(ApiError, match=r"not supported by the local SageMaker: a\.b\.c=3"):
        refuse_unsupported(request, {"a[].b.c": (1,)})
    assert without_effect({"a": False, "b": [], "c": {"d": "x"}}, ("a", "b", "c.d")) == ["c.d"]


def test_events_carry_milliseconds():
    record = {"CreationTime": 1.5, "List": [{"StartTime": 2.25}], "TrainingTimeInSeconds": 7}
    assert event_detail(record) == {
        "CreationTime": 1500,
        "List": [{"StartTime": 2250}],
        "TrainingTimeInSeconds": 7,
    }


def test_rewriting_changes_only_the_exact_path():
    folder = Path("/state/job/ml")
    assert rewrite.text("a=/opt/ml/model:/opt/ml b=/opt/mlflow/x", folder) == (
        "a=/state/job/ml/model:/state/job/ml b=/opt/mlflow/x"
    )


@pytest.mark.parametrize(
    ("hyperparameters", "arguments"),
    [
        ({"b": 1, "alpha": 0.5}, ["--alpha", "0.5", "-b", "1"]),
        ({"flag": True, "none": None}, ["--flag", "True", "--none", ""]),
        ({"map": {"y": 2, "x": 1}}, ["--map", "x=1,y=2"]),
        ({"list": [1, "a"]}, ["--list", "[1, 'a']"]),
    ],
)
def test_arguments_match_sagemaker_training(hyperparameters, arguments):
    """The reference is mapping.to_cmd_args of sagemaker-training 5.1.4."""
    assert TRAIN["to_arguments"](hyperparameters) == arguments


def test_json_hyperparameters_are_decoded():
    assert [TRAIN["decode"](text) for text in ("300", "0.1", '"a"', "plain", "true", "[1]")] == [
        300, 0.1, "a", "plain", True, [1],
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["../train.py", "/train.py", "-c", "a;b", "a/./b.py", ""])
def test_invalid_script_names_are_rejected(name):
    with pytest.raises(TRAIN["ClientError"]):
        TRAIN["check_name"](name)


def test_logs_reach_cloudwatch_in_order(settings, logs_client, tmp_path):
    logs = DeliveredLogs(settings)
    stream = logs.open("/aws/sagemaker/Test", "job/algo-1-1", tmp_path / "deep/log")
    lines = [f"line {number}" for number in range(50)]
    for line in (*lines, ""):
        stream.write(f"{line}\n".encode())
    stream.close()
    logs.close()
    until(lambda: len(messages(logs_client, "/aws/sagemaker/Test", "job/algo-1-1")) >= len(lines))
    assert messages(logs_client, "/aws/sagemaker/Test", "job/algo-1-1") == lines
    assert (tmp_path / "deep/log").read_text().splitlines() == [*lines, ""]
    assert list(stream.tail) == [*lines, ""][-40:]


def test_log_file_is_written_without_cloudwatch(settings, tmp_path):
    from dataclasses import replace

    logs = DeliveredLogs(replace(settings, url="http://127.0.0.1:1"))
    stream = logs.open("/g", "s", tmp_path / "log")
    stream.write(b"kept\n")
    stream.close()
    logs.close()
    assert (tmp_path / "log").read_text() == "kept\n"


def test_jobs_log_to_the_group_of_their_type(bench, logs_client):
    bench.process("logged", "print('from processing')")
    bench.train("logged", "print('from training')")
    for noun in ("Processing", "Training"):
        bench.ended("logged", noun)
        group = f"/aws/sagemaker/{noun}Jobs"
        said = f"from {noun.lower()}"
        bench.until(lambda group=group, said=said: said in messages(logs_client, group, "logged/algo-1-"))


def messages(client, group, prefix):
    """Empty while the stream is not there."""
    try:
        streams = client.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
    except client.exceptions.ResourceNotFoundException:
        return []
    found = []
    for stream in streams:
        page = client.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )
        found += [event["message"] for event in page["events"]]
    return found
