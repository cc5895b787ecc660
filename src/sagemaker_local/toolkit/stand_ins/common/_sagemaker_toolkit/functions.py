"""Functions of a script (sagemaker_training/functions.py)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .mapping import split_by_criteria


def matching_args(fn: Callable[..., Any], dictionary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The items whose keys are parameters of the function; all of them if it takes `**` arguments."""
    spec = inspect.getfullargspec(fn)
    if spec.varkw:
        return dictionary
    included: dict[str, Any] = split_by_criteria(dictionary, spec.args).included
    return included


def error_wrapper(
    fn: Callable[..., Any], error_class: Callable[[Exception], Exception]
) -> Callable[..., Any]:
    """A function that raises `error_class` with the exception of `fn`."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            raise error_class(error) from error

    return wrapper
