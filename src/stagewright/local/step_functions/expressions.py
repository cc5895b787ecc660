"""JSONata expressions in the fields of states: `{% ... %}`."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from stagewright.local.step_functions.functions import FUNCTIONS
from stagewright.local.step_functions.patterns import LimitedPattern

SECONDS = 1.0
"""How long an expression may take ("Transforming data with JSONata"). Here processor time counts: a busy
machine does not make an expression fail."""
PARSED = 4096
"""How many expressions are kept parsed. Parsing takes ten times as long as an evaluation."""
BEGIN, END = "{%", "%}"
_FRAME: Any = Jsonata.Frame(Jsonata.static_frame)
for _name, _function in FUNCTIONS.items():
    _FRAME.bind(_name, Jsonata.JLambda(_function))


class EvaluationError(Exception):
    """An expression has no value. `cause` follows AWS's words; `field` is its place in the state."""

    def __init__(self, field: str, cause: str) -> None:
        super().__init__(cause)
        self.field = field
        self.cause = cause


def is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(BEGIN) and value.endswith(END)


def evaluate(template: Any, field: str, variables: Mapping[str, Any]) -> Any:
    """Return the template with the values of its expressions. EvaluationError if one has none.

    `field` is the template's place in the state, such as `Arguments`. `variables` includes `states`.
    """
    if is_expression(template):
        return _value(template[2:-2].strip(), field, variables)
    if isinstance(template, dict):
        return {key: evaluate(value, f"{field}/{key}", variables) for key, value in template.items()}
    if isinstance(template, list):
        return [evaluate(value, f"{field}[{index}]", variables) for index, value in enumerate(template)]
    return template


def _value(text: str, field: str, variables: Mapping[str, Any]) -> Any:
    specified = f"The JSONata expression '{text}' specified for the field '{field}'"
    try:
        value = run(text, variables)
    except Exception as error:  # whatever a library raises for a user's expression
        raise EvaluationError(
            field, f"{specified} threw an error during evaluation. {_message(error)}"
        ) from error
    if value is None:
        raise EvaluationError(field, f"{specified} returned nothing (undefined).")
    try:
        return plain(value)
    except TypeError:
        raise EvaluationError(field, f"{specified} returned an unsupported result type.") from None


def run(text: str, variables: Mapping[str, Any]) -> Any:
    """Evaluate an expression without its delimiters.

    None is undefined, `Utils.NULL_VALUE` is null. Raises what jsonata-python and FUNCTIONS raise.
    """
    expression = _fresh(_parsed(text))
    values = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
    return expression.evaluate(None, values)


def syntax_error(template: str) -> str:
    """Return what is wrong with an expression's syntax, in AWS's words, or ""."""
    try:
        _parsed(template[2:-2].strip())
    except JException as error:
        return _quoted(error)
    except Exception as error:  # whatever a library raises for a user's expression
        return str(error)
    return ""


def _quoted(error: JException) -> str:
    """Return an error's words without its code. AWS puts tokens in quotes, which jsonata-python does not."""
    tokens = iter((error.current, error.expected))
    words = JException.error_codes.get(error.error, str(error))
    return re.sub(r"\{\{\w+\}\}", lambda _: f'"{next(tokens, "")}"', words)


@lru_cache(maxsize=PARSED)
def _parsed(text: str) -> Jsonata:
    return Jsonata.jsonata(text, regex_engine=LimitedPattern)


def _fresh(parsed: Jsonata) -> Jsonata:
    """Return an expression for one evaluation on this thread, which shares only the syntax tree."""
    expression = Jsonata.__new__(Jsonata)
    expression.__dict__.update(parsed.__dict__)
    expression.environment = Jsonata.Frame(_FRAME)
    expression.output_convert_nulls = False
    deadline = time.thread_time() + SECONDS
    started = time.monotonic()

    def check(*_: Any) -> None:
        if time.monotonic() - started > SECONDS and time.thread_time() > deadline:
            raise JException("D1012", -1, int(SECONDS * 1000))

    expression.environment.set_evaluate_entry_callback(check)
    Jsonata.CURRENT.jsonata = expression  # jsonata-python evaluates on the instance of the thread
    return expression


def _message(error: Exception) -> str:
    """Return the code and the words of an error. jsonata-python leaves the code out of its words."""
    code = getattr(error, "error", None)
    return f"{code}: {error}" if isinstance(code, str) and code else str(error)


def plain(value: Any) -> Any:
    """Return a value of JSONata in JSON types. TypeError for a function."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case None | str() | bool() | int() | float():
            return value
    if value is Utils.NULL_VALUE:
        return None
    raise TypeError
