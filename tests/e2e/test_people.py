"""Each policy for people under a server that enforces it, with the commands that its holder types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.enforced import IMAGE, Enforced, serving
from tests.e2e.enforcement import ROLES
from tests.support import commands
from tests.support.waiting import until

from sagemaker_local.state_folder import ACCOUNT, REGION
from stagewright.document.file import read_document
from stagewright.local.state import INSTALLATION
from stagewright.runs import approvals
from stagewright.runs.dead_letters import list_letters
from stagewright.runs.documents import overrides
from stagewright.runs.history.run_history import show
from stagewright.runs.releases.code_folder import scan
from stagewright.runs.requests import request_run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PEOPLE = ("viewer", "data-scientist", "approver", "operator", "push", "doctor")
DENIED = 4
DOCUMENT = f"""\
name: prices
parameters: {{limit: 3, seconds: 0}}
defaults: {{image: "{IMAGE}", instance_type: ml.m5.large}}
partition: "${{trigger.date}}"
triggers: [{{type: code}}]
stages:
  prepare: {{kind: processing, code: prepare.py, arguments: ["${{parameters.seconds}}"], outputs: [rows]}}
  check: {{kind: gate, require: "${{parameters.limit}} >= 1", after: [prepare]}}
  ok: {{kind: approval, message: "good?", timeout: 1d, after: [check]}}
  publish: {{kind: processing, code: prepare.py, arguments: ["0"], after: [ok]}}
"""
CODE = """\
import sys, time
print("prepared")
time.sleep(float(sys.argv[1]))
"""


class Team:
    """A repository, and a profile for each person."""

    def __init__(self, folder: Path, enforced: Enforced) -> None:
        self.enforced, self.gateway = enforced, enforced.gateway
        self.folder = folder / "repository"
        (self.folder / "code").mkdir(parents=True)
        (self.folder / "pipeline.yaml").write_text(DOCUMENT)
        (self.folder / "code" / "prepare.py").write_text(CODE)
        shutil.copytree(self.folder, self.folder / "changed")
        (self.folder / "changed" / "code" / "prepare.py").write_text("print('mine')\n")
        keys = json.loads((enforced.server.state / ROLES).read_text())
        profiles, targets = "", ""
        for name in PEOPLE:
            access, secret = keys[name]
            profiles += (
                f"[profile {name}]\nendpoint_url = {enforced.server.url}\n"
                f"aws_access_key_id = {access}\naws_secret_access_key = {secret}\n"
            )
            targets += (
                f'[targets.{name}]\nbucket = "{INSTALLATION.bucket}"\nregion = "{REGION}"\n'
                f'environment = "local"\naccount = "{ACCOUNT}"\nprofile = "{name}"\n'
            )
        (folder / "aws").write_text(profiles)
        (self.folder / "stagewright.toml").write_text(targets)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        state = str(enforced.server.state)
        self.environment = inherited | {"AWS_CONFIG_FILE": str(folder / "aws"), "STAGEWRIGHT_STATE": state}

    def __call__(self, person: str, *arguments: str, code: int = 0) -> str:
        """The output of a person's command, which ends with this exit code."""
        done = self.command(person, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def command(self, person: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (*arguments, "--target", person)
        return commands.stagewright(command, self.folder, self.environment)

    def refused(self, person: str, action: str, *arguments: str) -> None:
        """The command is denied this action, and what is recorded stays as it is."""
        before, recorded = len(self.enforced.judged()), self.recorded()
        done = self.command(person, *arguments)
        assert done.returncode == DENIED, done.stdout + done.stderr
        new = self.enforced.judged()[before:]
        denied = {each["action"] for each in new if each["role"] == person and not each["allowed"]}
        assert [each for each in denied if each.startswith(action)], (denied, done.stderr)
        assert self.recorded() == recorded

    def recorded(self) -> Any:
        """Documents, objects, and the status of each run and its stages."""
        dynamodb, s3 = self.enforced.client("dynamodb"), self.enforced.client("s3")
        documents = dynamodb.scan(TableName=INSTALLATION.documents_table)["Items"]
        items = dynamodb.scan(TableName=INSTALLATION.runs_table)["Items"]
        statuses = [
            (each["run"]["S"], each["item"]["S"], each["status"]["S"], "decision" in each)
            for each in items
            if "status" in each
        ]
        objects = s3.list_object_versions(Bucket=INSTALLATION.bucket)["Versions"]
        return sorted(map(str, documents)), sorted(statuses), sorted(each["VersionId"] for each in objects)

    def push(self) -> str:
        """By the owner of the account; the run that waits for approval."""
        document = json.loads(
            read_document(self.folder / "pipeline.yaml").model_dump_json(exclude_unset=True)
        )
        key = self.enforced.push(document, scan(self.folder / "code"))
        return self.waits(self.enforced.run_of(key or request_run(self.gateway, "prices", {}, "owner")))

    def waits(self, run: str) -> str:
        until(lambda: [each for each in approvals.waiting(self.gateway) if each.run == run])
        return run

    def ended(self, run: str) -> str:
        until(lambda: show(self.gateway, run).ended)
        return show(self.gateway, run).status


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with serving(tmp_path_factory.mktemp("state")) as place:
        yield Team(tmp_path_factory.mktemp("team"), place)


@pytest.fixture(scope="module")
def run(team: Team) -> str:
    """A run that waits for approval, after an override that can be rolled back."""
    started = team.push()
    overrides.put(team.gateway, "prices", ["parameters.limit=1"], "owner")
    return started


READS = {
    "runs": ("runs",),
    "show": ("show", "{run}"),
    "report": ("report", "{run}", "--output", "-"),
    "logs": ("logs", "{run}", "prepare"),
    "functions": ("logs", "{run}", "--functions"),
    "plan": ("plan", "."),
    "diff": ("diff", "prices"),
    "history": ("history", "prices"),
    "approvals": ("approvals",),
    "endpoints": ("endpoints",),
    "config": ("config", "show", "prices"),
}
WRITES = {
    "run": ("events:PutEvents", ("run", ".", "--no-wait", "-p", "limit=2")),
    "set": ("dynamodb:PutItem", ("set", "prices", "parameters.limit=2")),
    "rollback": ("dynamodb:PutItem", ("rollback", "prices", "1")),
    "backfill": ("dynamodb:", ("backfill", ".", "--from", "2026-01", "--to", "2026-02")),
    "approve": ("dynamodb:UpdateItem", ("approve", "{run}", "ok", "--why", "fine")),
    "stop": ("states:StopExecution", ("stop", "{run}")),
    "dlq": ("sqs:", ("dlq", "replay", "--all")),
    "bypass": ("sqs:", ("run", ".", "--no-wait", "--bypass", "ok", "--reason", "haste")),
    "push": ("s3:PutObject", ("push", "changed")),
}
"""Name -> the action that is denied, and the command."""
MAY = {
    "viewer": set(),
    "data-scientist": {"run", "backfill", "set", "rollback"},
    "approver": {"approve"},
    "operator": {"run", "backfill", "set", "rollback", "stop", "dlq", "bypass"},
}
"""What each person may do, of WRITES. The rest is tried, and denied."""
FORBIDDEN = [(person, name) for person, may in MAY.items() for name in WRITES if name not in may]


@pytest.mark.parametrize("arguments", READS.values(), ids=READS.keys())
def test_viewer_reads_everything(team: Team, run: str, arguments: tuple[str, ...]) -> None:
    before = len(team.enforced.judged())
    team("viewer", *(each.format(run=run) for each in arguments))
    new = team.enforced.judged()[before:]
    assert {each["role"] for each in new} & {"viewer"}
    assert [each for each in new if not each["allowed"]] == []


@pytest.mark.parametrize(("person", "name"), FORBIDDEN)
def test_person_is_denied_what_the_policy_leaves_out(team: Team, run: str, person: str, name: str) -> None:
    action, arguments = WRITES[name]
    team.refused(person, action, *(each.format(run=run) for each in arguments))


def test_approver_decides(team: Team, run: str) -> None:
    """The tests after this one start runs, which would wait for this run to end."""
    team("approver", "approve", run, "ok", "--why", "fine")
    assert team.ended(run) == "SUCCEEDED"


def test_data_scientist_runs_with_other_values(team: Team, run: str) -> None:
    team("data-scientist", "set", "prices", "parameters.limit=2")
    started = json.loads(team("data-scientist", "run", ".", "-p", "limit=0", "--json", code=6))
    assert started["status"] == "FAILED"
    resumed = json.loads(team("data-scientist", "resume", started["run"], "--no-wait", "--json"))
    assert show(team.gateway, resumed["run"]).trigger.resumes == started["run"]
    team("data-scientist", "rollback", "prices", "1")


def test_operator_stops_what_runs_and_what_waits(team: Team, run: str) -> None:
    first = json.loads(team("operator", "run", ".", "--no-wait", "-p", "seconds=600", "--json"))["run"]
    until(lambda: show(team.gateway, first).stages[0].status == "RUNNING")
    second = json.loads(team("operator", "run", ".", "--no-wait", "--force", "--json"))["run"]
    assert show(team.gateway, second).status == "QUEUED"
    for each in (second, first):
        team("operator", "stop", each)
        assert team.ended(each) == "STOPPED"


def test_operator_replays_dead_letters(team: Team, run: str) -> None:
    team.gateway.queue.send({"what": "is this"})
    until(lambda: list_letters(team.gateway))
    team("operator", "dlq")
    team("operator", "dlq", "replay", "--all")
    until(lambda: list_letters(team.gateway))
    team("operator", "dlq", "drop", "--all")
    assert list_letters(team.gateway) == []


def test_doctor_reads_the_installation(team: Team, run: str) -> None:
    before = len(team.enforced.judged())
    team.command("doctor", "doctor")
    judged = team.enforced.judged()[before:]
    assert len({each["action"] for each in judged if each["role"] == "doctor"}) > 15
    assert [(each["action"], each["resource"]) for each in judged if not each["allowed"]] == []
