from __future__ import annotations

import json
from dataclasses import fields

import pytest

from stagewright.errors import TargetError
from stagewright.installation.artifacts import artifacts
from stagewright.installation.resources import resources
from stagewright.installation.template import fill
from stagewright.naming import Installation

HERE = Installation("my-bucket", "eu-west-1", "123456789012", "dev", "acme", "aws-cn")


def test_every_value_of_an_installation_has_a_placeholder():
    for field in fields(Installation):
        assert fill(f"<${{{field.name}}}>", HERE) == f"<{getattr(HERE, field.name)}>"
    assert fill("${documents_table} ${runs_table}", HERE) == "acme-dev-documents acme-dev-runs"


@pytest.mark.parametrize("text", ["${bukket}", "${}", "${bucket ", "$${bucket.x}"])
def test_unknown_placeholder_is_an_error_with_its_name(text):
    with pytest.raises(TargetError, match="unknown placeholder") as caught:
        fill(f"${{bucket}} {text}", HERE)
    assert "bucket" in caught.value.remedy


def test_other_text_is_unchanged():
    text = "{% $states.input & '$1' & $$ %} { } %"
    assert fill(text, HERE) == text


def test_placeholder_in_a_value_is_not_replaced():
    odd = Installation("${region}", "eu-west-1", "1")
    assert fill("${bucket}", odd) == "${region}"


def test_every_artifact_has_only_known_placeholders():
    for name in ("installation.json", "ci.json", "workflow.asl.json"):
        filled = fill(artifacts()[name].decode(), HERE)
        assert "${" not in filled
        json.loads(filled)
    assert "acme-dev-runs" in filled
    assert "arn:aws-cn:states:::sagemaker:createTrainingJob.sync" in filled


def test_names_match_the_naming_module():
    filled = json.loads(fill(json.dumps(resources()), HERE))
    assert filled["state_machine"]["arn"] == HERE.state_machine_arn
    assert filled["roles"]["sagemaker"]["arn"] == HERE.job_role_arn
    assert filled["tables"]["runs"]["name"] == HERE.runs_table
    assert filled["queues"]["events"]["name"] == HERE.name("events")
