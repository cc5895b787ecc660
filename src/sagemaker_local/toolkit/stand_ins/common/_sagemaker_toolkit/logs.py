"""Logging of the toolkits."""

from __future__ import annotations

import logging

NAME = "sagemaker-training-toolkit"
FORMAT = "%(asctime)s %(name)-12s %(levelname)-8s %(message)s"


def get_logger() -> logging.Logger:
    return logging.getLogger(NAME)


def configure_logger(level: int, log_format: str = FORMAT) -> None:
    """Set the format and level of the root logger; AWS's clients log from INFO upward."""
    logging.basicConfig(format=log_format, level=level)
    if level >= logging.INFO:
        for name in ("boto3", "s3transfer", "botocore"):
            logging.getLogger(name).setLevel(level)
