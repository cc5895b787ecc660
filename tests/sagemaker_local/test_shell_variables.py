"""The user's shell holds secrets. They reach what needs them, and nothing else."""

from __future__ import annotations

import json

import pytest

from sagemaker_local import shell_variables
from sagemaker_local.settings import Program

SECRET = "hunter2"
SECRETS = {
    "GITHUB_TOKEN": SECRET,
    "DATABASE_URL": f"postgres://me:{SECRET}@db",  # pragma: allowlist secret
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "PIP_PASSWORD": SECRET,
    "PIP_KEYRING_PROVIDER": SECRET,
    "PIP_CLIENT_CERT": SECRET,
    "UV_PUBLISH_TOKEN": SECRET,
    "UV_PUBLISH_PASSWORD": SECRET,
    "TWINE_PASSWORD": SECRET,
    "PYTHON_KEYRING_BACKEND": SECRET,
    "STAGEWRIGHTLY": SECRET,
}
INDEXES = {
    "PIP_INDEX_URL": f"https://me:{SECRET}@index.example/simple",  # pragma: allowlist secret
    "PIP_EXTRA_INDEX_URL": f"https://{SECRET}@a.example/simple https://b.example/simple?token={SECRET}",
    "UV_INDEX": f"own=https://me:{SECRET}@index.example/simple",  # pragma: allowlist secret
    "HTTPS_PROXY": f"http://me:{SECRET}@proxy.example:3128",  # pragma: allowlist secret
    "http_proxy": f"me:{SECRET}@proxy.example:3128",  # pragma: allowlist secret
    "ALL_PROXY": f"socks5://me:{SECRET}/x@proxy.example",  # pragma: allowlist secret
    "UV_INDEX_OWN_PASSWORD": SECRET,
}


@pytest.fixture
def shell(monkeypatch, tmp_path):
    for name, value in {**SECRETS, **INDEXES}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shell_variables, "_withheld", {})


def test_jobs_get_indexes_and_proxies_without_passwords(shell):
    passed = shell_variables.for_jobs()
    assert SECRET not in json.dumps(passed)
    assert passed["PIP_INDEX_URL"] == "https://index.example/simple"
    assert passed["PIP_EXTRA_INDEX_URL"] == "https://a.example/simple https://b.example/simple"
    assert passed["UV_INDEX"] == "own=https://index.example/simple"
    assert passed["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert passed["NO_PROXY"].endswith("127.0.0.1,localhost")
    assert not {"http_proxy", "ALL_PROXY", "UV_INDEX_OWN_PASSWORD", *SECRETS} & passed.keys()


def test_installers_get_passwords_of_indexes_and_no_others(shell):
    passed = shell_variables.for_installers()
    assert INDEXES.items() <= passed.items()
    assert not SECRETS.keys() & passed.keys()


def test_server_gets_what_it_and_installers_need(shell):
    passed = shell_variables.for_server(
        {**SECRETS, **INDEXES, "STAGEWRIGHT_CACHE": "x"}, Program("stagewright")
    )
    assert INDEXES.items() <= passed.items()
    assert passed["STAGEWRIGHT_CACHE"] == "x"
    assert not SECRETS.keys() & passed.keys()


def test_withheld_passwords_reach_installers_only(shell):
    environment = dict(INDEXES)
    shell_variables.withhold(environment)
    assert SECRET not in json.dumps(environment)
    assert environment["PIP_INDEX_URL"] == "https://index.example/simple"
    assert INDEXES.items() <= shell_variables.for_installers().items()
    assert SECRET not in json.dumps(shell_variables.for_jobs())


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("[global]\nindex-url = https://index.example/simple\n", True),
        ("[global]\nindex-url = https://me:" + SECRET + "@index.example/simple\n", False),
        ("[global]\nproxy = http://me:" + SECRET + "@proxy.example\n", False),
    ],
)
def test_pip_configuration_with_a_password_is_not_passed(shell, monkeypatch, tmp_path, text, passed):
    file = tmp_path / ".config/pip/pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert ("PIP_CONFIG_FILE" in shell_variables.for_jobs()) is passed
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert ("PIP_CONFIG_FILE" in shell_variables.for_jobs()) is passed


def test_job_sees_no_secret_of_the_shell(bench, monkeypatch):
    for name, value in {**SECRETS, **INDEXES}.items():
        monkeypatch.setenv(name, value)
    out = "/opt/ml/processing/output/made"
    outputs = {"Outputs": [bench.s3_output("made", bench.uri("out"), out)]}
    read = "import json, os, pathlib; "
    write = f"pathlib.Path('{out}/environment').write_text(json.dumps(dict(os.environ)))"
    bench.process("secrets", read + write, ProcessingOutputConfig=outputs)
    assert bench.ended("secrets")["ProcessingJobStatus"] == "Completed"
    seen = json.loads(bench.get("out/environment"))
    assert SECRET not in json.dumps(seen)
    assert seen["PIP_INDEX_URL"] == "https://index.example/simple"
