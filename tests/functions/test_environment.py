from __future__ import annotations

import subprocess
import sys

import pytest

from stagewright.errors import TargetError
from stagewright.functions import environment as settings
from stagewright.naming import Installation


@pytest.fixture
def environment(monkeypatch):
    for name in ("STAGEWRIGHT_ACCOUNT", "STAGEWRIGHT_PREFIX", "STAGEWRIGHT_TOPIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STAGEWRIGHT_BUCKET", "b")
    monkeypatch.setenv("STAGEWRIGHT_ENVIRONMENT", "dev")
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    return monkeypatch


class Context:
    invoked_function_arn = "arn:aws-cn:lambda:cn-north-1:111122223333:function:stagewright-dev-router"


def test_account_and_partition_are_read_from_the_arn(environment):
    assert settings.installation(Context()) == Installation(
        "b", "cn-north-1", "111122223333", "dev", partition="aws-cn"
    )


def test_without_an_arn_the_environment_is_read(environment):
    environment.setenv("STAGEWRIGHT_ACCOUNT", "444455556666")
    environment.setenv("STAGEWRIGHT_PREFIX", "ml")
    assert settings.installation(None) == Installation("b", "cn-north-1", "444455556666", "dev", "ml")


def test_missing_variable_is_named(environment):
    environment.delenv("STAGEWRIGHT_BUCKET")
    with pytest.raises(TargetError, match="STAGEWRIGHT_BUCKET is not set"):
        settings.installation(Context())


def test_importing_the_handlers_needs_no_settings_and_has_no_side_effects():
    code = (
        "import sys, socket, threading; socket.socket.connect = None\n"
        "from stagewright.functions import recorder, router, sweeper\n"
        "assert callable(router.handler) and callable(recorder.handler) and callable(sweeper.handler)\n"
        "assert threading.active_count() == 1\n"
        "import logging; assert not logging.getLogger().handlers\n"
        "foreign = {'yaml', 'typer', 'rich', 'ministack', 'starlette'} & set(sys.modules)\n"
        "assert not foreign, foreign\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr == ""


@pytest.fixture
def built_with(tmp_path, monkeypatch):
    file = tmp_path / "definition.sha256"
    file.write_text("new")
    monkeypatch.setattr(settings, "DEFINITION", file)
    return monkeypatch


def test_code_and_settings_of_one_version_are_accepted(built_with):
    built_with.setenv("STAGEWRIGHT_DEFINITION", "new")
    settings.require_one_version()


@pytest.mark.parametrize("definition", ["old", None])
def test_code_and_settings_of_two_versions_are_refused(built_with, definition):
    if definition:
        built_with.setenv("STAGEWRIGHT_DEFINITION", definition)
    else:
        built_with.delenv("STAGEWRIGHT_DEFINITION", raising=False)
    with pytest.raises(TargetError, match="an update is under way"):
        settings.require_one_version()


def test_gateway_of_a_function_has_the_version_that_it_starts(environment):
    environment.setenv("STAGEWRIGHT_STATE_MACHINE", "arn:aws:states:r:a:stateMachine:m:7")
    settings.gateway.cache_clear()
    assert settings.gateway(settings.installation(Context())).machine_version.endswith(":m:7")
    settings.gateway.cache_clear()
