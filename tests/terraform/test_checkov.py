"""checkov finds in the plans exactly what checkov-skips.json answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.cached_python import python_with
from tests.terraform.session import ACCOUNT, REQUIREMENTS, ROOT, SETTINGS, Terraform

pytestmark = pytest.mark.slow

SKIPS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("checkov-skips.json").read_text())
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
PLANS: dict[str, dict[str, Any]] = {
    "plain": {},
    "strict": {
        "kms_key_arn": KEY,
        "subnet_ids": ["subnet-1"],
        "security_group_ids": ["sg-1"],
        "log_retention_days": 365,
        "model_groups": {"house-price": "Prices"},
        "event_accounts": {"210987654321": {"approvals": ["house-price"], "runs": ["house-price"]}},
        "alarm_emails": ["oncall@example.org"],
    },
}
ANSWERED = {
    "plain": {*SKIPS["always"], *SKIPS["without a key and a VPC"]},
    "strict": {*SKIPS["always"]},
    "pipeline": set(),
}
SKIPPED = "checkov cannot be installed"


@pytest.fixture(scope="module")
def findings(
    root: Terraform, terraform: Callable[..., Terraform], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, set[str]]]:
    """Plan -> check -> resources; one run for all plans, since most of it is checkov's start."""
    python = python_with(REQUIREMENTS / "checkov.txt", SKIPPED)
    folder = tmp_path_factory.mktemp("plans")
    command = [
        str(python),
        "-m",
        "checkov.main",
        "--framework",
        "terraform_plan",
        "--skip-download",
        "-o",
        "json",
    ]
    plans = {name: root.plan(**SETTINGS, **settings) for name, settings in PLANS.items()}
    pipeline = terraform("modules/pipeline")
    shutil.copytree(ROOT / "examples" / "house-price", pipeline.folder / "house-price")
    places = {"bucket": "ml-dev", "documents_table": "stagewright-dev-documents", "environment": "dev"}
    plans["pipeline"] = pipeline.plan(folder="house-price", installation=places)
    for name, plan in plans.items():
        (folder / f"{name}.json").write_text(json.dumps(plan))
        command += ["-f", str(folder / f"{name}.json")]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, done.stderr
    assert {Path(check["file_path"]).stem for check in report["results"]["passed_checks"]} == plans.keys()
    found: dict[str, dict[str, set[str]]] = {name: {} for name in plans}
    for check in report["results"]["failed_checks"]:
        name = Path(check["file_path"]).stem
        found[name].setdefault(check["check_id"], set()).add(check["resource"])
    return found


@pytest.mark.parametrize("plan", ANSWERED)
def test_checkov_reports_only_the_answered_findings(
    findings: dict[str, dict[str, set[str]]], plan: str
) -> None:
    assert findings[plan].keys() == ANSWERED[plan], findings[plan]
