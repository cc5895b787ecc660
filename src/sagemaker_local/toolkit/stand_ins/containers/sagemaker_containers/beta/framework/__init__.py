"""What scripts import from `sagemaker_containers.beta.framework`."""

import sagemaker_containers
from sagemaker_containers import (
    _content_types,
    _encoders,
    _env,
    _errors,
    _files,
    _functions,
    _logging,
    _mapping,
    _modules,
    _params,
    _transformer,
    _worker,
)

content_types, encoders, env, errors = _content_types, _encoders, _env, _errors
files, functions, logging, mapping = _files, _functions, _logging, _mapping
modules, params, transformer, worker = _modules, _params, _transformer, _worker
training_env = sagemaker_containers.training_env


def __getattr__(name):  # type: (str) -> object
    raise AttributeError(
        f"sagemaker_containers.beta.framework.{name} is not in the local SageMaker: "
        "only AWS's container uses it"
    )
