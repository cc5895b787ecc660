"""Test Stagewright on a target: apply, run a small pipeline of every kind, record the answers, destroy.

Run `make aws-smoke ARGS="--bucket NAME --region REGION --price ml.m5.large=0.115"`. `--target local` needs no
account and skips Terraform. **Never run against AWS so far.** See docs/aws-smoke.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stagewright.cli.common import launch
from stagewright.cli.common.source import Source
from stagewright.cli.common.target import Session, installation, session
from stagewright.naming import Installation, timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner import cost
from stagewright.planner.model import Plan, Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release
from stagewright.runs.endpoints.expiry import expire
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import show
from stagewright.runs.stop import stop
from tools import smoke_records

ROOT = Path(__file__).parent.parent
DOCUMENTS = {"every": "SUCCEEDED", "failing": "FAILED"}
"""Folder of tools/smoke -> how its run must end."""
ENVIRONMENT = "smoke"
WORK = ROOT / ".smoke"
"""The folder of Terraform's state. While it exists, resources may be left in the account."""
PATIENCE = 2 * 3600
"""Seconds that a run may take. Endpoints run until the end, and expire after two hours."""
HOUR = 3600
OURS = "smoke-"
"""Prefix of the documents' names."""
OPEN = 100
OBSERVER = "observer"
EVENT_SOURCES = ["aws.sagemaker", "aws.states", "aws.s3"]
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
    options = parsed(arguments)
    local = options.target == "local"
    sources = [Source.read(ROOT / "tools/smoke" / name / "pipeline.yaml") for name in DOCUMENTS]
    print(announcement(options, [planned(source, options.region) for source in sources]))
    if not (options.yes or input("Type yes to continue: ").strip() == "yes"):
        print("nothing was created")
        return 2
    with ExitStack() as cleaning:
        if not local:
            cleaning.enter_context(applied(options))
        connected = cleaning.enter_context(session("local", runs=True) if local else on_aws(options))
        cleaning.callback(remove_what_runs_made, connected.gateway)
        return smoke(connected, sources, options.record)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make aws-smoke", description=__doc__)
    parser.add_argument("--target", choices=("aws", "local"), default="aws")
    parser.add_argument("--bucket", default="", help="name of the bucket to create and destroy")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--price", action="append", default=[], metavar="TYPE=MONEY", help="per instance-hour; repeatable"
    )
    parser.add_argument("--record", type=Path, help="folder of the fixtures")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    options.prices = dict(prices(parser, options.price))
    if options.target == "local":
        return options
    options.record = options.record or smoke_records.FOLDER
    if not shutil.which("terraform"):
        parser.error("terraform is not on PATH: install 1.9 or newer")
    if not options.bucket:
        parser.error("--bucket is required: an unused name; the bucket is destroyed at the end")
    return options


def prices(parser: argparse.ArgumentParser, options: Sequence[str]) -> Iterator[tuple[str, float]]:
    for option in options:
        name, _, price = option.partition("=")
        try:
            yield name, float(price)
        except ValueError:
            parser.error(f"--price {option}: write TYPE=MONEY, such as ml.m5.large=0.115")


def planned(source: Source, region: str) -> Plan:
    """Plan a first run without contacting a target."""
    files = {
        path: CodeFile(hashlib.sha256(body).hexdigest(), "1", len(body))
        for path, body in source.files.items()
    }
    place = Installation("smoke", region, smoke_records.ACCOUNT, ENVIRONMENT)
    trigger = Trigger("manual", "manual:smoke", timestamp(datetime.now(UTC)), "smoke")
    return plan(source.pipeline, trigger, Recorded(place, Release(source.pipeline.name, files)))


def announcement(options: argparse.Namespace, plans: Sequence[Plan]) -> str:
    """Describe what the test creates, and its highest possible cost."""
    uses = [use for each in plans for stage in each.stages for use in stage.uses]
    hours = cost.hours_by_type(uses)
    for use in uses:
        if use.hours is None:
            hours[use.instance_type] = hours.get(use.instance_type, 0) + use.instances * PATIENCE / HOUR
    lines = ["This creates, and destroys at the end:"]
    if options.target == "aws":
        lines.append(f"- the installation stagewright-{ENVIRONMENT}, with the bucket {options.bucket}")
    lines += [f"- {stage.kind} {stage.name} of {each.pipeline}" for each in plans for stage in each.stages]
    lines.append(f"- a queue and a rule stagewright-{ENVIRONMENT}-{OBSERVER}, to receive the events")
    lines += [f"At most {value:.2f} hours of {name}" for name, value in hours.items()]
    return "\n".join([*lines, price_line(options, hours)])


def price_line(options: argparse.Namespace, hours: Mapping[str, float]) -> str:
    if options.target == "local":
        return "It costs nothing: it runs on this machine."
    if missing := sorted(hours.keys() - options.prices.keys()):
        remedy = f"give --price {missing[0]}=MONEY, per instance-hour"
        raise SystemExit(f"no price for {', '.join(missing)}: {remedy}")
    most = sum(value * options.prices[name] for name, value in hours.items())
    return f"Its instances cost at most {most:.2f}; requests, logs and storage come to some cents."


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


def smoke(connected: Session, sources: Sequence[Source], folder: Path | None) -> int:
    """Run the documents. Return 0 if each run ended as expected, otherwise 1."""
    gateway, wrong = connected.gateway, 0
    with observed(gateway) as receive:
        records = []
        for source, status in zip(sources, DOCUMENTS.values(), strict=True):
            record = ended(connected, source)
            print(f"{record.run}: {record.status} {record.reason}")
            wrong += record.status != status
            records += list(smoke_records.of_history(history(gateway, record.execution)))
        records += list(smoke_records.of_events(receive()))
    if folder:
        found = smoke_records.gathered(records, gateway.installation.bucket)
        print(*(f"recorded {path}" for path in smoke_records.write(found, folder)), sep="\n")
    return min(wrong, 1)


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


@contextmanager
def observed(gateway: OperatorGateway) -> Iterator[Any]:
    """Send all events to a queue, and yield a function that receives them."""
    sqs, events = gateway.installed.client("sqs"), gateway.installed.client("events")
    name = gateway.installation.name(OBSERVER)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn, rule = (gateway.installation.arn(*each) for each in (("sqs", name), ("events", f"rule/{name}")))
    try:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(may_send(rule, arn))})
        events.put_rule(Name=name, EventPattern=json.dumps({"source": EVENT_SOURCES}))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        yield lambda: received(sqs, url)
    finally:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
        sqs.delete_queue(QueueUrl=url)


def may_send(rule: str, arn: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def received(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 2}
    while found := sqs.receive_message(**asked).get("Messages"):
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            yield json.loads(each["Body"])


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
