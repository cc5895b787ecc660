"""The `train` command of a script-mode job, as AWS's sagemaker-training 5.1 runs it.

Run by path in the job, by the job's Python (3.7 or newer), so it imports only the standard library. The
source is in /opt/ml/code already, and its requirements are installed. The script's environment follows that
package: environment.py (SM_* variables), mapping.py (arguments: sorted, JSON values decoded), process.py
(names of scripts), errors.py (the text of /opt/ml/output/failure) and trainer.py (exit codes).
"""

# No pathlib and no subprocess: every job waits for these imports.
# ruff: noqa: PTH101, PTH113, PTH118, PTH123

from __future__ import annotations

import json
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BASE = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
CODE = os.path.join(BASE, "code")
FOLDERS = {
    "input_dir": os.path.join(BASE, "input"),
    "input_config_dir": os.path.join(BASE, "input", "config"),
    "model_dir": os.path.join(BASE, "model"),
    "output_dir": os.path.join(BASE, "output"),
    "output_data_dir": os.path.join(BASE, "output", "data"),
    "output_intermediate_dir": os.path.join(BASE, "output", "intermediate"),
}
OWN = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
}
DISTRIBUTED = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)
SAFE_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*")
INFO = 20


class ClientError(Exception):
    """A mistake that the job's author can correct."""


def main() -> int:
    try:
        settings = load_settings()
        entry = settings["user_entry_point"]
        variables = {**container_variables(settings["current_host"]), **to_variables(settings)}
        code = run(command_of(entry, settings["user_args"]), variables)
    except ClientError as error:
        return fail(str(error), 1)
    except Exception as error:
        import traceback  # imported late, because it takes as long as all other imports

        text = f"Framework Error: \n{traceback.format_exc()}\n{error}"
        return fail(text, getattr(error, "errno", 1) or 1)
    if code == 0:
        with open(os.path.join(BASE, "output", "success"), "w"):
            pass
    return code


def load_settings() -> dict[str, Any]:
    """The settings that sagemaker-training derives from /opt/ml/input/config, by its own names."""
    parameters = {name: decode(text) for name, text in config("hyperparameters").items()}
    channels, program = config("inputdataconfig"), entry_point(parameters)
    hyperparameters = {k: v for k, v in parameters.items() if k not in OWN and not k.startswith("sagemaker_")}
    framework = {k: v for k, v in parameters.items() if k.startswith("sagemaker_") and k not in OWN}
    settings = {
        **cluster(framework),
        **FOLDERS,
        "hps": hyperparameters,
        "user_entry_point": program,
        "framework_params": framework,
        "input_data_config": channels,
        "channels": sorted(channels),
        "module_name": re.sub(r"\.py$", "", program),
        "log_level": parameters.get("sagemaker_container_log_level", INFO),
        "framework_module": os.environ.get("SAGEMAKER_TRAINING_MODULE"),
        "module_dir": str(parameters.get("sagemaker_submit_directory", CODE)),
        "user_args": to_arguments(hyperparameters),
    }
    inputs = {name: os.path.join(BASE, "input", "data", name) for name in channels}
    settings["training_env"] = training_env(settings, inputs)
    settings.update({"channel_" + name: path for name, path in inputs.items()})
    settings.update({"hp_" + name: value for name, value in hyperparameters.items()})
    return settings


def entry_point(parameters: dict[str, Any]) -> str:
    program: str | None = os.environ.get("SAGEMAKER_PROGRAM") or parameters.get("sagemaker_program")
    if not program:
        raise ClientError("The training entry point is empty: set the 'sagemaker_program' hyperparameter.")
    check_name(program)
    return program


def cluster(framework: dict[str, Any]) -> dict[str, Any]:
    """The settings about hosts and their resources."""
    resources = config("resourceconfig")
    groups = {group["instance_group_name"]: group for group in resources["instance_groups"]}
    return {
        "hosts": resources["hosts"],
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "resource_config": resources,
        "current_host": resources["current_host"],
        "current_instance_type": resources.get("current_instance_type", "local"),
        "current_instance_group": resources.get("current_group_name", "homogeneousCluster"),
        "current_instance_group_hosts": resources["hosts"],
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "distribution_instance_groups": distribution_groups(framework, resources),
        "is_hetero": len(groups) > 1,
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "num_neurons": 0,
    }


def training_env(settings: dict[str, Any], inputs: dict[str, str]) -> dict[str, Any]:
    """The value of SM_TRAINING_ENV: most of the settings, and a few that have no variable."""
    excluded = ("hps", "framework_params", "channels", "user_args")
    groups, first = settings["instance_groups_dict"], sorted(settings["hosts"])[0]
    distributed = settings["distribution_instance_groups"]
    return {
        **{name: value for name, value in settings.items() if name not in excluded},
        "additional_framework_parameters": settings["framework_params"],
        "channel_input_dirs": inputs,
        "distribution_hosts": [name for group in distributed for name in groups[group]["hosts"]],
        "hyperparameters": settings["hps"],
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "is_master": settings["current_host"] == first,
        "job_name": os.environ.get("TRAINING_JOB_NAME", ""),
        "master_hostname": first,
        "topology": [],
    }


def distribution_groups(framework: dict[str, Any], resources: dict[str, Any]) -> list[str]:
    """The host groups of a framework's own distribution; empty if the job requests none."""
    is_distributed = any(framework.get(name) for name in DISTRIBUTED)
    groups: list[str] = framework.get(
        "sagemaker_distribution_instance_groups",
        [resources.get("current_group_name", "homogeneousCluster")] if is_distributed else [],
    )
    return groups


def config(name: str) -> dict[str, Any]:
    with open(os.path.join(BASE, "input", "config", name + ".json")) as file:
        loaded: dict[str, Any] = json.load(file)
        return loaded


def decode(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def check_name(program: str) -> None:
    parts = program.split("/")
    if not SAFE_NAME.fullmatch(program) or "." in parts or ".." in parts:
        raise ClientError(
            f"The training entry point {program!r} cannot be used: it must be a path inside your source "
            "directory of letters, digits, '.', '_', '+', '-' and '/', for example 'train.py'."
        )


def to_arguments(hyperparameters: dict[str, Any]) -> list[str]:
    """Command-line arguments, `--name value` sorted by name. A one-letter name gets one dash; a mapping
    becomes a=b,c=d."""
    arguments = []
    for name in sorted(hyperparameters):
        value = hyperparameters[name]
        if isinstance(value, dict):
            value = ",".join(f"{k}={v}" for k, v in sorted(value.items()))
        arguments += ["--" + name if len(name) > 1 else "-" + name, "" if value is None else str(value)]
    return arguments


def to_variables(settings: dict[str, Any]) -> dict[str, str]:
    variables = {}
    for name, value in settings.items():
        if value is None:
            value = ""
        elif not isinstance(value, str):
            value = json.dumps(value, sort_keys=True, separators=(",", ":"))
        variables["SM_" + name.upper()] = value
    return variables


def container_variables(host: str) -> dict[str, str]:
    """The variables that the toolkit sets for itself and a script inherits."""
    parameters = config("hyperparameters")
    return {
        "CURRENT_HOST": host,
        "SAGEMAKER_JOB_NAME": str(decode(parameters.get("sagemaker_job_name", ""))),
        "SAGEMAKER_REGION": str(
            decode(parameters.get("sagemaker_region", "")) or os.environ.get("AWS_REGION", "")
        ),
    }


def command_of(entry: str, arguments: list[str]) -> list[str]:
    """The command for a Python script, a package with a setup.py, or a shell script."""
    if entry.endswith(".py"):
        return [sys.executable, entry, *arguments]
    if os.path.isfile(os.path.join(CODE, "setup.py")):
        return [sys.executable, "-m", entry, *arguments]
    path = os.path.join(CODE, entry)
    if os.path.isfile(path):
        os.chmod(path, 0o755)  # noqa: S103 -- as the toolkit does
    return ["/bin/sh", "-c", f'./{entry} "$@"', entry, *arguments]


def run(command: list[str], variables: dict[str, str]) -> int:
    """Run the script. Returns 0, or 1 after any failure, which is written as the toolkit writes it."""
    environment = dict(os.environ, **variables)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [CODE, os.environ.get("PYTHONPATH")]))
    environment.pop("PYTHONSAFEPATH", None)
    os.chdir(CODE)
    code = os.spawnvpe(os.P_WAIT, command[0], command, environment)  # noqa: S606 -- the job's own command
    if code:
        shown = " ".join([command[0].rpartition("/")[2], *command[1:]])
        # AWS also prints this to the log. Here, the script's own last line stays the last.
        write_failure(f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage ""\nCommand "{shown}"')
        return 1
    return 0


def fail(text: str, code: int) -> int:
    write_failure(text)
    sys.stderr.write(text + "\n")
    return code


def write_failure(text: str) -> None:
    with open(os.path.join(BASE, "output", "failure"), "w") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
