"""Secrets in plain text are detected by their names or their form, and are not shown."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.document.secrets import exposed_secrets, written_values

STAGE = {"kind": "processing", "code": "a.py", "image": "sklearn-1.4", "instance_type": "ml.m5.large"}


def reported(name, value="hunter2"):
    stages = {"fit": {**STAGE, "environment": {name: value}}}
    document = {"name": "p", "defaults": {"environment": {name: value}}, "stages": stages}
    problems = exposed_secrets(written_values(load(document)), "pipeline.yaml")
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
    ["${parameters.name}", "arn:aws:secretsmanager:us-east-1:000000000000:secret:db", "", "true", "0"],
)
def test_value_that_is_no_secret_is_not_reported(value):
    stages = {"fit": {**STAGE, "environment": {"TOKEN": value}}}
    document = {"name": "p", "parameters": {"name": "x"}, "stages": stages}
    assert exposed_secrets(written_values(load(document))) == ()


def test_overlay_is_checked_on_its_own():
    (problem,) = exposed_secrets({"stages": {"fit": {"environment": {"TOKEN": "hunter2"}}}}, "prod.yaml")
    assert str(problem).startswith(
        "prod.yaml: stages.fit.environment.TOKEN: looks like a secret in plain text"
    )
    assert exposed_secrets({"parameters": {"x": 1}}) == ()


def paths_of(**document):
    base = {"name": "p", "stages": {"fit": STAGE}}
    problems = exposed_secrets(written_values(load({**base, **document})))
    assert "hunter2" not in "".join(map(str, problems))
    return [problem.path for problem in problems]


def stages(kind="training", **fields):
    code = {"entry_point": "a.py"} if kind == "training" else {"code": "a.py"}
    own = {"kind": kind, "image": "sklearn-1.4", "instance_type": "ml.m5.large", **code, **fields}
    return {"stages": {"fit": own}}


def test_hyperparameters_arguments_parameters_and_requests_are_checked():
    assert paths_of(**stages(hyperparameters={"db-password": "hunter2", "learning-rate": 0.1})) == [
        "stages.fit.hyperparameters.db-password"
    ]
    arguments = ["--user", "ann", "--password", "hunter2", "--api-key=hunter2", "--token", "${parameters.x}"]
    document = stages("processing", arguments=arguments) | {"parameters": {"x": "y"}}
    assert paths_of(**document) == ["stages.fit.arguments[3]", "stages.fit.arguments[4]"]
    assert paths_of(parameters={"hf_token": "hunter2", "size": 3}) == ["parameters.hf_token"]
    request = {"Environment": {"API_KEY": "hunter2"}}
    assert paths_of(**stages(request=request)) == ["stages.fit.request.Environment.API_KEY"]
    glue = {"kind": "glue", "code": "a.py", "arguments": {"secret": "hunter2"}}
    assert paths_of(stages={"etl": glue}) == ["stages.etl.arguments.secret"]


@pytest.mark.parametrize(
    "value",
    ["AKIA" + "Z" * 16, "hf_" + "a" * 34, "ghp_" + "a" * 36, "postgresql://ann:" + "hunter2@db/x",
     "-----BEGIN RSA " + "PRIVATE KEY-----"],
)  # fmt: skip
def test_a_credential_is_known_by_its_form(value):
    assert paths_of(**stages(hyperparameters={"x": value})) == ["stages.fit.hyperparameters.x"]
    assert paths_of(**stages("processing", arguments=["--x", value])) == ["stages.fit.arguments[1]"]


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {
            "pad_token": "[PAD]",
            "eos-token": "</s>",
            "max_tokens": 512,
            "tokenizer": "bert",
            "partition_key": "id",
        },
        {"use_auth_token": True, "token": "", "key": "x", "secret-name": "prod/db", "tokenizer": "hf_bert"},
        {"url": "s3://bucket/x@y", "endpoint": "https://ann@host:443/x", "time": "12:30@5"},
    ],
)
def test_ordinary_hyperparameters_are_not_reported(hyperparameters):
    assert paths_of(**stages(hyperparameters=hyperparameters)) == []


def test_the_next_option_is_no_value():
    assert paths_of(**stages("processing", arguments=["--ask-password", "--verbose"])) == []
