"""Train with the ModelTrainer of the SageMaker Python SDK 3, in a Python that has it installed.

Argument: the output file. It receives the result of every step, or the traceback of a failed step.
"""

import importlib.metadata
import json
import os
import sys
import traceback
from pathlib import Path

from clock import hurry

hurry()

from sagemaker.core.helper.session_helper import Session  # noqa: E402
from sagemaker.core.resources import TrainingJob  # noqa: E402
from sagemaker.train import ModelTrainer  # noqa: E402
from sagemaker.train.configs import Compute, InputData, SourceCode  # noqa: E402

IMAGE = os.environ["CLIENTS_IMAGE"]
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


def outcome(step):
    try:
        return step()
    except Exception:
        return {"error": traceback.format_exc()}


answers = {"version": importlib.metadata.version("sagemaker"), "bucket": session.default_bucket()}
answers |= {step.__name__: outcome(step) for step in (train, fail)}
Path(sys.argv[1]).write_text(json.dumps(answers))
