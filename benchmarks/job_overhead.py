"""What the local SageMaker adds to a job: create to Completed, over running the same script bare.

    python benchmarks/job_overhead.py [rounds]

Starts a ministack of its own for S3 and logs. Prints medians in milliseconds; the budget is 150 ms over bare.
The rounds are interleaved, so that a busy machine slows both alike.
"""

from __future__ import annotations

import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

import boto3

from sagemaker_local.service import SageMaker
from sagemaker_local.settings import Settings

BUDGET_MS = 150
IMAGE = "plain-python"
ROLE = "arn:aws:iam::000000000000:role/sagemaker"
SCRIPT = "import json, os, pathlib\npathlib.Path({out!r}).write_text('done')\n"
ENDED = ("Completed", "Failed", "Stopped")


def main(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as name, ministack(Path(name)) as url:
        folder = Path(name)
        (folder / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
        service = SageMaker(Settings(folder / "sagemaker", url, "k", "s"), lambda *_: None)
        service.start()
        prepare(url)
        times: dict[str, list[float]] = {"bare": [], "processing": [], "training": []}
        for number in range(rounds + 1):
            for kind, act in (("bare", bare), ("processing", processing), ("training", training)):
                began = time.perf_counter()
                act(service, folder, f"{kind}-{number}")
                times[kind].append((time.perf_counter() - began) * 1000)
        service.close()
    medians = {kind: statistics.median(found[1:]) for kind, found in times.items()}
    over = {kind: medians[kind] - medians["bare"] for kind in ("processing", "training")}
    print(f"bare {medians['bare']:.0f} ms")
    for kind, extra in over.items():
        print(f"{kind} {medians[kind]:.0f} ms, {extra:.0f} over bare (budget {BUDGET_MS})")
    return 0 if max(over.values()) <= BUDGET_MS else 1


def bare(_service: SageMaker, folder: Path, name: str) -> None:
    script = folder / "bare.py"
    script.write_text(SCRIPT.format(out=str(folder / name)))
    subprocess.run([sys.executable, str(script)], check=True)


def processing(service: SageMaker, _folder: Path, name: str) -> None:
    code = {"S3Uri": "s3://bench/script.py", "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix"}
    out = {
        "S3Uri": f"s3://bench/out/{name}",
        "LocalPath": "/opt/ml/processing/out",
        "S3UploadMode": "EndOfJob",
    }
    request = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/script.py"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1}
        },
        "ProcessingInputs": [{"InputName": "code", "S3Input": code}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": out}]},
    }
    run(service, "Processing", name, request)


def training(service: SageMaker, _folder: Path, name: str) -> None:
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "HyperParameters": {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps("s3://bench/source.tar.gz"),
        },
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "OutputDataConfig": {"S3OutputPath": "s3://bench/models"},
    }
    run(service, "Training", name, request)


def run(service: SageMaker, noun: str, name: str, request: dict) -> None:
    service.call(f"Create{noun}Job", request)
    while True:
        job = service.call(f"Describe{noun}Job", {f"{noun}JobName": name})
        if job[f"{noun}JobStatus"] in ENDED:
            break
        time.sleep(0.005)
    if job[f"{noun}JobStatus"] != "Completed":
        raise SystemExit(f"{name}: {job.get('FailureReason')}")


def prepare(url: str) -> None:
    s3 = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    s3.create_bucket(Bucket="bench")
    s3.put_object(
        Bucket="bench", Key="script.py", Body=SCRIPT.format(out="/opt/ml/processing/out/x").encode()
    )
    source = SCRIPT.format(out="/opt/ml/model/x").encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(source)
        tar.addfile(member, io.BytesIO(source))
    s3.put_object(Bucket="bench", Key="source.tar.gz", Body=packed.getvalue())
    s3.close()


@contextmanager
def ministack(folder: Path):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
    }
    env |= {"IOT_MTLS_ENABLED": "0", "SERVICES": "s3,logs"}
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "ministack"], env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(url)
        yield url
    finally:
        process.kill()
        process.wait()


def wait(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("ministack did not start")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
