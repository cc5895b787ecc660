"""The functions of the user's script, and the framework's defaults for missing ones."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from _sagemaker_toolkit.content_types import ANY, JSON, UTF8_TYPES
from _sagemaker_toolkit.errors import UnsupportedFormatError

from . import inference_defaults, sklearn_defaults, xgboost_algorithm, xgboost_defaults
from .content import Answer

FRAMEWORKS = {module.NAME: module for module in (sklearn_defaults, inference_defaults, xgboost_defaults)}


def base_dir() -> Path:
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def code_dir(defaults: ModuleType) -> Path:
    """The folder of the script. An S3 source archive has been unpacked to /opt/ml/code, as in the container.

    sagemaker-inference supports only /opt/ml/model/code (environment.code_dir).
    """
    if defaults is inference_defaults:
        return base_dir() / "model" / "code"
    submitted = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if submitted and not submitted.startswith("s3://"):
        return Path(submitted)
    return base_dir() / "code"


class EndedOnImportError(ImportError):
    def __init__(self, program: str, code: object) -> None:
        super().__init__(
            f"{program} ended the process (exit code {code}) when it was imported to be served; guard what"
            ' trains with if __name__ == "__main__"'
        )


class Context:
    """The context that sagemaker-inference passes to functions with one more parameter."""

    def __init__(self, model_dir: str) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}


class Handlers:
    """The script's functions with a loaded model. Handles one request at a time: the caller holds the lock.

    `framework` is `sklearn`, `xgboost`, `inference` (custom images), or a framework whose defaults are not
    implemented: its scripts must define all functions.
    """

    def __init__(self, framework: str) -> None:
        self._framework = framework
        self._defaults = FRAMEWORKS.get(framework, inference_defaults)
        script = self._import()
        self._transform = getattr(script, "transform_fn", None)
        own = [name for name in ("input_fn", "predict_fn", "output_fn") if hasattr(script, name)]
        if self._transform and own:
            raise ValueError(
                "Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn"
            )
        self._input, self._predict, self._output = (
            self._function(script, name) for name in ("input_fn", "predict_fn", "output_fn")
        )
        self._model = self._load(script)

    def _import(self) -> ModuleType:
        program = os.environ.get("SAGEMAKER_PROGRAM") or self._defaults.DEFAULT_MODULE
        if not program:
            raise ValueError(
                "SAGEMAKER_PROGRAM is not set: the container does not know which script to serve"
            )
        folder = code_dir(self._defaults)
        name = program[:-3] if program.endswith(".py") else program
        if not (folder / program).exists() and not (folder / name).is_dir():
            there = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
            raise ImportError(f"No module named '{name}': {program} is not in {folder}, which has {there}")
        sys.path.insert(0, str(folder))
        sys.argv = [str(folder / program)]  # the script does not see this process's own arguments
        try:
            return importlib.import_module(name)
        except SystemExit as error:
            raise EndedOnImportError(program, error.code) from error

    def _function(self, script: ModuleType, name: str) -> Callable[..., Any]:
        if hasattr(script, name) or self._transform or self._framework in FRAMEWORKS:
            return getattr(script, name, None) or getattr(self._defaults, name)  # type: ignore[no-any-return]
        raise NotImplementedError(
            f"The default {name} of the {self._framework} container is not supported by the local SageMaker:"
            f" define {name} in the script"
        )

    def _load(self, script: ModuleType) -> Any:
        model_fn: Callable[..., Any] | None = getattr(script, "model_fn", None)
        if model_fn is None:
            raise NotImplementedError(
                "Please provide a model_fn implementation.\n"
                "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
            )
        return self._call(model_fn, str(base_dir() / "model"))

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Pass a context to a function with one more parameter, as sagemaker-inference does
        (_run_handler_function)."""
        if self._defaults is inference_defaults:
            try:
                count = len(inspect.signature(function).parameters)
            except (TypeError, ValueError):
                count = len(arguments)
            if count == len(arguments) + 1:
                return function(*arguments, Context(str(base_dir() / "model")))
        return function(*arguments)

    def invoke(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Handle a request. Never raises: an exception of the script becomes a response and a traceback in
        the log."""
        content_type = content_type or JSON
        if not accept or accept == ANY:
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON
        try:
            result = self._run(body, content_type, accept)
            return result if isinstance(result, Answer) else self._defaults.answer(result, accept)
        except Exception as error:
            trace = traceback.format_exc()
            print(trace, file=sys.stderr, flush=True)  # noqa: T201 -- the container's log is its output
            return self._defaults.failure(error, trace)  # type: ignore[no-any-return]

    def _run(self, body: bytes, content_type: str, accept: str) -> Any:
        text_or_bytes: Any = body
        if content_type in UTF8_TYPES:
            text_or_bytes = body.decode("utf-8", self._defaults.DECODE_ERRORS)
        if self._transform:
            return self._call(self._transform, self._model, text_or_bytes, content_type, accept)
        try:
            data = self._call(self._input, text_or_bytes, content_type)
        except UnsupportedFormatError as error:
            return unsupported(error, 415)
        prediction = self._call(self._predict, data, self._model)
        try:
            return self._call(self._output, prediction, accept)
        except UnsupportedFormatError as error:
            return unsupported(error, 406)


def handlers_of(framework: str) -> Handlers | xgboost_algorithm.Algorithm:
    """What answers requests. The XGBoost container serves boosters if no script is named."""
    if framework == xgboost_defaults.NAME and not os.environ.get("SAGEMAKER_PROGRAM"):
        return xgboost_algorithm.Algorithm(base_dir() / "model")
    return Handlers(framework)


def unsupported(error: UnsupportedFormatError, status: int) -> Answer:
    """Status 415 for input that cannot be decoded, 406 for output that cannot be encoded (_transformer.py
    of sagemaker_containers)."""
    return Answer(str(error).encode(), "text/plain; charset=utf-8", status)
