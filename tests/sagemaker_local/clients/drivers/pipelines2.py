"""Use SageMaker Pipelines with the SageMaker Python SDK 2, in the form of AWS's project template.

Argument: the output file. It receives the result of every step, or the traceback of a failed step.
"""

import contextlib
import json
import sys
import traceback
from pathlib import Path

from clock import hurry

hurry()

from botocore.exceptions import ClientError, WaiterError  # noqa: E402
from sagemaker.inputs import TrainingInput  # noqa: E402
from sagemaker.model_metrics import MetricsSource, ModelMetrics  # noqa: E402
from sagemaker.processing import ProcessingInput, ProcessingOutput  # noqa: E402
from sagemaker.sklearn import SKLearn, SKLearnModel, SKLearnProcessor  # noqa: E402
from sagemaker.workflow.condition_step import ConditionStep  # noqa: E402
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo  # noqa: E402
from sagemaker.workflow.fail_step import FailStep  # noqa: E402
from sagemaker.workflow.functions import Join, JsonGet  # noqa: E402
from sagemaker.workflow.model_step import ModelStep  # noqa: E402
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString  # noqa: E402
from sagemaker.workflow.pipeline import Pipeline  # noqa: E402
from sagemaker.workflow.pipeline_context import PipelineSession  # noqa: E402
from sagemaker.workflow.properties import PropertyFile  # noqa: E402
from sagemaker.workflow.steps import ProcessingStep, TrainingStep  # noqa: E402

ROLE = "arn:aws:iam::111122223333:role/of-my-account"
VERSION, INSTANCE = "1.4-2", "ml.m5.xlarge"
PROCESSING = "/opt/ml/processing"
GROUP = "lines"

PREPARE = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--times", type=int)
args = parser.parse_args()
rows = pathlib.Path("/opt/ml/processing/input/rows.csv").read_text().split()
for name in ("train", "test"):
    pathlib.Path(f"/opt/ml/processing/{name}/{name}.csv").write_text("\\n".join(rows * args.times))
"""
TRAIN = """
import argparse, os, joblib, numpy
from sklearn.linear_model import LinearRegression

def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit-intercept", type=int)
    args = parser.parse_args()
    rows = numpy.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "train.csv"), delimiter=",")
    model = LinearRegression(fit_intercept=bool(args.fit_intercept)).fit(rows[:, :1], rows[:, 1])
    joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
"""
EVALUATE = """
import json, tarfile, joblib, numpy
with tarfile.open("/opt/ml/processing/model/model.tar.gz") as tar:
    tar.extractall(path=".")
model = joblib.load("model.joblib")
rows = numpy.loadtxt("/opt/ml/processing/test/test.csv", delimiter=",")
mse = float(numpy.mean((model.predict(rows[:, :1]) - rows[:, 1] - 1) ** 2))
report = {"regression_metrics": {"mse": {"value": mse, "standard_deviation": 0.0}}}
with open("/opt/ml/processing/evaluation/evaluation.json", "w") as file:
    json.dump(report, file)
"""
for name, text in {"prepare.py": PREPARE, "train.py": TRAIN, "evaluate.py": EVALUATE}.items():
    Path(name).write_text(text)
Path("rows.csv").write_text("1,3\n2,5\n4,9\n")
session = PipelineSession()
common = {"role": ROLE, "instance_type": INSTANCE, "sagemaker_session": session}


def get_pipeline():
    count = ParameterInteger(name="ProcessingInstanceCount", default_value=1)
    data = ParameterString(name="InputData", default_value=session.upload_data("rows.csv", key_prefix="raw"))
    threshold = ParameterFloat(name="MseThreshold", default_value=6.0)
    processor = SKLearnProcessor(framework_version=VERSION, **{**common, "instance_count": count})
    prepared = ProcessingStep(
        name="LinesProcess",
        step_args=processor.run(
            code="prepare.py",
            arguments=["--times", "2"],
            inputs=[ProcessingInput(source=data, destination=f"{PROCESSING}/input")],
            outputs=[
                ProcessingOutput(output_name=name, source=f"{PROCESSING}/{name}")
                for name in ("train", "test")
            ],
        ),
    )
    outputs = prepared.properties.ProcessingOutputConfig.Outputs
    estimator = SKLearn(
        entry_point="train.py", framework_version=VERSION, hyperparameters={"fit-intercept": 1},
        **{**common, "instance_count": 1},
    )  # fmt: skip
    channel = TrainingInput(outputs["train"].S3Output.S3Uri, content_type="text/csv")
    trained = TrainingStep(
        name="LinesTrain",
        step_args=estimator.fit({"train": channel}),
    )
    artifact = trained.properties.ModelArtifacts.S3ModelArtifacts
    report = PropertyFile(name="Report", output_name="evaluation", path="evaluation.json")
    evaluator = SKLearnProcessor(framework_version=VERSION, **{**common, "instance_count": 1})
    evaluated = ProcessingStep(
        name="LinesEval",
        step_args=evaluator.run(
            code="evaluate.py",
            inputs=[
                ProcessingInput(source=artifact, destination=f"{PROCESSING}/model"),
                ProcessingInput(source=outputs["test"].S3Output.S3Uri, destination=f"{PROCESSING}/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source=f"{PROCESSING}/evaluation")],
        ),
        property_files=[report],
    )
    metrics_uri = evaluated.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
    statistics = MetricsSource(
        s3_uri=Join(on="/", values=[metrics_uri, "evaluation.json"]), content_type="application/json"
    )
    script = {"entry_point": "train.py", "framework_version": VERSION}
    model = SKLearnModel(model_data=artifact, role=ROLE, sagemaker_session=session, **script)
    registered = ModelStep(
        name="LinesRegister",
        step_args=model.register(
            content_types=["text/csv"], response_types=["text/csv"], inference_instances=["ml.m5.large"],
            model_package_group_name=GROUP, model_metrics=ModelMetrics(model_statistics=statistics),
        ),
    )  # fmt: skip
    mse = JsonGet(step_name=evaluated.name, property_file=report, json_path="regression_metrics.mse.value")
    failed = FailStep(name="LinesFail", error_message=Join(on=" ", values=["mse above", threshold]))
    condition = ConditionStep(
        name="LinesMse",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=threshold)],
        if_steps=[registered],
        else_steps=[failed],
    )
    return Pipeline(
        name="LinesPipeline",
        parameters=[count, data, threshold],
        steps=[prepared, trained, evaluated, condition],
        sagemaker_session=session,
    )


def upsert():
    global pipeline
    pipeline = get_pipeline()
    first = pipeline.upsert(role_arn=ROLE)
    second = pipeline.upsert(role_arn=ROLE, description="again")
    described = pipeline.describe()
    fields = ("PipelineName", "PipelineDescription", "PipelineStatus")
    listed = session.sagemaker_client.list_pipelines()["PipelineSummaries"]
    return {
        "same": first["PipelineArn"] == second["PipelineArn"],
        "described": {key: described[key] for key in fields},
        "definition": json.loads(described["PipelineDefinition"]) == json.loads(pipeline.definition()),
        "listed": [item["PipelineName"] for item in listed],
    }


def start():
    execution = pipeline.start()
    execution.wait(delay=1, max_attempts=240)
    packages = session.sagemaker_client.list_model_packages(ModelPackageGroupName=GROUP)
    (package,) = packages["ModelPackageSummaryList"]
    described = session.sagemaker_client.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    listed = session.sagemaker_client.list_pipeline_executions(PipelineName=pipeline.name)
    return {
        "status": execution.describe()["PipelineExecutionStatus"],
        "steps": {step["StepName"]: step["StepStatus"] for step in execution.list_steps()},
        "made": {step["StepName"]: step.get("Metadata") for step in execution.list_steps()},
        "model": described["InferenceSpecification"]["Containers"][0]["Environment"]["SAGEMAKER_PROGRAM"],
        "metrics": described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"],
        "executions": len(listed["PipelineExecutionSummaries"]),
    }


def start_with_parameters():
    """The model misses by 1, so a lower threshold fails the execution."""
    execution = pipeline.start(parameters={"MseThreshold": 0.5})
    with contextlib.suppress(WaiterError):
        execution.wait(delay=1, max_attempts=240)
    described = execution.describe()
    listed = execution.list_parameters()["PipelineParameters"]
    return {
        "status": described["PipelineExecutionStatus"],
        "reason": described.get("FailureReason", ""),
        "steps": {step["StepName"]: step["StepStatus"] for step in execution.list_steps()},
        "parameters": listed,
    }


def refused():
    try:
        pipeline.start(parameters={"Nothing": "x"})
    except ClientError as error:
        return {"message": str(error)}


def delete():
    pipeline.delete()
    return {"listed": session.sagemaker_client.list_pipelines()["PipelineSummaries"]}


answers = {}
for step in (upsert, start, start_with_parameters, refused, delete):
    try:
        answers[step.__name__] = step()
    except BaseException:
        answers[step.__name__] = {"error": traceback.format_exc()}
Path(sys.argv[1]).write_text(json.dumps(answers))
