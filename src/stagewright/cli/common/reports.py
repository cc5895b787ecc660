"""Prints what the API reports."""

from __future__ import annotations

import logging

from stagewright.api.notes import LOGGER
from stagewright.cli.common import output


class Printer(logging.Handler):
    """Prints each record as a note on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        output.note(f"{prefix}{record.getMessage()}")


def print_them() -> None:
    """Print every report of this process. Repeating the call changes nothing."""
    logger = logging.getLogger(LOGGER)
    if not any(isinstance(handler, Printer) for handler in logger.handlers):
        logger.addHandler(Printer())
        logger.setLevel(logging.INFO)
