"""Overlays beside a document: which are of no environment that is known here, and what `validate` says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.support import commands

from stagewright.api.overlays import known_environments, unread_files

DOCUMENT = """\
name: small
parameters: {size: 3}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  one: {kind: processing, code: one.py}
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """The document of a repository that says nothing of environments."""
    folder = tmp_path / "pipelines" / "small"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "one.py").write_text("")
    (folder / "pipeline.yaml").write_text(DOCUMENT)
    (folder / "environments").mkdir()
    return folder / "pipeline.yaml"


def overlay(pipeline: Path, name: str, text: str = "parameters: {size: 4}\n") -> None:
    (pipeline.parent / "environments" / name).write_text(text)


def describe(pipeline: Path, *, targets: str = "", tfvars: str = "") -> None:
    """Targets in stagewright.toml and files in infra/envs, of these environments."""
    root = pipeline.parents[2]
    tables = (f'[targets.{name}]\nenvironment = "{name}"\n' for name in targets.split())
    (root / "stagewright.toml").write_text("".join(tables))
    (root / "infra" / "envs").mkdir(parents=True)
    for name in tfvars.split():
        (root / "infra" / "envs" / f"{name}.tfvars").write_text(f'environment = "{name}"\n')


def told(pipeline: Path) -> list[tuple[bool, str]]:
    return [(file.is_error, str(file.problem)) for file in unread_files(pipeline)]


def validated(pipeline: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return commands.stagewright(["validate", ".", *options], pipeline.parent, os.environ)


def test_known_environments_come_from_targets_and_tfvars(pipeline):
    describe(pipeline, targets="dev", tfvars="uat")
    envs = pipeline.parents[2] / "infra" / "envs"
    (envs / "europe.tfvars").write_text('# of Europe\n  environment   = "prod-eu"\n')
    (envs / "bare.tfvars").write_text('prefix = "x"\n')
    assert known_environments(pipeline.parent) == {"dev", "uat", "prod-eu", "bare"}


@pytest.mark.parametrize("name", ["local.yaml", "dev.yaml", "uat.yml", "prod.json", "README.md", ".gitkeep"])
def test_default_environments_are_known_without_configuration(pipeline, name):
    overlay(pipeline, name)
    assert told(pipeline) == []


@pytest.mark.parametrize(
    ("name", "sure", "words"),
    [
        (
            "prd.yaml",
            True,
            'did you mean "prod"? If not, add [targets.prd] to stagewright.toml',
        ),
        (
            "PROD.yaml",
            True,
            'there is no environment PROD, so this overlay is not read (did you mean "prod"',
        ),
        ("lcoal.yaml", True, 'did you mean "local"?'),
        ("quality.yaml", False, "known: dev, local, prod, uat; add [targets.quality]"),
        ("prod.yam", False, "prod.yam: is not an overlay"),
    ],
)
def test_unread_overlay_is_reported(pipeline, name, sure, words):
    overlay(pipeline, name)
    ((found, text),) = told(pipeline)
    assert found is sure
    assert words in text
    assert f"environments/{name}" in text


def test_configured_environments_replace_the_defaults(pipeline):
    describe(pipeline, targets="staging", tfvars="staging live")
    overlay(pipeline, "live.yaml")
    overlay(pipeline, "prod.yaml")
    ((sure, text),) = told(pipeline)
    assert not sure
    assert "known: live, local, staging" in text


def test_overlay_that_terraform_does_not_read_is_reported(pipeline):
    describe(pipeline, tfvars="prod")
    overlay(pipeline, "prod.yml")
    ((sure, text),) = told(pipeline)
    assert not sure
    assert "Terraform reads only .yaml (rename it to prod.yaml)" in text


def test_misspelled_environments_folder_is_reported(pipeline):
    (pipeline.parent / "environments").rename(pipeline.parent / "enviroments")
    (pipeline.parent / "enviroments" / "prod.yaml").write_text("parameters: {size: 9}\n")
    ((sure, text),) = told(pipeline)
    assert sure
    assert "enviroments" in text
    assert "move the overlays to environments/" in text


def test_validate_warns_of_a_plain_secret_with_its_file(pipeline):
    variables = "stages: {one: {environment: {HF_TOKEN: hunter2}}}\n"
    (pipeline.parent / "environments/prod.yaml").write_text(variables)
    done = validated(pipeline)
    assert done.returncode == 0, done.stderr
    told = "environments/prod.yaml:1: stages.one.environment.HF_TOKEN: looks like a secret in plain text"
    assert told in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_validate_warns_of_a_metric_that_may_take_exponential_time(pipeline):
    fit = "{kind: training, entry_point: fit.py, image: sklearn-1.4, instance_type: ml.m5.large"
    channels = "channels: {train: s3://bucket/train/}, metrics: {mae: '(?:a+)+(b)'}}"
    pipeline.write_text(f"name: p\nstages:\n  fit: {fit}, {channels}\n")
    (pipeline.parent / "code").mkdir(exist_ok=True)
    (pipeline.parent / "code/fit.py").write_text("")
    done = validated(pipeline)
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stderr
    assert "stages.fit.metrics.mae: this regular expression may take exponential time" in done.stderr


def test_validate_rejects_a_misspelled_environment_and_warns_of_an_unknown_one(pipeline):
    overlay(pipeline, "qa.yaml")
    done = validated(pipeline, "--json")
    assert done.returncode == 0, done.stderr
    (warning,) = json.loads(done.stdout)["warnings"]
    assert "environments/qa.yaml" in warning
    assert f"warning: {warning}" in done.stderr
    overlay(pipeline, "prd.yaml")
    refused = validated(pipeline)
    assert refused.returncode == 2
    assert 'did you mean "prod"?' in refused.stderr
    assert "qa" not in refused.stderr


def test_validate_reports_document_and_overlay_problems_together(pipeline):
    pipeline.write_text(DOCUMENT.replace("kind:", "knd:"))
    overlay(pipeline, "prod.yaml", "parameters: {size: 010}\n")
    overlay(pipeline, "uat.yaml", "parameters: [\n")
    overlay(pipeline, "prd.yaml")
    done = validated(pipeline)
    assert done.returncode == 2
    for words in (
        "stages.one.knd: unknown key",
        "prod.yaml:1: parameters.size: 010",
        "uat.yaml:2",
        "prd.yaml",
    ):
        assert words in done.stderr
