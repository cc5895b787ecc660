"""Targets other than the local one."""

from __future__ import annotations

import pytest

from stagewright.api import target
from stagewright.errors import TargetError

DEV = {"bucket": "models", "region": "eu-west-1", "environment": "dev"}


def test_targets_come_from_the_nearest_stagewright_toml(tmp_path):
    (tmp_path / "stagewright.toml").write_text('[targets.dev]\nbucket = "models"\n')
    below = tmp_path / "team" / "pipelines"
    below.mkdir(parents=True)
    assert target.configured_targets(below) == {"dev": {"bucket": "models"}}
    (below / "stagewright.toml").write_text('[targets.own]\nbucket = "own"\n')
    assert list(target.configured_targets(below)) == ["own"]


def test_invalid_toml_is_named(tmp_path):
    (tmp_path / "stagewright.toml").write_text("targets: dev")
    with pytest.raises(TargetError, match=r"stagewright\.toml"):
        target.configured_targets(tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bucket": "models", "region": "eu-west-1"}, "environment is missing"),
        (DEV | {"buket": "x"}, "buket is unknown"),
        (DEV | {"account": 123456789012}, "account is not a string"),
        ("models", "not a table"),
    ],
)
def test_invalid_target_settings_are_rejected(settings, said):
    with pytest.raises(TargetError, match=said):
        target.validated_settings("dev", settings)


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_installation_is_built_from_the_settings(region, partition):
    made = target.installation(DEV | {"region": region, "account": "123456789012", "prefix": "ml"})
    arn = f"arn:{partition}:states:{region}:123456789012:stateMachine:ml-dev-workflow"
    assert made.state_machine_arn == arn
    assert made.bucket == "models"


def test_state_folder_is_configurable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGEWRIGHT_STATE", raising=False)
    assert target.state_folder() == tmp_path / ".stagewright"
    monkeypatch.setenv("STAGEWRIGHT_STATE", str(tmp_path / "elsewhere"))
    assert target.state_folder() == tmp_path / "elsewhere"
