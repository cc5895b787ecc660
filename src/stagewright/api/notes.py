"""Reports of progress, as records of the logger `stagewright`. The command line prints them."""

from __future__ import annotations

import logging

LOGGER = "stagewright"


def info(text: str) -> None:
    logging.getLogger(LOGGER).info("%s", text)


def warn(text: str) -> None:
    """Report something that probably needs a change. Without any logging setup, Python prints it."""
    logging.getLogger(LOGGER).warning("%s", text)
