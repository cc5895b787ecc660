"""Use the SageMaker Python SDK 2 as its documentation shows, in a Python that has it installed.

Argument: the output file. It receives the result of every step, or the traceback of a failed step.
"""

import contextlib
import io
import json
import sys
import traceback
from pathlib import Path

from clock import hurry

hurry()

import boto3  # noqa: E402
import sagemaker  # noqa: E402
from sagemaker import image_uris  # noqa: E402
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer  # noqa: E402
from sagemaker.estimator import Estimator  # noqa: E402
from sagemaker.inputs import TrainingInput  # noqa: E402
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor  # noqa: E402
from sagemaker.serializers import CSVSerializer, JSONSerializer  # noqa: E402
from sagemaker.sklearn import SKLearn, SKLearnModel, SKLearnProcessor  # noqa: E402
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner  # noqa: E402
from sagemaker.xgboost import XGBoost  # noqa: E402

ROLE = "arn:aws:iam::111122223333:role/of-my-account"
VERSION, INSTANCE = "1.4-2", "ml.m5.xlarge"
ROWS = "1,3\n2,5\n4,9\n"

PREPARE = """
import pathlib, sys
rows = pathlib.Path("/opt/ml/processing/input/raw/rows.csv").read_text().split()
out = pathlib.Path("/opt/ml/processing/output/doubled")
(out / "rows.csv").write_text("\\n".join(rows * 2))
(out / "arguments").write_text(" ".join(sys.argv[1:]))
"""

TRAIN = """
import argparse, os, pathlib
import joblib, numpy, sklearn
from sklearn.linear_model import LinearRegression

def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit-intercept", type=int)
    parser.add_argument("--label")
    given = parser.parse_args()
    rows = numpy.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv"), delimiter=",")
    model = LinearRegression(fit_intercept=bool(given.fit_intercept)).fit(rows[:, :1], rows[:, 1])
    print(f"slope: {model.coef_[0]}")
    folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, folder / "model.joblib")
    (folder / "note").write_text(f"{given.label} {sklearn.__version__}")
"""

session = sagemaker.Session()
folder = Path.cwd()
(folder / "prepare.py").write_text(PREPARE)
(folder / "train.py").write_text(TRAIN)
(folder / "rows.csv").write_text(ROWS)
common = {"role": ROLE, "instance_type": INSTANCE, "instance_count": 1, "sagemaker_session": session}


def process(processor):
    processor.run(
        code="prepare.py",
        inputs=[ProcessingInput(source="rows.csv", destination="/opt/ml/processing/input/raw")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/output/doubled", output_name="doubled")],
        arguments=["--times", "2"],
    )
    return processor.latest_job.outputs[0].destination


def sklearn_processor():
    return {"output": process(SKLearnProcessor(framework_version=VERSION, **common))}


def script_processor():
    image = image_uris.retrieve("sklearn", "us-east-1", version=VERSION, instance_type=INSTANCE)
    return {"output": process(ScriptProcessor(image_uri=image, command=["python3"], **common))}


def fit():
    global estimator
    estimator = SKLearn(
        entry_point="train.py",
        framework_version=VERSION,
        hyperparameters={"fit-intercept": 1, "label": "straight line"},
        metric_definitions=[{"Name": "slope", "Regex": "slope: ([0-9.]+)"}],
        **common,
    )
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        estimator.fit({"train": session.upload_data("rows.csv", key_prefix="sdk2/train")})
    job = estimator.latest_training_job.describe()
    metrics = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
    return {"model": estimator.model_data, "metrics": metrics, "shown": shown.getvalue()}


def deploy():
    return served(estimator.deploy(initial_instance_count=1, instance_type=INSTANCE))


def deploy_model():
    model = SKLearnModel(
        model_data=estimator.model_data,
        role=ROLE,
        entry_point="train.py",
        image_uri=estimator.image_uri,
        sagemaker_session=session,
    )
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type=INSTANCE,
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )
    return served(predictor, as_json=True)


def served(predictor, as_json=False):
    """A prediction; then everything that the deployment made is deleted."""
    predicted = predictor.predict([[3.0], [10.0]])
    described = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
    predictor.delete_model()
    predictor.delete_endpoint(delete_endpoint_config=True)
    return {
        "predictions": predicted if as_json else predicted.tolist(),
        "endpoint": predictor.endpoint_name,
        "config": described["EndpointConfigName"],
    }


def transform():
    """JSON: of a single CSV line the container makes one dimension, which predict refuses."""
    (folder / "lines.jsonl").write_text("[[3]]\n[[10]]\n")
    transformer = estimator.transformer(
        instance_count=1, instance_type=INSTANCE, strategy="SingleRecord", assemble_with="Line"
    )
    with contextlib.redirect_stdout(io.StringIO()):
        transformer.transform(
            session.upload_data("lines.jsonl", key_prefix="sdk2/lines"),
            content_type="application/json",
            split_type="Line",
        )
    transformer.delete_model()
    return {"output": transformer.output_path}


def register():
    package = estimator.register(
        content_types=["text/csv"],
        response_types=["application/json"],
        inference_instances=[INSTANCE],
        transform_instances=[INSTANCE],
        model_package_group_name="sdk2-lines",
        approval_status="PendingManualApproval",
        description="a line",
        customer_metadata_properties={"from": "sdk2"},
    )
    return {"package": package.model_package_arn}


XGBOOST_SCRIPT = """
import argparse, json, os, pathlib
import numpy, xgboost
parser = argparse.ArgumentParser()
parser.add_argument("--max_depth", type=int)
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
arguments = parser.parse_args()
rows = numpy.loadtxt(pathlib.Path(arguments.train) / "labeled.csv", delimiter=",")
matrix = xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])
booster = xgboost.train({"max_depth": arguments.max_depth}, matrix, 3)
booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "xgboost-model"))
"""


def labeled_rows():
    """Rows for XGBoost, with the label first; their S3 URI."""
    (folder / "labeled.csv").write_text("".join(f"{2 * n + 1},{n},{n % 3}\n" for n in range(60)))
    return session.upload_data("labeled.csv", key_prefix="sdk2/labeled")


def xgboost_script():
    (folder / "boost.py").write_text(XGBOOST_SCRIPT)
    estimator = XGBoost("boost.py", framework_version="1.7-1", hyperparameters={"max_depth": 3}, **common)
    with contextlib.redirect_stdout(io.StringIO()):
        estimator.fit({"train": labeled_rows()})
    return {"model": estimator.model_data}


def tune_built_in():
    """AWS's algorithm, tuned, and its best model on an endpoint."""
    image = image_uris.retrieve("xgboost", "us-east-1", version="1.7-1")
    algorithm = Estimator(image, **common)
    algorithm.set_hyperparameters(objective="reg:squarederror", num_round=20, max_depth=4)
    tuner = HyperparameterTuner(
        algorithm,
        "validation:rmse",
        {"eta": ContinuousParameter(0.3, 0.9)},
        strategy="Random",
        objective_type="Minimize",
        max_jobs=2,
        max_parallel_jobs=1,
    )
    rows = TrainingInput(labeled_rows(), content_type="text/csv")
    tuner.fit({"train": rows, "validation": rows})
    best = tuner.best_training_job()
    with contextlib.redirect_stdout(io.StringIO()):
        predictor = tuner.deploy(1, INSTANCE, serializer=CSVSerializer(), deserializer=CSVDeserializer())
    (row,) = predictor.predict([[30, 0]])
    predictor.delete_model()
    predictor.delete_endpoint()
    jobs = tuner.analytics().training_job_summaries()
    return {"best": best, "jobs": [job["TrainingJobName"] for job in jobs], "predicted": float(row[0])}


def outcome(step):
    try:
        return step()
    except Exception:
        return {"error": traceback.format_exc()}


steps = (sklearn_processor, script_processor, fit, deploy, deploy_model, transform, register)
steps += (xgboost_script, tune_built_in)
answers = {
    "version": sagemaker.__version__,
    "endpoint": boto3.client("sagemaker").meta.endpoint_url,
    "bucket": session.default_bucket(),
    "buckets": [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]],
    "role": Estimator("any", instance_count=1, instance_type=INSTANCE).role,
}
answers |= {step.__name__: outcome(step) for step in steps}
Path(sys.argv[1]).write_text(json.dumps(answers))
