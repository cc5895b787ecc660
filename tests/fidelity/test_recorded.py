"""`make aws-smoke` on the local target, and AWS's recordings if there are any."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tools import aws_smoke, smoke_observer, smoke_records
from tools.aws_facts import recordings, report

from stagewright.api.source import Source
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway
from stagewright.stages.registry import KINDS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def smoked(tmp_path_factory: pytest.TempPathFactory):
    """Folder of the fixtures, and a gateway to the target after the smoke test."""
    folder = tmp_path_factory.mktemp("smoke")
    state = folder / "state"
    state.mkdir()
    (state / "local.toml").write_text(
        f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n"glue-pythonshell-3.9" = "{sys.executable}"\n'
    )
    server = local.up(state)
    gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_STATE", str(state))
            code = aws_smoke.main(["--target", "local", "--yes", "--record", str(folder / "recorded")])
        yield code, folder / "recorded", gateway
    finally:
        gateway.close()
        local.down(state)


def test_smoke_runs_end_as_expected_and_leave_no_resources(smoked):
    code, _, gateway = smoked
    assert code == 0
    sagemaker = gateway.installed.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    queues = gateway.installed.client("sqs").list_queues().get("QueueUrls", [])
    assert not any(url.endswith(smoke_observer.OBSERVER) for url in queues)
    rules = gateway.installed.client("events").list_rules()["Rules"]
    assert not any(rule["Name"].endswith(smoke_observer.OBSERVER) for rule in rules)


def test_smoke_records_outputs_errors_and_events(smoked):
    records = smoke_records.read(smoked[1])
    jobs = ("ProcessingJob", "TrainingJob", "HyperParameterTuningJob", "TransformJob")
    assert {f"sagemaker:create{job}.sync" for job in jobs} <= records["tasks"].keys()
    assert records["failures"]["sagemaker:createTrainingJob.sync"]["error"]
    assert any("SageMaker Training Job State Change Completed" in name for name in records["events"])
    assert any("Execution Status Change FAILED" in name for name in records["events"])


def test_local_target_matches_the_aws_recordings(smoked):
    recorded = smoke_records.read()
    if not recorded:
        pytest.skip("nothing has been recorded on AWS: `make aws-smoke` does, for someone with an account")
    assert smoke_records.differences(recorded, smoke_records.read(smoked[1])) == []


def test_local_target_confirms_every_fact_that_it_can_be_asked(smoked):
    verdicts = list(recordings.judge(report.STEPS, smoked[1]))
    # It has no such API, or differs as the page says.
    untried = {"F34", "F64", "F73", "F112", "F113"}
    assert {verdict.id for verdict in verdicts} == {
        step.id for step in report.STEPS if step.id.startswith("F") and step.id not in untried
    }
    assert [verdict for verdict in verdicts if verdict.outcome != "confirmed"] == []


def test_aws_confirms_every_fact_that_was_recorded():
    verdicts = list(recordings.judge(report.STEPS, smoke_records.FOLDER))
    if not verdicts:
        pytest.skip("nothing has been recorded on AWS: `make aws-smoke` does, for someone with an account")
    assert [line for item in verdicts if item.outcome != "confirmed" for line in report.lines(item)] == []


def test_comparison_detects_missing_fields_and_other_types():
    recorded = {"tasks": {"t": {"A": 1, "B": [{"C": "x"}], "D": None}}, "events": {"e": {}}}
    here = {"tasks": {"t": {"A": 2.5, "B": [{"C": 1}], "E": 1}}}
    assert sorted(smoke_records.differences(recorded, here)) == [
        "events: e is not there",
        "tasks: t: $.B[0].C is number, not str",
        "tasks: t: $.D is missing",
    ]
    assert smoke_records.differences(recorded, recorded) == []


def test_recordings_contain_no_account_data():
    given = {
        "Role": "arn:aws:iam::987654321098:role/stagewright-smoke-sagemaker",
        "By": "arn:aws:sts::987654321098:assumed-role/Admin/jane.doe",
        "User": "arn:aws:iam::987654321098:user/jane",
        "Output": "s3://jane-sandbox/runs/x",
        "Key": "AKIA1234567890ABCDEF",  # pragma: allowlist secret
        "Request": "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
        "Seconds": 1768831200123,
    }
    text = json.dumps(smoke_records.scrubbed(given, "jane-sandbox"))
    for private in ("987654321098", "jane", "AKIA1234567890ABCDEF", "0a1b2c3d"):  # pragma: allowlist secret
        assert private not in text
    assert "1768831200123" in text


def test_smoke_documents_cover_every_self_contained_kind():
    root = Path(aws_smoke.__file__).parent / "smoke"
    sources = [Source.read(root / name / "pipeline.yaml") for name in aws_smoke.DOCUMENTS]
    kinds = {stage.kind for source in sources for stage in source.pipeline.stages.values()}
    assert kinds == KINDS.keys() - {"callback"}  # it needs a program that answers
