"""The contents of a training job's /opt/ml.

Configuration is under input/config, and each channel is a folder under input/data ("How Amazon SageMaker AI
Provides Training Information", developer guide).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sagemaker_local.jobs.hosts import NETWORK_INTERFACE, Host
from sagemaker_local.store import Record

FOLDERS = ("input/config", "input/data", "model", "output/data", "output/intermediate", "code", "checkpoints")
GROUP = "homogeneousCluster"


def make_folders(opt_ml: Path) -> None:
    for name in FOLDERS:
        (opt_ml / name).mkdir(parents=True, exist_ok=True)


def write_configuration(host: Host, record: Record) -> None:
    opt_ml = host.opt_ml
    _write(opt_ml, "hyperparameters", record.get("HyperParameters", {}))
    _write(opt_ml, "inputdataconfig", _channels(record))
    _write(opt_ml, "resourceconfig", _resources(record["ResourceConfig"].get("InstanceType", "local"), host))
    _write(opt_ml, "init-config", {"inputMode": "FILE", "channels": sorted(_channels(record))})
    if "CheckpointConfig" in record:
        _write(opt_ml, "checkpointconfig", record["CheckpointConfig"])


def _channels(record: Record) -> dict[str, dict[str, Any]]:
    default = record["AlgorithmSpecification"]["TrainingInputMode"]
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", default),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in record.get("InputDataConfig", [])
    }


def _resources(instance_type: str, host: Host) -> dict[str, Any]:
    hosts = list(host.names)
    group = {"instance_group_name": GROUP, "instance_type": instance_type, "hosts": hosts}
    return {
        "current_host": host.name,
        "current_instance_type": instance_type,
        "current_group_name": GROUP,
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": NETWORK_INTERFACE,
    }


def _write(opt_ml: Path, name: str, value: Any) -> None:
    (opt_ml / "input/config" / f"{name}.json").write_text(json.dumps(value))
