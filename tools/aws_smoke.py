"""Test Stagewright on a target: apply, run a small pipeline of every kind, record the answers, destroy.

Run `make aws-smoke ARGS="--bucket NAME --region REGION"`. `--check` stops before anything is created.
`--target local` needs no account and skips Terraform. **Never run against AWS so far.**
See docs/aws-smoke.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from stagewright.api import launch
from stagewright.api.source import Source
from stagewright.api.target import Session, installation, session
from stagewright.errors import StagewrightError
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Plan
from stagewright.runs.endpoints.expiry import expire
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import show
from stagewright.runs.stop import stop
from tools import smoke_records
from tools.aws_facts import before, report
from tools.aws_facts.step import Target, Verdict
from tools.smoke_observer import observed
from tools.smoke_plan import ENVIRONMENT, HOUR, PATIENCE, announcement, planned, unpriced

ROOT = Path(__file__).parent.parent
DOCUMENTS = {"every": "SUCCEEDED", "failing": "FAILED"}
"""Folder of tools/smoke -> how its run must end."""
WORK = ROOT / ".smoke"
"""The folder of Terraform's state. While it exists, resources may be left in the account."""
OURS = "smoke-"
"""Prefix of the documents' names."""
OPEN = 100
MAIN = """\
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "~> 6.0" }}
  }}
}}

provider "aws" {{
  region = "{region}"
}}

module "stagewright" {{
  source       = "{infra}"
  environment  = "{environment}"
  environments = ["{environment}"]
  bucket       = "{bucket}"
  region       = "{region}"
  protect_data = false
}}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if everything is as expected, 1 if a fact or a run differs, 2 if the test did not begin."""
    options = parsed(arguments)
    local = options.target == "local"
    sources = [Source.read(ROOT / "tools/smoke" / name / "pipeline.yaml") for name in DOCUMENTS]
    try:
        with ExitStack() as cleaning:
            connected = cleaning.enter_context(session("local", runs=True) if local else on_aws(options))
            return tested(options, connected, sources)
    except StagewrightError as error:
        print(f"{error.message}; next: {error.remedy}" if error.remedy else error.message, file=sys.stderr)
        return 2


def tested(options: argparse.Namespace, connected: Session, sources: Sequence[Source]) -> int:
    """Try what creates nothing, ask, then create, run, try the rest, and destroy."""
    plans = [planned(source, options.region) for source in sources]
    target = Target(connected.gateway, plans, is_local=connected.is_local)
    verdicts: list[Verdict] = list(report.tried(before.STEPS, target))
    wrong = 0
    try:
        print("", announcement(options, plans), "", sep="\n")
        if options.check:
            return int(report.differs(verdicts))
        if not agreed(options, plans):
            print("nothing was created")
            return 2
        with ExitStack() as cleaning:
            if not connected.is_local:
                cleaning.enter_context(applied(options))
            cleaning.callback(remove_what_runs_made, connected.gateway)
            wrong, records = smoke(connected, sources, options.record)
            verdicts += report.tried(report.AFTER, replace(target, records=records))
    finally:
        finish(verdicts, options)
    return int(bool(wrong) or report.differs(verdicts))


def finish(verdicts: Sequence[Verdict], options: argparse.Namespace) -> None:
    """Record the answers, and print the table of all facts."""
    if options.record:
        report.recorded(verdicts, options.record)
    print("", report.table(report.complete(verdicts)), sep="\n")
    if options.target == "local":
        print("These are answers of the local target: they show that the steps work, and confirm nothing.")


def agreed(options: argparse.Namespace, plans: Sequence[Plan]) -> bool:
    if options.yes and options.target == "aws" and unpriced(plans):
        print("--yes needs prices, so that the cost is known beforehand")
        return False
    return options.yes or input("Type yes to continue: ").strip() == "yes"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make aws-smoke", description=__doc__)
    parser.add_argument("--target", choices=("aws", "local"), default="aws")
    parser.add_argument("--bucket", default="", help="name of the bucket to create and destroy")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--record", type=Path, help="folder of the fixtures")
    parser.add_argument("--check", action="store_true", help="only try what creates nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    if options.target == "local":
        return options
    options.record = options.record or smoke_records.FOLDER
    if not options.check and not shutil.which("terraform"):
        parser.error("terraform is not on PATH: install 1.9 or newer, or use --check")
    if not options.bucket:
        parser.error("--bucket is required: an unused name; the bucket is destroyed at the end")
    return options


@contextmanager
def applied(options: argparse.Namespace) -> Iterator[None]:
    """Apply the installation, and destroy it at the end. If that fails, WORK keeps the state for a retry."""
    WORK.mkdir(exist_ok=True)
    names = {"region": options.region, "environment": ENVIRONMENT, "bucket": options.bucket}
    (WORK / "main.tf").write_text(MAIN.format(infra=ROOT / "infra", **names))
    try:
        terraform("init", "-input=false")
        terraform("apply", "-input=false", "-auto-approve")
        yield
    finally:
        terraform("destroy", "-input=false", "-auto-approve")
        shutil.rmtree(WORK)


def terraform(*arguments: str) -> None:
    """Run Terraform in its own session, so that Ctrl-C does not interrupt a destroy."""
    subprocess.run(["terraform", *arguments], cwd=WORK, check=True, start_new_session=True)


@contextmanager
def on_aws(options: argparse.Namespace) -> Iterator[Session]:
    settings = {"bucket": options.bucket, "region": options.region, "environment": ENVIRONMENT}
    yield Session(OperatorGateway.connect(installation(settings)), "aws")


def smoke(
    connected: Session, sources: Sequence[Source], folder: Path | None
) -> tuple[int, smoke_records.Records]:
    """Run the documents. Return how many runs did not end as expected, and what they left."""
    gateway, wrong = connected.gateway, 0
    with observed(gateway) as receive:
        records = []
        for source, status in zip(sources, DOCUMENTS.values(), strict=True):
            record = ended(connected, source)
            print(f"{record.run}: {record.status} {record.reason}")
            wrong += record.status != status
            records += list(smoke_records.of_history(history(gateway, record.execution)))
        records += list(smoke_records.of_events(receive()))
    found = smoke_records.gathered(records, gateway.installation.bucket)
    if folder:
        print(*(f"recorded {path}" for path in smoke_records.write(found, folder)), sep="\n")
    return wrong, found


def ended(connected: Session, source: Source) -> RunRecord:
    run, deadline = launch.start(connected, source, {}, force=True), time.monotonic() + PATIENCE
    while (record := show(connected.gateway, run)).is_open:
        if time.monotonic() > deadline:
            raise SystemExit(f"{run} has not ended after {PATIENCE // HOUR} h")
        time.sleep(0.5 if connected.is_local else 10)
    return record


def history(gateway: OperatorGateway, execution: str) -> Iterator[Mapping[str, Any]]:
    client = gateway.installed.client("stepfunctions")
    for page in client.get_paginator("get_execution_history").paginate(executionArn=execution):
        yield from page["events"]


def remove_what_runs_made(gateway: OperatorGateway) -> None:
    """Stop open runs, and delete the endpoints, models and model packages of the smoke pipelines."""
    for header in gateway.runs.open_runs(OPEN):
        if header.pipeline.startswith(OURS):
            stop(gateway, header.run, "smoke")
    for item in gateway.endpoint_records.all():
        if item.name.startswith(OURS):
            until_gone(gateway, item)
    sagemaker = gateway.installed.client("sagemaker")
    for page in sagemaker.get_paginator("list_models").paginate(NameContains=OURS):
        for each in page["Models"]:
            sagemaker.delete_model(ModelName=each["ModelName"])
    for group in sagemaker.list_model_package_groups(NameContains=OURS)["ModelPackageGroupSummaryList"]:
        name = group["ModelPackageGroupName"]
        for package in sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]:
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
        sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def until_gone(gateway: OperatorGateway, item: Any) -> None:
    """Delete an endpoint. Retry for up to an hour, since a new endpoint cannot be deleted yet."""
    deadline = time.monotonic() + HOUR
    while not expire(gateway, item) and time.monotonic() < deadline:
        time.sleep(5)


if __name__ == "__main__":
    sys.exit(main())
