"""What a script reads of its job: TrainingEnv of sagemaker_containers, Environment of sagemaker_training."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from . import folders, params
from .mapping import MappingMixin, split_by_criteria, to_cmd_args, to_env_vars

HYPERPARAMETERS_FILE = "hyperparameters.json"
RESOURCE_CONFIG_FILE = "resourceconfig.json"
INPUT_DATA_CONFIG_FILE = "inputdataconfig.json"


def read_hyperparameters() -> dict[str, Any]:
    """The job's hyperparameters. Values that are JSON are decoded."""
    return {name: _decoded(text) for name, text in _config(HYPERPARAMETERS_FILE).items()}


def read_resource_config() -> dict[str, Any]:
    return _config(RESOURCE_CONFIG_FILE)


def read_input_data_config() -> dict[str, Any]:
    return _config(INPUT_DATA_CONFIG_FILE)


def _config(name: str) -> dict[str, Any]:
    """A file of input/config; empty if there is none, as in a processing job."""
    try:
        with open(os.path.join(folders.input_config_dir, name)) as file:
            loaded: dict[str, Any] = json.load(file)
            return loaded
    except OSError:
        return {}


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def num_gpus() -> int:
    return 0


def num_cpus() -> int:
    return os.cpu_count() or 1


def _module_name(program: str | None) -> str | None:
    return program[:-3] if program and program.endswith(".py") else program


class _Variables(MappingMixin):
    """What training and serving have in common, from the container's variables."""

    def __init__(self) -> None:
        self._entry_point = os.environ.get(params.USER_PROGRAM_ENV)
        self._module_dir = os.environ.get(params.SUBMIT_DIR_ENV, folders.code_dir)
        self._current_host = os.environ.get(params.CURRENT_HOST_ENV)
        self._log_level = int(os.environ.get(params.LOG_LEVEL_ENV, logging.INFO))

    model_dir = property(lambda _self: folders.model_dir)
    num_gpus = property(lambda _self: num_gpus())
    num_cpus = property(lambda _self: num_cpus())
    current_host = property(lambda self: self._current_host)
    module_name = property(lambda self: _module_name(self._entry_point))
    module_dir = property(lambda self: self._module_dir)
    log_level = property(lambda self: self._log_level)
    user_entry_point = property(lambda self: self._entry_point)


class ServingEnv(_Variables):
    """The settings of a model server."""

    use_nginx = property(lambda _self: False)
    http_port = property(lambda _self: os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    safe_port_range = property(lambda _self: os.environ.get("SAGEMAKER_SAFE_PORT_RANGE"))
    model_server_timeout = property(lambda _self: int(os.environ.get(params.MODEL_SERVER_TIMEOUT_ENV, "60")))
    model_server_workers = property(
        lambda self: int(os.environ.get(params.MODEL_SERVER_WORKERS_ENV, self.num_cpus))
    )
    framework_module = property(lambda _self: os.environ.get(params.FRAMEWORK_SERVING_MODULE_ENV))
    default_accept = property(
        lambda _self: os.environ.get(params.DEFAULT_INVOCATIONS_ACCEPT_ENV, "application/json")
    )


class TrainingEnv(_Variables):
    """The settings of a training job, from /opt/ml/input/config."""

    def __init__(
        self,
        resource_config: dict[str, Any] | None = None,
        input_data_config: dict[str, Any] | None = None,
        hyperparameters: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._resources = resource_config or read_resource_config()
        self._channels = input_data_config or read_input_data_config()
        given = hyperparameters or read_hyperparameters()
        split = split_by_criteria(given, params.SAGEMAKER_HYPERPARAMETERS, params.SAGEMAKER_PREFIX)
        own = split_by_criteria(split.included, params.SAGEMAKER_HYPERPARAMETERS)
        self._hyperparameters, self._framework, self._own = split.excluded, own.excluded, own.included
        self._current_host = self._resources.get("current_host", self._current_host)
        self._entry_point = self._entry_point or self._own.get(params.USER_PROGRAM_PARAM)
        self._module_dir = str(self._own.get(params.SUBMIT_DIR_PARAM, folders.code_dir))
        self._log_level = self._own.get(params.LOG_LEVEL_PARAM, logging.INFO)

    hosts = property(lambda self: self._resources.get("hosts", []))
    master_hostname = property(lambda self: sorted(self.hosts)[0] if self.hosts else None)
    is_master = property(lambda self: self.current_host == self.master_hostname)
    job_name = property(lambda _self: os.environ.get(params.TRAINING_JOB_ENV))
    additional_framework_parameters = property(lambda self: self._framework)
    sagemaker_s3_output = property(lambda self: self._own.get(params.S3_OUTPUT_LOCATION_PARAM))
    network_interface_name = property(lambda self: self._resources.get("network_interface_name", "eth0"))
    channel_input_dirs = property(lambda self: {name: folders.channel_path(name) for name in self._channels})
    input_dir = property(lambda _self: folders.input_dir)
    input_config_dir = property(lambda _self: folders.input_config_dir)
    output_dir = property(lambda _self: folders.output_dir)
    output_data_dir = property(lambda _self: folders.output_data_dir)
    output_intermediate_dir = property(lambda _self: folders.output_intermediate_dir)
    hyperparameters = property(lambda self: self._hyperparameters)
    resource_config = property(lambda self: self._resources)
    input_data_config = property(lambda self: self._channels)
    framework_module = property(lambda _self: os.environ.get(params.FRAMEWORK_TRAINING_MODULE_ENV))

    def to_cmd_args(self) -> list[str]:
        return to_cmd_args(self.hyperparameters)

    def to_env_vars(self) -> dict[str, str]:
        """The SM_* variables of the script."""
        values = {
            "network_interface_name": self.network_interface_name,
            "hosts": self.hosts,
            "hps": self.hyperparameters,
            "user_entry_point": self.user_entry_point,
            "framework_params": self.additional_framework_parameters,
            "resource_config": self.resource_config,
            "input_data_config": self.input_data_config,
            "output_data_dir": self.output_data_dir,
            "channels": sorted(self.channel_input_dirs),
            "current_host": self.current_host,
            "module_name": self.module_name,
            "log_level": self.log_level,
            "framework_module": self.framework_module,
            "input_dir": self.input_dir,
            "input_config_dir": self.input_config_dir,
            "output_dir": self.output_dir,
            "num_cpus": self.num_cpus,
            "num_gpus": self.num_gpus,
            "model_dir": self.model_dir,
            "module_dir": self.module_dir,
            "training_env": dict(self),
            "user_args": self.to_cmd_args(),
            "output_intermediate_dir": self.output_intermediate_dir,
        }
        channels = {"channel_" + name: path for name, path in self.channel_input_dirs.items()}
        hyperparameters = {"hp_" + name: value for name, value in self.hyperparameters.items()}
        return to_env_vars({**values, **channels, **hyperparameters})


class Environment(TrainingEnv):
    """`TrainingEnv` with what sagemaker_training added: groups of instances."""

    current_instance_type = property(lambda self: self._resources.get("current_instance_type", "local"))
    current_instance_group = property(
        lambda self: self._resources.get("current_group_name", "homogeneousCluster")
    )
    instance_groups_dict = property(
        lambda self: {g["instance_group_name"]: g for g in self._resources.get("instance_groups", [])}
    )
    instance_groups = property(lambda self: list(self.instance_groups_dict))
    current_instance_group_hosts = property(
        lambda self: self.instance_groups_dict.get(self.current_instance_group, {}).get("hosts", self.hosts)
    )
    is_hetero = property(lambda self: len(self.instance_groups) > 1)
    distribution_hosts = property(lambda _self: [])
    distribution_instance_groups = property(lambda _self: [])
    num_neurons = property(lambda _self: 0)
    is_modelparallel_enabled = property(lambda _self: None)
    is_smddpmprun_installed = property(lambda _self: False)
    is_smddprun_installed = property(lambda _self: False)
    topology = property(lambda _self: [])
