"""Train with the ModelTrainer of the SageMaker Python SDK 3, in a Python that has it installed.

Argument: the output file. It receives the result of every step, or the traceback of a failed step.
"""

import importlib.metadata
import json
import os
import sys
import tarfile
import traceback
from pathlib import Path

from clock import hurry

hurry()

from sagemaker.core.helper.session_helper import Session  # noqa: E402
from sagemaker.core.processing import ScriptProcessor  # noqa: E402
from sagemaker.core.resources import TrainingJob  # noqa: E402
from sagemaker.core.shapes import (  # noqa: E402
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.transformer import Transformer  # noqa: E402
from sagemaker.serve.model_builder import ModelBuilder  # noqa: E402
from sagemaker.train import ModelTrainer  # noqa: E402
from sagemaker.train.configs import Compute, InputData, SourceCode  # noqa: E402

IMAGE = os.environ["CLIENTS_IMAGE"]
ROLE = "arn:aws:iam::111122223333:role/of-my-account"
TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--power", type=int)
given = parser.parse_args()
channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
total = sum(float(line) ** given.power for line in (channel / "rows.txt").read_text().split())
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "model.json").write_text(json.dumps({"total": total, "hyperparameters": os.environ["SM_HPS"]}))
"""

folder = Path.cwd()
(folder / "code").mkdir()
(folder / "code/train.py").write_text(TRAIN)
(folder / "code/broken.py").write_text("raise ValueError('no such feature')")
(folder / "rows.txt").write_text("1\n2\n4\n")
session = Session()


def trainer(name, script):
    return ModelTrainer(
        sagemaker_session=session,
        training_image=IMAGE,
        source_code=SourceCode(source_dir="code", entry_script=script),
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
        hyperparameters={"power": 2},
        base_job_name=name,
    )


def train():
    squares = trainer("squares", "train.py")
    squares.train(input_data_config=[InputData(channel_name="train", data_source="rows.txt")])
    job = TrainingJob.get(training_job_name=squares._latest_training_job.training_job_name)
    return {"model": job.model_artifacts.s3_model_artifacts}


def fail():
    broken = trainer("broken", "broken.py")
    try:
        broken.train()
    except Exception as error:
        return {"said": str(error)}
    return {"said": ""}


PROCESS = """
import pathlib, sys
rows = pathlib.Path("/opt/ml/processing/rows/rows.txt").read_text().split()
pathlib.Path("/opt/ml/processing/doubled/rows.txt").write_text(" ".join(rows * int(sys.argv[1])))
"""
ECHO = """
import json
def model_fn(folder):
    return 10
def input_fn(body, content_type):
    return float(body)
def predict_fn(data, model):
    return data * model
def output_fn(prediction, accept):
    return str(prediction), accept
"""


def process():
    (folder / "process.py").write_text(PROCESS)
    bucket = session.default_bucket()
    rows = ProcessingS3Input(
        s3_uri=session.upload_data("rows.txt", key_prefix="sdk3/rows"),
        local_path="/opt/ml/processing/rows",
        s3_data_type="S3Prefix",
        s3_input_mode="File",
    )
    doubled = ProcessingS3Output(
        s3_uri=f"s3://{bucket}/sdk3/doubled",
        local_path="/opt/ml/processing/doubled",
        s3_upload_mode="EndOfJob",
    )
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        instance_type="ml.m5.xlarge",
        instance_count=1,
        base_job_name="doubling",
        sagemaker_session=session,
    )
    processor.run(
        code="process.py",
        inputs=[ProcessingInput(input_name="rows", s3_input=rows)],
        outputs=[ProcessingOutput(output_name="doubled", s3_output=doubled)],
        arguments=["2"],
    )
    return {"output": doubled.s3_uri}


def builder(address="s3://{bucket}/{key}"):
    """A model builder for a model that multiplies by ten."""
    (folder / "inference.py").write_text(ECHO)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        tar.add(folder / "inference.py", "code/inference.py")
    bucket = session.default_bucket()
    key = session.upload_data("model.tar.gz", key_prefix="sdk3/echo").split("/", 3)[3]
    url = address.format(bucket=bucket, key=key)
    return ModelBuilder(s3_model_data_url=url, image_uri=IMAGE, role_arn=ROLE, sagemaker_session=session)


def transform():
    """The artifact is named by its https address, as an example of the SDK does."""
    builder("https://{bucket}.s3-us-east-1.amazonaws.com/{key}").build(model_name="echo")
    (folder / "lines.csv").write_text("label,2\nlabel,3\n")
    output = f"s3://{session.default_bucket()}/sdk3/transformed"
    transformer = Transformer(
        model_name="echo",
        instance_count=1,
        instance_type="ml.m5.xlarge",
        strategy="SingleRecord",
        accept="text/csv",
        assemble_with="Line",
        output_path=output,
        sagemaker_session=session,
    )
    transformer.transform(
        session.upload_data("lines.csv", key_prefix="sdk3/lines"),
        content_type="text/csv",
        split_type="Line",
        input_filter="$[1:]",
    )
    return {"output": output}


def register():
    package = builder().register(
        model_package_group_name="sdk3-echo",
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.xlarge"],
        approval_status="Approved",
    )
    return {"package": package}


def outcome(step):
    try:
        return step()
    except Exception:
        return {"error": traceback.format_exc()}


answers = {"version": importlib.metadata.version("sagemaker"), "bucket": session.default_bucket()}
answers |= {step.__name__: outcome(step) for step in (train, fail, process, transform, register)}
Path(sys.argv[1]).write_text(json.dumps(answers))
