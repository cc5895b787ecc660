"""Descriptions of fields, read from the source of the models. Only pages and messages need them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


def describe(model: type[BaseModel], field: str) -> str:
    """Return the docstring below a field, on one line, or that of the nearest base class."""
    return next((text for base in model.__mro__ if (text := _own(base).get(field))), "")


@cache
def _own(base: type) -> dict[str, str]:
    if not issubclass(base, BaseModel) or base is BaseModel:
        return {}
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 -- the source of a class is a class
    return {
        field.target.id: " ".join(docstring.value.value.split())
        for field, docstring in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(docstring, ast.Expr)
        and isinstance(docstring.value, ast.Constant)
        and isinstance(docstring.value.value, str)
    }
