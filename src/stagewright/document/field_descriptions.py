"""What the models say of their fields, read from their source. Only pages and messages need it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


def describe(model: type[BaseModel], field: str) -> str:
    """The text below a field, on one line; of the nearest base class where the model itself has none."""
    return next((found for base in model.__mro__ if (found := _own(base).get(field))), "")


@cache
def _own(base: type) -> dict[str, str]:
    if not issubclass(base, BaseModel) or base is BaseModel:
        return {}
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 -- the source of a class is a class
    return {
        before.target.id: " ".join(after.value.value.split())
        for before, after in pairwise(body.body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }
