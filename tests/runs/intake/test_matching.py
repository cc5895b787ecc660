from __future__ import annotations

import json

import pytest
from tests.support.messages import accept_all, route
from tests.support.triggers import TIME, event, gateway_run

from stagewright.aws.registry import Package
from stagewright.runs.history.run_history import show

PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/prices/1"


APPROVED = {"type": "model-approved", "only": ["deploy"]}


SERVING = {
    "train": {
        "kind": "training",
        "image": "sklearn-1.4",
        "entry_point": "train.py",
        "instance_type": "ml.m5.large",
    },
    "register": {"kind": "register", "model": "${stages.train.model}", "entry_point": "train.py"},
    "deploy": {"kind": "endpoint", "model": "${stages.register.package}", "instance_type": "ml.m5.large"},
}


def decided(package=PACKAGE, status="Approved", group="prices"):
    detail = {"ModelPackageArn": package, "ModelPackageGroupName": group, "ModelApprovalStatus": status}
    return event("aws.sagemaker", "SageMaker Model Package State Change", detail)


class TestApproved:
    @pytest.fixture
    def approved(self, gateway, sagemaker):
        def made(arn=PACKAGE, group="prices", approval="Approved", modified=1.0, run=""):
            metadata = {"stagewright:run": run} if run else {}
            sagemaker.known[arn] = Package(arn, group, 1, "Completed", approval, modified, metadata)

        return made

    def test_approved_package_is_deployed_and_no_other_stage_runs(self, gateway, put_document, approved):
        put_document(APPROVED, stages=SERVING)
        approved()
        (started,) = accept_all(gateway, decided())
        record = show(gateway, started.run)
        assert {stage.name: stage.action for stage in record.stages} == {
            "train": "skip", "register": "reuse", "deploy": "run",
        }  # fmt: skip
        (page,) = gateway.runs.items(started.run, f"page#{record.plan}")
        (stage,) = json.loads(page["chains"])[0]
        request = json.loads(stage["requests"]["CreateModel"])
        assert PACKAGE in json.dumps(request)
        assert record.trigger.package == PACKAGE
        assert record.trigger.only == ("deploy",)

    def test_run_takes_date_and_result_of_the_registering_run(self, gateway, put_document, approved):
        put_document(APPROVED, stages=SERVING, partition="${trigger.date}")
        first = gateway_run(gateway, put_document, "2025-12-31T10:00:00.000Z")
        result = {"package": PACKAGE, "arn": PACKAGE}
        gateway.runs.put_all([
            {"run": first, "item": "stage#register", "status": "SUCCEEDED", "result": json.dumps(result),
             "fingerprint": "f", "ended": TIME},
        ])  # fmt: skip
        approved(run=first)
        record = show(gateway, route(gateway, decided()).run)
        assert record.trigger.run == first
        assert record.trigger.date == "2025-12-31"
        register = next(stage for stage in record.stages if stage.name == "register")
        assert register.reused_from == first
        assert register.fingerprint == "f"

    def test_events_of_one_approval_start_one_run(self, gateway, put_document, approved, tools):
        put_document(APPROVED, stages=SERVING)
        approved()
        assert [len(accept_all(gateway, decided())) for _ in range(3)] == [1, 1, 1]
        assert len(tools.executions(gateway)) == 1
        approved(modified=2.0)
        assert route(gateway, decided()).new

    def test_package_no_longer_approved_starts_no_run(self, gateway, put_document, approved):
        put_document(APPROVED, stages=SERVING)
        approved(approval="Rejected")
        assert accept_all(gateway, decided()) == ()
        assert accept_all(gateway, decided(status="Rejected")) == ()
        assert accept_all(gateway, decided(package=PACKAGE + "2")) == ()

    def test_package_of_another_group_starts_no_run(self, gateway, put_document, approved):
        put_document(APPROVED, stages=SERVING)
        put_document(APPROVED | {"group": "shared"}, name="other", stages=SERVING)
        approved(group="shared")
        runs = accept_all(gateway, decided(group="shared"))
        assert [each.run.split("-")[0] for each in runs] == ["other"]
