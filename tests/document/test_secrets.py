"""Secrets in plain text are detected by the names of their variables, and are not shown."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.document.secrets import environments, exposed_secrets

STAGE = {"kind": "processing", "code": "a.py", "image": "sklearn-1.4", "instance_type": "ml.m5.large"}


def reported(name, value="hunter2"):
    stages = {"fit": {**STAGE, "environment": {name: value}}}
    document = {"name": "p", "defaults": {"environment": {name: value}}, "stages": stages}
    problems = exposed_secrets(environments(load(document)), "pipeline.yaml")
    assert "hunter2" not in "".join(map(str, problems))
    return [problem.path for problem in problems]


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD", "PGPASSWORD", "client_secret", "apiToken", "HF_TOKEN", "API_KEY", "APIKEY",
     "PRIVATE_KEY_2", "AWS_SECRET_ACCESS_KEY", "Db_Passphrase"],
)  # fmt: skip
def test_literal_in_a_secret_variable_is_reported_with_its_path(name):
    assert reported(name) == [f"defaults.environment.{name}", f"stages.fit.environment.{name}"]


@pytest.mark.parametrize(
    "name",
    ["DB_PASSWORD_FILE", "SECRET_NAME", "MAX_TOKENS", "TOKENIZERS_PARALLELISM", "KEY", "MONKEY", "LOG"],
)
def test_other_variable_names_are_not_reported(name):
    assert reported(name) == []


@pytest.mark.parametrize(
    "value",
    ["${parameters.token}", "arn:aws:secretsmanager:us-east-1:000000000000:secret:db", "", "true", "0"],
)
def test_value_that_is_no_secret_is_not_reported(value):
    stages = {"fit": {**STAGE, "environment": {"TOKEN": value}}}
    document = {"name": "p", "parameters": {"token": "x"}, "stages": stages}
    assert exposed_secrets(environments(load(document))) == ()


def test_overlay_is_checked_on_its_own():
    (problem,) = exposed_secrets({"stages": {"fit": {"environment": {"TOKEN": "hunter2"}}}}, "prod.yaml")
    assert str(problem).startswith(
        "prod.yaml: stages.fit.environment.TOKEN: looks like a secret in plain text"
    )
    assert exposed_secrets({"parameters": {"x": 1}}) == ()
