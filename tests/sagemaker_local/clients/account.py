"""Resources that the tests create with plain boto3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

BUCKET = "clients"
IMAGE = "plain-python"
TOOLKIT_IMAGE = "with-toolkit"
ROLE = "arn:aws:iam::000000000000:role/stagewright-local-sagemaker"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1}
ECHO = """
import json
def model_fn(folder):
    return "model"
def input_fn(body, content_type):
    return json.loads(body)
def predict_fn(data, model):
    return {"echo": data}
def output_fn(prediction, accept):
    return json.dumps(prediction), accept
"""


@dataclass(frozen=True)
class Account:
    sagemaker: Any
    bucket: Any

    def processing_job(self, name: str, script: str) -> None:
        """What it leaves in /opt/ml/processing/output goes to `<name>/output`."""
        code = self.bucket.put(f"{name}/script.py", script)
        source = {"S3Uri": code, "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix"}
        output = {"S3Uri": self.output(name), "LocalPath": "/opt/ml/processing/output"}
        self.sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=ROLE,
            AppSpecification={
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/script.py"],
            },
            ProcessingResources={"ClusterConfig": CLUSTER},
            ProcessingInputs=[{"InputName": "code", "S3Input": {**source, "S3InputMode": "File"}}],
            ProcessingOutputConfig={
                "Outputs": [{"OutputName": "all", "S3Output": {**output, "S3UploadMode": "EndOfJob"}}]
            },
        )

    def pipeline(self, name: str) -> None:
        definition = {"Version": "2020-12-01", "Steps": [{"Name": "no", "Type": "Fail", "Arguments": {}}]}
        self.sagemaker.create_pipeline(
            PipelineName=name,
            ClientRequestToken=name * 6,
            PipelineDefinition=json.dumps(definition),
            RoleArn=ROLE,
        )

    def training_job(
        self,
        name: str,
        script: str,
        image: str = IMAGE,
        hyperparameters: dict[str, str] | None = None,
        channels: tuple[str, ...] = (),
        **specification: Any,
    ) -> None:
        """In script mode. Its artifact: `model_of(name)`."""
        source = self.bucket.put_archive(f"{name}/source.tar.gz", script_py=script)
        own = {"sagemaker_program": '"script.py"', "sagemaker_submit_directory": json.dumps(source)}
        inputs = [
            {
                "ChannelName": channel,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": self.bucket.put(f"{name}/{channel}/rows", "1"),
                    }
                },
            }
            for channel in channels
        ]
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=ROLE,
            HyperParameters={**own, **(hyperparameters or {})},
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File", **specification},
            ResourceConfig=CLUSTER,
            OutputDataConfig={"S3OutputPath": self.bucket.uri("models")},
            StoppingCondition={"MaxRuntimeInSeconds": 120},
            **({"InputDataConfig": inputs} if inputs else {}),
        )

    def endpoint(self, name: str, script: str = ECHO) -> None:
        """With a configuration and a model of the same name."""
        self.endpoint_config(name, script)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def endpoint_config(self, name: str, script: str = ECHO) -> None:
        self.model(name, script)
        variant = {"VariantName": "only", "ModelName": name, "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
        )

    def model(self, name: str, script: str = ECHO) -> str:
        """Answers its ARN."""
        data = self.bucket.put_archive(f"{name}/model.tar.gz", **{"code/inference_py": script})
        container = {"Image": IMAGE, "ModelDataUrl": data}
        created = self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE
        )
        return str(created["ModelArn"])

    def package(self, group: str) -> None:
        container = {"Image": IMAGE, "ModelDataUrl": self.bucket.uri("model.tar.gz")}
        self.sagemaker.create_model_package(
            ModelPackageGroupName=group,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )

    def output(self, name: str) -> str:
        return str(self.bucket.uri(f"{name}/output"))

    def model_of(self, name: str) -> str:
        return str(self.bucket.uri(f"models/{name}/output/model.tar.gz"))
