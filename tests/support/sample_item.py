"""An item and scripts in the form of AWS's sample: its keys, and scripts that work as the sample's do."""

from __future__ import annotations

from typing import Any

BASH = """#!/bin/bash
cd /opt/ml/processing/input/code/
set -e
if [[ -f 'requirements.txt' ]]; then
    pip install -r requirements.txt
fi
python preprocessing.py "$@"
"""
PREPROCESSING = """
import argparse
from io import StringIO

import boto3
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--prefix")
parser.add_argument("--bucket")
args = parser.parse_args()
data = load_diabetes(as_frame=True).frame
for name, frame in zip(("train", "test"), train_test_split(data, random_state=42)):
    text = StringIO()
    frame.to_csv(text)
    key = f"{args.prefix}/{name}/diabetes_{name}.csv"
    boto3.resource("s3").Object(args.bucket, key).put(Body=text.getvalue())
"""
SCRIPT = """
import argparse
import os

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=10)
    parser.add_argument("--min-samples-leaf", type=int, default=3)
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--test", default=os.environ.get("SM_CHANNEL_TEST"))
    parser.add_argument("--features", type=str)
    parser.add_argument("--target", type=str)
    args, _ = parser.parse_known_args()
    train = pd.read_csv(os.path.join(args.train, "diabetes_train.csv"))
    test = pd.read_csv(os.path.join(args.test, "diabetes_test.csv"))
    columns = args.features.split()
    model = RandomForestRegressor(n_estimators=args.n_estimators, min_samples_leaf=args.min_samples_leaf)
    model.fit(train[columns], train[args.target])
    print(f"trees: {len(model.estimators_)}")
    print(f"MAE: {mean_absolute_error(test[args.target], model.predict(test[columns]))}")
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
"""
SCRIPTS = {"bash_script.sh": BASH, "preprocessing.py": PREPROCESSING, "requirements.txt": "joblib\n"}
PLACE = "s3://my-bucket/terraform-demo"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:0.23-1-cpu-py3"
SUBMITTED = {
    "sagemaker_program": "script.py",
    "sagemaker_submit_directory": f"{PLACE}/stepfunc/input/source.tar.gz",
}
COLUMNS = {"features": "age bmi bp s5", "target": "target"}
METRICS = [{"Name": "trees", "Regex": "trees: ([0-9.]+).*$"}, {"Name": "MAE", "Regex": "MAE: ([0-9.]+).*$"}]
ITEM: dict[str, Any] = {
    "name": "demo-dev-domain-diabetes",
    "acc_id": "111122223333",
    "app": "/var/lang",
    "dataset_date": "2022-05-23",
    "env": "dev",
    "event_source": "manual",
    "pipeline_stage": "stepfunc",
    "project": "demo",
    "region": "us-east-1",
    "sagemaker_role_arn": "arn:aws:iam::111122223333:role/service-role/tf-sagemaker-role-dev-2",
    "state_machine_name": "demo-dev-ml-train-pipeline-common2",
    "retention": 12,
    "preprocessing": {
        "container_argument": ["--prefix", "terraform-demo/sklearn-dataset", "--bucket", "my-bucket"],
        "container_entrypoint": ["/bin/bash", "/opt/ml/processing/input/code/bash_script.sh"],
        "entrypoint_path": f"{PLACE}/stepfunc/input/",
        "source_code_path": f"{PLACE}/stepfunc/input/",
        "image_url": IMAGE,
        "instance_type": "ml.m5.xlarge",
        "job_name": "proc-job",
        "job_type": "sagemaker-processing",
        "output_result_data_path": f"{PLACE}/preprocessing/output/result_data/",
        "output_test_data_path": f"{PLACE}/sklearn-dataset/test/",
        "output_train_data_path": f"{PLACE}/sklearn-dataset/train/",
    },
    "training_job": "Y",
    "training": {
        "hyperparameters": {**SUBMITTED, **COLUMNS, "n_estimators": "30", "min_samples_leaf": "4"},
        "output_path": f"{PLACE}/training/output/",
        "job_name": "training-job-2022-06-01-b72a3a9d",
        "instance_type": "ml.m5.xlarge",
        "image_url": IMAGE,
        "metricdefinitions": METRICS,
    },
    "tuning_job": "N",
    "tuning": {
        "statichyperparameters": {**SUBMITTED, **COLUMNS, "sagemaker_estimator_class_name": "SKLearn"},
        "parameterranges": {
            "ContinuousParameterRanges": [],
            "IntegerParameterRanges": [
                {"MinValue": "20", "MaxValue": "40", "Name": "n_estimators"},
                {"MinValue": "2", "MaxValue": "6", "Name": "min-samples-leaf"},
            ],
            "CategoricalParameterRanges": [],
        },
        "job_name": "tuning-job-2022-06-01-b72a3a9d",
        "hyperparametejobobjective": {"MetricName": "MAE", "Type": "Minimize"},
        "output_path": f"{PLACE}/tuning/output/",
        "instance_type": "ml.m5.xlarge",
        "metricdefinitions": METRICS,
    },
    "create_model": "Y",
    "model_para": {
        "model_name": "rc-model",
        "environment": {key.upper(): value for key, value in SUBMITTED.items()},
    },
    "transform_job": "N",
    "transform_para": {"output": f"{PLACE}/transform/ouput/", "job_name": "transform-job"},
    "create_endpoint_config": "Y",
    "config_para": {"config_name": "demo-config"},
    "create_endpoint": "Y",
    "endpoint_para": {"endpoint_name": "demo-endpoint"},
    "postprocessing_job": "N",
}
