"""Content types and responses of a model server."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NPZ = "application/x-npz"
ANY = "*/*"
UTF8_TYPES = (JSON, CSV)


class UnsupportedFormatError(Exception):
    """A content type without a default codec. The wording is that of sagemaker_containers/_errors.py."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework.\n\n"
            "Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "serialize the response. For more information, see the SageMaker Python SDK README."
        )


@dataclass(frozen=True)
class Answer:
    body: bytes
    content_type: str
    status: int = 200


def numpy() -> Any:
    """The environment's numpy. A model that uses no default codec does not need it."""
    return importlib.import_module("numpy")


def to_bytes(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise TypeError(f"the response body is {type(body).__name__}; output_fn must return text or bytes")
