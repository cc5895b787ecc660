"""Every kind has four modules, a page, and consistent metadata."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.stages.example_stages import STAGES

import stagewright.stages
from stagewright.document.load import load
from stagewright.document.reference_values import STAGE_VALUES
from stagewright.installation.roles.state_machine import WORKFLOW
from stagewright.naming import Installation
from stagewright.stages.base.request import BuildContext
from stagewright.stages.base.rules import RuleContext
from stagewright.stages.base.schema import Defaults
from stagewright.stages.registry import KINDS, build, stage_rules

FOLDER = Path(stagewright.stages.__file__).parent
INSTALLATION = Installation(bucket="bucket", region="eu-west-1", account="123456789012")
CONTEXT = BuildContext(
    INSTALLATION,
    pipeline="house",
    stage="one",
    run="house-1",
    job="house-one-1",
    outputs="s3://bucket/runs/house-1/one",
    code="s3://bucket/code/house/abc",
    image="image:1",
    instance_type="ml.m5.large",
    served="artifact",
)
SECTIONS = ("## Example", "## Fields", "## AWS requests", "## Results", "## Limits")

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def stage_of(kind):
    return load({"name": "house", "stages": {"one": {"kind": kind.name, **STAGES[kind.name]}}}).stages["one"]


def test_every_kind_has_an_example():
    assert STAGES.keys() == KINDS.keys()


@every_kind
def test_schema_belongs_to_the_kind(kind):
    stage = stage_of(kind)
    assert type(stage) is kind.schema
    assert stage.kind == kind.name


@every_kind
def test_rules_accept_the_example(kind):
    stage = stage_of(kind)
    context = RuleContext(Defaults(), {"one": stage})
    assert list(stage_rules(stage, context, ("stages", "one"))) == []


@every_kind
def test_rules_name_the_path_of_a_problem(kind):
    stage = stage_of(kind).model_copy(update={"request": {"A": 1}, "environment": {"1": "x"}})
    context = RuleContext(Defaults(), {"one": stage})
    findings = list(stage_rules(stage, context, ("stages", "one")))
    assert all(finding.path[:2] == ("stages", "one") for finding in findings)


@every_kind
def test_request_is_built(kind):
    stage = stage_of(kind)
    requests = build(stage, CONTEXT)
    assert requests
    assert kind.request.timeout(stage, requests) > 0
    assert kind.request.history_events > 0
    assert kind.request.outputs(stage, requests).keys() >= set(getattr(stage, "outputs", ()))
    assert all(use.instances > 0 for use in kind.request.uses(requests, 60, 1))
    assert not kind.request.operation or kind.request.operation in requests
    assert set(kind.request.machine_inputs) <= requests.keys()


@every_kind
def test_states_begin_where_the_walker_enters_them(kind):
    assert kind.states
    assert all(entry.start in entry.states for entry in kind.states)
    assert all(f"= '{kind.name}'" in entry.rule(kind.name).condition for entry in kind.states)


@every_kind
def test_permissions_belong_to_statements_of_the_role(kind):
    statements = {statement.sid for statement in WORKFLOW.statements}
    assert kind.permissions.keys() <= statements


@every_kind
def test_values_are_those_that_references_know(kind):
    assert set(kind.schema.values) <= STAGE_VALUES.keys()


@every_kind
def test_quota_purpose_is_that_of_the_instances(kind):
    uses = kind.request.uses(build(stage_of(kind), CONTEXT), 60, 1)
    sagemaker = {use.purpose for use in uses if use.instance_type.startswith("ml.")}
    assert sagemaker == ({kind.schema.quota_purpose} if kind.schema.quota_purpose else set())


@every_kind
def test_page_has_every_section_and_field(kind):
    page = (FOLDER / kind.package / "README.md").read_text()
    assert page.startswith(f"# {kind.name.capitalize()} stages\n")
    assert [section for section in SECTIONS if section not in page] == []
    own = (
        kind.schema.model_fields.keys() - stagewright.stages.base.schema.Stage.model_fields.keys() - {"kind"}
    )
    names = {kind.schema.model_fields[name].alias or name for name in own}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


@every_kind
def test_example_of_the_page_is_valid_yaml_of_the_kind(kind):
    page = (FOLDER / kind.package / "README.md").read_text()
    example = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    (stage,) = example.values()
    assert stage["kind"] == kind.name
    assert stage.keys() <= kind.schema.model_fields.keys()
