"""What a user might write: boto3, waiters, and no word about where AWS is."""

import io
import json
import tarfile

import boto3

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = "arn:aws:iam::000000000000:role/mine"
BUCKET = "plain-boto3"
OFTEN = {"Delay": 1, "MaxAttempts": 300}

COUNT = 'print(len(open("/opt/ml/processing/input/text/text.txt").readlines()), "lines",'
COUNT += ' file=open("/opt/ml/processing/output/count/count.txt", "w"))'
TRAIN = """import os
print("loss=0.25")
with open(os.environ["SM_MODEL_DIR"] + "/weights.txt", "w") as file:
    file.write(os.environ["SM_HP_ROUNDS"])
"""

s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.create_bucket(Bucket=BUCKET)


def put(key: str, body: bytes) -> str:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def get(uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def place(name: str, uri: str) -> dict:
    local = f"/opt/ml/processing/input/{name}"
    return {
        "InputName": name,
        "S3Input": {"S3Uri": uri, "LocalPath": local, "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }


def process() -> str:
    output = {
        "S3Uri": f"s3://{BUCKET}/out",
        "LocalPath": "/opt/ml/processing/output/count",
        "S3UploadMode": "EndOfJob",
    }
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    sagemaker.create_processing_job(
        ProcessingJobName="count",
        RoleArn=ROLE,
        AppSpecification={
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/count.py"],
        },
        ProcessingInputs=[
            place("code", put("code/count.py", COUNT.encode())),
            place("text", put("text/text.txt", b"a\nb\nc\n")),
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "count", "S3Output": output}]},
        ProcessingResources={"ClusterConfig": cluster},
    )
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName="count", WaiterConfig=OFTEN
    )
    return get(f"s3://{BUCKET}/out/count.txt").decode().strip()


def train() -> dict:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(TRAIN)
        archive.addfile(member, io.BytesIO(TRAIN.encode()))
    source = put("source.tar.gz", packed.getvalue())
    sagemaker.create_training_job(
        TrainingJobName="mine",
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        HyperParameters={
            "rounds": "7",
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": json.dumps(source),
        },
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="mine", WaiterConfig=OFTEN)
    return sagemaker.describe_training_job(TrainingJobName="mine")


processed = process()
trained = train()
model = get(trained["ModelArtifacts"]["S3ModelArtifacts"])
with tarfile.open(fileobj=io.BytesIO(model)) as archive:
    names = archive.getnames()
(metric,) = trained["FinalMetricDataList"]
print(json.dumps({"processed": processed, "model": names, "loss": metric["Value"]}))
