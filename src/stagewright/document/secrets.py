"""Find secrets in the values that jobs get. Everyone who may read a document or describe its jobs can see
them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from stagewright.document.pipeline import Pipeline
from stagewright.errors import Problem
from stagewright.syntax.findings import Finding, Path, problems

REMEDY = (
    "keep it in Secrets Manager or SSM Parameter Store, and let the script read it with the job's role;"
    " a secret that was pushed is exposed, so rotate it"
)
FIELDS = ("environment", "hyperparameters", "arguments", "payload", "request")
"""Fields of a stage whose values a job gets."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET = re.compile(
    r"(password|passwd|passphrase|(^|_)(pwd|secret|token|credentials?|(api|access|private|secret|signing"
    r"|encryption)_?key))_?\d*$",
    re.IGNORECASE,
)
"""Matches at the end of a name only: DB_SECRET_NAME and MAX_TOKENS are not secrets."""
_OF_A_LANGUAGE = re.compile(
    r"(^|_)(audio|begin|blank|bos|cls|decoder_start|end|eos|image|mask|pad|sep|special|start|stop|unk)_token$",
    re.IGNORECASE,
)
"""Tokens of a language model, such as `pad_token`."""
_HARMLESS = re.compile(r"(arn:.*|true|false|\d*|.*\$\{.*)", re.IGNORECASE | re.DOTALL)
"""Values that are not secrets: an ARN, a boolean, a number, an empty text, and a reference."""
_CREDENTIAL = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[opsu]_\w{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}|\bhf_[A-Za-z]{30,}"
    r"|\bsk-[\w-]{20,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\w://[^/\s:@]+:[^/\s:@$]+@"
)
"""Keys of AWS, GitHub, GitLab, Hugging Face, OpenAI, Slack and Google, and a password in a URL."""


def written_values(pipeline: Pipeline) -> Mapping[str, Any]:
    """Return the document as it is written, without defaults."""
    return pipeline.model_dump(mode="json", exclude_unset=True)


def exposed_secrets(document: Mapping[str, Any], file: str = "") -> tuple[Problem, ...]:
    """Return a problem for each value that its name or its form suggests to be a secret. Values are not
    shown.

    `document`: a valid document, or a part of one such as an overlay.
    """
    secrets = (
        Finding(path, "looks like a secret in plain text", REMEDY)
        for path, name, value in _values(document)
        if _is_secret(name, value)
    )
    return problems(secrets, file=file)


def _values(document: Mapping[str, Any]) -> Iterator[tuple[Path, str, Any]]:
    """Yield path, name and value of what jobs get."""
    yield from _leaves(document.get("parameters"), ("parameters",), "")
    blocks: dict[Path, Any] = {("defaults",): document.get("defaults")}
    blocks |= {("stages", name): stage for name, stage in document.get("stages", {}).items()}
    for path, block in blocks.items():
        for field in FIELDS:
            yield from _leaves((block or {}).get(field), (*path, field), "")


def _leaves(value: Any, path: Path, name: str) -> Iterator[tuple[Path, str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key), key)
    elif isinstance(value, list):
        options = ["", *(previous for previous, _ in pairwise(value))]
        for index, (option, item) in enumerate(zip(options, value, strict=True)):
            yield from _leaves(item, (*path, index), option if _is_option(option) else "")
    elif isinstance(value, str) and _is_option(value) and "=" in value:
        option, _, text = value.partition("=")
        yield path, option, text
    else:
        yield path, name, value


def _is_option(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("-")


def _is_secret(name: str, value: Any) -> bool:
    plain = _HUMP.sub("_", name.strip("-").replace("-", "_"))
    text = str(value)
    if _CREDENTIAL.search(text):
        return True
    is_named = bool(_SECRET.search(plain)) and not _OF_A_LANGUAGE.search(plain)
    return is_named and not (_HARMLESS.fullmatch(text) or _is_option(value))
