"""A server whose jobs have metrics that would take for ages."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.local.conftest import Connect
from tests.local.test_listening import BUCKET, MACHINE, ROLE, put
from tests.support.waiting import until

from stagewright.local import server as local

ENDLESS = "import time\nwhile True: print('a' * 60 + '!', flush=True); time.sleep(0.01)"


def train(client: Connect, name: str, seconds: int) -> None:
    submit = put(client, f"tests/{name}.tar.gz", **{"train.py": ENDLESS})
    client("sagemaker").create_training_job(
        TrainingJobName=name,
        HyperParameters={
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(submit),
        },
        AlgorithmSpecification={
            "TrainingImage": "own-image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "evil", "Regex": "(a+)+$"}],
        },
        RoleArn=ROLE,
        ResourceConfig=MACHINE,
        StoppingCondition={"MaxRuntimeInSeconds": seconds},
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/tests"},
    )


def has_status(client: Connect, name: str, status: str) -> bool:
    job = client("sagemaker").describe_training_job(TrainingJobName=name)
    return job["SecondaryStatus"] == status


@pytest.mark.slow
def test_slow_metric_stops_neither_requests_nor_time_limits_nor_down(state: Path, clients: Any) -> None:
    server = local.up(state)
    (state / "local.toml").write_text(f'[pythons]\n"own-image" = "{sys.executable}"\n')
    client = clients(server)
    train(client, "limited", 5)
    until(lambda: has_status(client, "limited", "Training"))
    started = time.monotonic()
    for _ in range(20):
        client("sagemaker").list_training_jobs()
    assert time.monotonic() - started < 10  # the search would take centuries
    until(lambda: has_status(client, "limited", "MaxRuntimeExceeded"))

    train(client, "endless", 600)
    until(lambda: has_status(client, "endless", "Training"))
    assert local.down(state)
    assert local.find(state) is None
