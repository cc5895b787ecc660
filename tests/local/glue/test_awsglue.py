"""The module `awsglue` for scripts, as the developer guide describes it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from stagewright.local.glue.run import RUNTIME


@pytest.fixture
def utils(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(RUNTIME))
    yield importlib.import_module("awsglue.utils")
    for name in [name for name in sys.modules if name.partition(".")[0] == "awsglue"]:
        del sys.modules[name]


def test_options_are_found_among_other_arguments(utils: ModuleType) -> None:
    argv = [
        "s.py",
        "--enable-metrics",
        "--day-of-week",
        "mon",
        "--s3",
        "s3://b",
        "--scriptLocation",
        "s3://s",
    ]
    options = utils.getResolvedOptions(argv, ["day-of-week", "s3"])
    assert (options["day_of_week"], options["s3"]) == ("mon", "s3://b")
    assert options["job_bookmark_option"] == "job-bookmark-disable"
    assert options["TempDir"] is None


def test_option_names_are_not_abbreviated(utils: ModuleType) -> None:
    with pytest.raises(utils.GlueArgumentError, match="required: --month"):
        utils.getResolvedOptions(["s.py", "--mon", "1"], ["month"])


def test_both_names_of_the_temporary_folder_are_accepted(utils: ModuleType) -> None:
    options = utils.getResolvedOptions(["s.py", "--RedshiftTempDir", "s3://t"], ["TempDir"])
    assert options["TempDir"] == options["RedshiftTempDir"] == "s3://t"


def test_reserved_arguments_are_rejected(utils: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="reserved arguments --JOB_RUN_ID"):
        utils.getResolvedOptions(["s.py"], ["JOB_RUN_ID"])
