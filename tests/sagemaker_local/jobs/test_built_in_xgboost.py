"""AWS's built-in XGBoost: training jobs of its image without a script."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import tarfile

import pytest
from botocore.exceptions import ClientError, WaiterError
from tests.sagemaker_local.world import BUCKET, ROLE

from sagemaker_local.images.environments import Environments
from sagemaker_local.images.stand_ins import stand_ins

pytestmark = pytest.mark.slow

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
QUICK = {"Delay": 0.05, "MaxAttempts": 6000}
OBJECTIVE = {"objective": "reg:squarederror", "num_round": "8"}


def rows(count: int, seed: int) -> list[tuple[float, list[float]]]:
    rng = random.Random(seed)
    features = [[rng.uniform(-1, 1) for _ in range(3)] for _ in range(count)]
    return [(10 + 3 * row[0] - row[1], row) for row in features]


def as_csv(data: list[tuple[float, list[float]]]) -> str:
    return "".join(",".join(map(str, [label, *row])) + "\n" for label, row in data)


def as_libsvm(data: list[tuple[float, list[float]]]) -> str:
    lines = (
        f"{label} " + " ".join(f"{i}:{value}" for i, value in enumerate(row, start=1)) for label, row in data
    )
    return "".join(line + "\n" for line in lines)


@pytest.fixture
def sagemaker(boto):
    return boto("sagemaker")


@pytest.fixture
def channel(world):
    """`channel("train", text, "text/csv")`: a channel with one file."""

    def put(name, text, content_type=None, file="data.txt"):
        prefix = f"{world.settings.root.parent.name}/{name}"
        world.aws("s3").put_object(Bucket=BUCKET, Key=f"{prefix}/{file}", Body=text.encode())
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}/"}}
        typed = {"ContentType": content_type} if content_type else {}
        return {"ChannelName": name, "DataSource": source, **typed}

    return put


@pytest.fixture
def start(world, sagemaker):
    """`start("name", channels, eta="0.3")`: CreateTrainingJob with these hyperparameters."""

    def create(name, channels, image=IMAGE, more=None, **hyperparameters):
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=ROLE,
            HyperParameters={**OBJECTIVE, **hyperparameters},
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            InputDataConfig=channels,
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/{world.settings.root.parent.name}/out"},
            StoppingCondition={"MaxRuntimeInSeconds": 120},
            **(more or {}),
        )

    return create


@pytest.fixture
def train(start, sagemaker):
    """`start`, then the description of the job that has ended."""

    def run(name, *arguments, **options):
        start(name, *arguments, **options)
        waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
        with contextlib.suppress(WaiterError):
            waiter.wait(TrainingJobName=name, WaiterConfig=QUICK)
        return sagemaker.describe_training_job(TrainingJobName=name)

    return run


@pytest.fixture
def files_of(world):
    def read(job):
        bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
        body = world.aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            return {member.name for member in tar if member.isfile()}

    return read


def log_of(world, name):
    return next((world.settings.root / "jobs").glob(f"*/{name}/log")).read_text()


def metrics_of(job):
    return {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}


@pytest.mark.parametrize(
    ("image", "write", "content_type"),
    [
        (IMAGE, as_csv, "text/csv"),
        (IMAGE, as_libsvm, "text/libsvm"),
        (IMAGE, as_libsvm, None),
        ("xgboost-3.0", as_csv, "text/csv"),
    ],
    ids=["csv", "libsvm", "no-content-type", "csv-3.0"],
)
def test_algorithm_trains_and_its_model_is_served(
    world, channel, train, files_of, image, write, content_type
):
    channels = [
        channel("train", write(rows(200, 1)), content_type),
        channel("validation", write(rows(50, 2)), content_type),
    ]
    job = train("built-in", channels, image, eta="0.5", max_depth="4")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert files_of(job) == {"xgboost-model"}
    assert metrics_of(job).keys() == {"train:rmse", "validation:rmse"}
    assert metrics_of(job)["validation:rmse"] < 2
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    container = {"Image": image, "ModelDataUrl": artifact}
    world.call("CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    world.create_config("e", "m")
    world.call("CreateEndpoint", EndpointName="e", EndpointConfigName="e")
    assert world.settled("e")["EndpointStatus"] == "InService"
    row = b"0.5,-0.5,0" if write is as_csv else b"0 1:0.5 2:-0.5 3:0"
    served_type = "text/csv" if write is as_csv else "text/libsvm"
    reply = world.service.invoke("e", row, {"content-type": served_type})
    assert float(reply.body) == pytest.approx(12, abs=1.5)


def test_metrics_are_those_of_the_algorithm(channel, train):
    labels = [(float(label > 10), row) for label, row in rows(120, 3)]
    channels = [
        channel("train", as_csv(labels), "text/csv"),
        channel("validation", as_csv(labels), "csv"),
    ]
    job = train(
        "classes", channels, objective="binary:logistic", eval_metric="auc,accuracy,f1_binary,error@0.4"
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    measured = metrics_of(job)
    names = ("auc", "accuracy", "f1_binary")
    assert measured.keys() == {f"{data}:{name}" for data in ("train", "validation") for name in names}
    assert measured["validation:accuracy"] > 0.9
    assert measured["validation:f1_binary"] > 0.9
    definitions = job["AlgorithmSpecification"]["MetricDefinitions"]
    assert definitions[0]["Name"] == "train:accuracy"


def test_early_stopping_ends_before_the_last_round(world, channel, train):
    noise = [(random.Random(index).uniform(0, 1), [0.0]) for index in range(60)]
    channels = [channel("train", as_csv(rows(60, 4)), "text/csv")]
    channels.append(
        channel("validation", as_csv([(label, [0.1, 0.2, 0.3]) for label, _ in noise]), "text/csv")
    )
    job = train("early", channels, num_round="500", early_stopping_rounds="3", eval_metric="rmse", eta="1")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    log = log_of(world, "early")
    assert log.count("#011validation-rmse:") < 400


WRONG = [
    ({}, "Missing required hyperparameter: num_round"),
    ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, inf)"),
    ({"num_round": "1.5"}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
    ({"num_round": "1", "learning_rate": "2"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
    ({"num_round": "1", "eta": "nan"}, "Hyperparameter eta: nan is not in [0, 1]"),
    ({"num_round": "1", "subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
    (
        {"num_round": "1", "booster": "x"},
        "Hyperparameter booster: x is not in ['gbtree', 'gblinear', 'dart']",
    ),
    ({"num_round": "1", "n_estimators": "3"}, "Extraneous hyperparameter found: n_estimators"),
    (
        {"num_round": "1", "objective": "multi:softmax"},
        "Require input for parameter 'num_class' for multi-classification",
    ),
    (
        {"num_round": "1", "eval_metric": "auc"},
        "Metric 'auc' can only be applied for classification and ranking problems.",
    ),
]
VALIDATE = """
import json, sys
from sagemaker_xgboost_container.algorithm_mode.hyperparameters import validated
for values in json.load(sys.stdin):
    try:
        print(validated(values))
    except Exception as error:
        print(error)
"""


def validated(*values: dict[str, str]) -> list[str]:
    """What the algorithm says of each set of hyperparameters, in the environment of its image."""
    python = Environments().resolve("xgboost-1.7").python
    paths = os.pathsep.join(map(str, stand_ins("xgboost")))
    command = [str(python), "-c", VALIDATE]
    done = subprocess.run(
        command,
        input=json.dumps(values),
        env={"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_wrong_hyperparameters_are_named():
    assert validated(*(values for values, _ in WRONG)) == [message for _, message in WRONG]


def test_hyperparameters_have_their_types():
    values = {"num_round": "3", "reg_lambda": "2", "eval_metric": "mae, error@0.4", "tree_method": "hist"}
    expected = {"num_round": 3, "lambda": 2.0, "eval_metric": ["mae", "error@0.4"], "tree_method": "hist"}
    assert validated(values) == [str(expected)]


def test_wrong_hyperparameter_fails_the_job_with_its_name(channel, train):
    job = train("wrong", [channel("train", as_csv(rows(20, 5)), "text/csv")], eval_metric="rsme")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "AlgorithmError: framework error: \nsagemaker_algorithm_toolkit.exceptions.UserError: "
        "Hyperparameter eval_metric: value ['rsme'] not in range ['accuracy', 'auc'"
    )


@pytest.mark.parametrize(
    ("name", "text", "content_type", "reason"),
    [
        ("training", "1,2\n", "text/csv", "Missing required channel: train"),
        ("train", "1,2\n", "application/json", "is not an accepted ContentType"),
        ("train", "a\n", None, "UserError"),
    ],
)
def test_wrong_channel_fails_with_the_reason(channel, train, name, text, content_type, reason):
    job = train("wrong", [channel(name, text, content_type)])
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_checkpoints_are_kept_and_continued(world, channel, train):
    folder = f"{world.settings.root.parent.name}/checkpoints/"
    more = {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/{folder}"}}
    data = [channel("train", as_csv(rows(60, 6)), "text/csv")]
    assert train("first", data, more=more)["TrainingJobStatus"] == "Completed"
    listed = world.aws("s3").list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]
    names = {item["Key"].rpartition("/")[2] for item in listed}
    assert names == {f"xgboost-checkpoint.{number}" for number in range(3, 8)}
    job = train("second", data, more=more, num_round="10")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    log = log_of(world, "second")
    assert "resuming from iteration 8" in log
    assert log.count("#011train-rmse") == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_kfold": "5"}, "HyperParameters._kfold of the built-in XGBoost algorithm"),
        ({"use_dask_gpu_training": "true"}, "HyperParameters.use_dask_gpu_training"),
    ],
)
def test_what_is_not_supported_is_rejected(channel, start, change, message):
    with pytest.raises(ClientError, match=message):
        start("rejected", [channel("train", "1,2\n", "text/csv")], **change)


SCRIPT = """
import os
print("[0]\\ttrain-rmse:1.5\\tvalidation-rmse:0.25")
open(os.environ["SM_MODEL_DIR"] + "/xgboost-model", "w").close()
"""


@pytest.mark.parametrize("script", [False, True], ids=["built-in", "script"])
def test_tuning_job_uses_the_metrics_of_the_image(world, channel, sagemaker, script):
    metric, static = "validation:mae", OBJECTIVE
    if script:
        source = world.put_model("source", {"train.py": SCRIPT})
        metric = "validation:rmse"
        static = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="tune",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"MetricName": metric, "Type": "Minimize"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}]
            },
        },
        TrainingJobDefinition={
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "InputDataConfig": [
                channel("train", as_csv(rows(60, 7)), "text/csv"),
                channel("validation", as_csv(rows(30, 8)), "text/csv"),
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tuned"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "RoleArn": ROLE,
            "StaticHyperParameters": static,
            "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        },
    )
    job = {"HyperParameterTuningJobStatus": "InProgress"}
    while job["HyperParameterTuningJobStatus"] == "InProgress":
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    assert job["HyperParameterTuningJobStatus"] == "Completed", json.dumps(job, default=str)
    best = job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert best["MetricName"] == metric
    assert 0 < best["Value"] < 5
