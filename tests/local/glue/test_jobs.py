"""Job definitions, with boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.local.glue.bench import ROLE, Bench

COMMAND = {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": "s3://b/s.py"}


def refused(bench: Bench, operation: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        getattr(bench.glue, operation)(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_job_is_created_read_updated_and_deleted(bench: Bench) -> None:
    name = bench.job(DefaultArguments={"--a": "1"}, Timeout=5, Tags={"team": "x"})
    record = bench.glue.get_job(JobName=name)["Job"]
    assert (record["DefaultArguments"], record["Timeout"], record["Role"]) == ({"--a": "1"}, 5, ROLE)
    assert "Tags" not in record
    update = {"Role": ROLE, "Command": COMMAND, "MaxCapacity": 1.0}
    assert bench.glue.update_job(JobName=name, JobUpdate=update)["JobName"] == name
    changed = bench.glue.get_job(JobName=name)["Job"]
    assert (changed["MaxCapacity"], changed["CreatedOn"]) == (1.0, record["CreatedOn"])
    assert "Timeout" not in changed
    assert "DefaultArguments" not in changed
    for _ in range(2):
        bench.glue.delete_job(JobName=name)
    assert refused(bench, "get_job", JobName=name)[0] == "EntityNotFoundException"


def test_jobs_are_listed_in_pages(bench: Bench) -> None:
    for number in range(3):
        bench.job(Name=f"{bench.prefix}-{number}")
    pages = bench.glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 2})
    listed = [job["Name"] for page in pages for job in page["Jobs"]]
    assert {f"{bench.prefix}-{number}" for number in range(3)} <= set(listed)
    assert len(listed) == len(set(listed))
    assert refused(bench, "get_jobs", NextToken="x")[0] == "InvalidInputException"


def test_job_names_are_unique(bench: Bench) -> None:
    name = bench.job()
    assert refused(bench, "create_job", Name=name, Role=ROLE, Command=COMMAND)[0] == "AlreadyExistsException"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Command": {**COMMAND, "Name": "glueray"}}, "Command.Name=glueray"),
        (
            {"Command": {**COMMAND, "PythonVersion": "3"}},
            "Command.PythonVersion=3 of pythonshell; 3.9 is supported",
        ),
        ({"Command": {**COMMAND, "Name": "glueetl", "PythonVersion": "3"}}, "GlueVersion=none"),
        ({"MaxRetries": 1}, "MaxRetries=1"),
        ({"Connections": {"Connections": ["db"]}}, "Connections"),
        ({"DefaultArguments": {"--extra-jars": "s3://b/x.jar"}}, "--extra-jars s3://b/x.jar"),
        ({"DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"}}, "--job-bookmark-option"),
        ({"DefaultArguments": {"--extra-py-files": "s3://b/x.so"}}, "s3://b/x.so is no S3 path"),
        ({"DefaultArguments": {"--additional-python-modules": "s3://b/x.whl"}}, "--extra-py-files"),
        ({"Timeout": 20_000}, "at most 10080 minutes"),
        ({"MaxCapacity": 1.0, "WorkerType": "G.1X"}, "Max Capacity"),
    ],
)
def test_unsupported_field_is_rejected_by_name(bench: Bench, change: dict[str, Any], expected: str) -> None:
    request = {"Name": bench.prefix, "Role": ROLE, "Command": COMMAND, **change}
    code, message = refused(bench, "create_job", **request)
    assert code == "InvalidInputException"
    assert expected in message
    assert refused(bench, "get_job", JobName=bench.prefix)[0] == "EntityNotFoundException"


def test_wrong_type_and_unknown_operation_are_rejected(bench: Bench) -> None:
    request = {"Name": bench.prefix, "Role": ROLE, "Command": COMMAND, "GlueVersion": "five"}
    assert refused(bench, "create_job", **request)[0] == "ValidationException"
    code, message = refused(bench, "get_databases")
    assert code == "UnknownOperationException"
    assert "GetDatabases" in message
