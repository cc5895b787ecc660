"""`doctor` on an installation: one thing after another is broken on a local server, and that line says so."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config

from sagemaker_local import state_folder
from stagewright import __version__
from stagewright.cli.doctor import code, run_checks
from stagewright.cli.doctor.check import Check
from stagewright.cli.doctor.target import CheckedTarget
from stagewright.installation.roles.people import DOCTOR
from stagewright.local import server as local
from stagewright.local.artifacts import Artifacts
from stagewright.local.provision import provision
from stagewright.local.state import INSTALLATION
from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Trigger
from stagewright.store.run_items import Header


@dataclass(frozen=True)
class Patient:
    server: state_folder.Server
    gateway: OperatorGateway

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            aws_access_key_id=self.server.access_key,
            aws_secret_access_key=self.server.secret_key,
            region_name=INSTALLATION.region,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def name(self, what: str) -> str:
        return INSTALLATION.name(what)

    def wrong(self, *, here: bool = True) -> dict[str, Check]:
        return {check.name: check for check in run_checks(CheckedTarget(self.gateway, here)) if not check.ok}

    def mend(self) -> None:
        provision(self.server, Artifacts.read(INSTALLATION))
        self.client("events").enable_rule(Name=self.name("sweep"))  # PutRule leaves it as it is here


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    state = tmp_path_factory.mktemp("state")
    server = local.up(state)
    gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
    yield Patient(server, gateway)
    gateway.close()
    local.down(state)


def no_versions(patient: Patient) -> None:
    patient.client("s3").put_bucket_versioning(
        Bucket=INSTALLATION.bucket, VersioningConfiguration={"Status": "Suspended"}
    )


def no_events(patient: Patient) -> None:
    patient.client("s3").put_bucket_notification_configuration(
        Bucket=INSTALLATION.bucket, NotificationConfiguration={}
    )


def no_backups(patient: Patient) -> None:
    patient.client("dynamodb").update_continuous_backups(
        TableName=patient.name("runs"), PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )


def no_redrive(patient: Patient) -> None:
    queues, dead = patient.client("sqs"), patient.name("events-dead")
    redrive = {"deadLetterTargetArn": INSTALLATION.arn("sqs", dead), "maxReceiveCount": 1000}
    url = queues.get_queue_url(QueueName=patient.name("events"))["QueueUrl"]
    queues.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)})


def other_code(patient: Patient) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("other.py", "")
    patient.client("lambda").update_function_code(
        FunctionName=patient.name("recorder"), ZipFile=archive.getvalue()
    )


def other_environment(patient: Patient) -> None:
    patient.client("lambda").update_function_configuration(
        FunctionName=patient.name("sweeper"), Environment={"Variables": {"STAGEWRIGHT_BUCKET": "another"}}
    )


def rule_off(patient: Patient) -> None:
    patient.client("events").disable_rule(Name=patient.name("sweep"))


def no_target(patient: Patient) -> None:
    events, rule = patient.client("events"), patient.name("manual")
    ids = [each["Id"] for each in events.list_targets_by_rule(Rule=rule)["Targets"]]
    events.remove_targets(Rule=rule, Ids=ids)


def other_machine(patient: Patient) -> None:
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    published = patient.client("stepfunctions").update_state_machine(
        stateMachineArn=INSTALLATION.state_machine_arn, definition=json.dumps(definition), publish=True
    )
    start_machine(patient, published["stateMachineVersionArn"])


def no_version(patient: Patient) -> None:
    start_machine(patient, INSTALLATION.state_machine_arn)


def start_machine(patient: Patient, arn: str) -> None:
    """Let the router start it."""
    functions, name = patient.client("lambda"), patient.name("router")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"STAGEWRIGHT_STATE_MACHINE": arn}}
    )


def more_rights(patient: Patient) -> None:
    iam, name = patient.client("iam"), patient.name("router")
    policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    policy["Statement"].append({"Sid": "More", "Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))


def fewer_rights(patient: Patient) -> None:
    iam, name = patient.client("iam"), patient.name("workflow")
    policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "PassRole"]
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))


def no_topic(patient: Patient) -> None:
    patient.client("sns").delete_topic(TopicArn=INSTALLATION.arn("sns", patient.name("alarms")))


def no_glue_job(patient: Patient) -> None:
    patient.client("glue").delete_job(JobName=patient.name("spark"))


def no_reader(patient: Patient) -> None:
    functions = patient.client("lambda")
    (source,) = functions.list_event_source_mappings(FunctionName=patient.name("router"))[
        "EventSourceMappings"
    ]
    functions.delete_event_source_mapping(UUID=source["UUID"])


BROKEN: dict[str, tuple[Callable[[Patient], None], str]] = {
    "bucket": (no_versions, "versioning is Suspended, not Enabled"),
    "bucket events": (no_events, "sends no events to EventBridge"),
    "table runs": (no_backups, "point_in_time_recovery is False"),
    "queue events": (no_redrive, "maxReceiveCount is 1000, not 5"),
    "event source of events": (no_reader, "no event source"),
    "function recorder": (other_code, "from another version"),
    "function sweeper": (other_environment, "STAGEWRIGHT_BUCKET is another"),
    "rule sweep": (rule_off, "state is DISABLED"),
    "rule manual": (no_target, "targets is {}"),
    "state machine": (other_machine, "from another version"),
    "role router": (more_rights, "statement More is not expected"),
    "role workflow": (fewer_rights, "statement PassRole is missing"),
    "topic alarms": (no_topic, "does not exist"),
    "Glue job spark": (no_glue_job, "does not exist"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_doctor_fails_exactly_the_broken_check(patient, name):
    break_it, said = BROKEN[name]
    break_it(patient)
    wrong = patient.wrong()
    patient.mend()
    assert list(wrong) == [name]
    assert said in wrong[name].found
    assert wrong[name].needed
    assert wrong[name].remedy
    assert patient.wrong() == {}


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        ("0.0.9", f"the installation is Stagewright 0.0.9, older than this client, {__version__}"),
        ("10.0.0", f"the installation is Stagewright 10.0.0, newer than this client, {__version__}"),
        ("", f"the installation does not name its version; this client is {__version__}"),
    ],
)
def test_doctor_reports_another_version(patient, installed, found):
    def configuration(name):
        return {"Environment": {"Variables": {"STAGEWRIGHT_VERSION": installed}}}

    (probe,) = [probe for probe in code.probes(CheckedTarget(patient.gateway)) if probe.name == "version"]
    assert probe.check().ok
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(patient.gateway.installed), "function", lambda _, name: configuration(name))
        check = probe.check()
    assert (check.ok, check.needed, check.found) == (False, True, found)
    assert "docs/upgrading.md" in check.remedy


@pytest.mark.slow
def test_doctor_fails_if_the_router_starts_no_published_version(patient):
    no_version(patient)
    wrong = patient.wrong()
    patient.mend()
    assert "the router starts no published version" in wrong["state machine"].found


def test_dead_letter_and_hanging_run_are_warnings(patient):
    queues = patient.client("sqs")
    url = queues.get_queue_url(QueueName=patient.name("events-dead"))["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="what is this")
    old = timestamp(datetime.now(UTC) - timedelta(days=2))
    trigger = Trigger("manual", "manual:1", old, "test")
    header = Header("tiny-20261101t000000-abcdef", "tiny", "RUNNING", trigger, old)
    patient.gateway.runs.claim(header)
    wrong = patient.wrong()
    patient.gateway.runs.transition(header.run, ["RUNNING"], {"status": "STOPPED"})
    queues.purge_queue(QueueUrl=url)
    assert wrong["dead letters"].found == "1 message"
    assert wrong["open runs"].found == f"{header.run} has been open for 48 h"
    assert wrong.keys() == {"dead letters", "open runs"}
    assert not any(check.needed for check in wrong.values())


def test_doctor_has_more_checks_on_aws(patient):
    """Alarms, figures, quotas, the functions' layer: here none of them is there, and the lines say so."""
    wrong = patient.wrong(here=False)
    functions = {f"function {each}" for each in ("router", "recorder", "sweeper", "smoke-test")}
    assert wrong.keys() == functions | {"alarms", "sweeper", "quotas"}
    assert all("no layer" in wrong[name].found for name in functions)
    assert "failed-runs is missing" in wrong["alarms"].found
    watch = patient.client("cloudwatch")
    watch.put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "FunctionName", "Value": patient.name("sweeper")}],
                "Value": 1,
                "Timestamp": datetime.now(UTC),
            }
        ],
    )
    watch.put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": patient.name("events")}],
                "Value": 5000,
                "Timestamp": datetime.now(UTC),
            }
        ],
    )
    wrong = patient.wrong(here=False)
    assert "sweeper" not in wrong
    assert "the oldest has waited 5,000 s" in wrong["waiting events"].found


def test_other_account_ends_the_doctor(patient):
    other = replace(patient.gateway.installation, account="999999999999")
    stranger = replace(patient.gateway, installation=other)
    (check,) = run_checks(CheckedTarget(stranger, True))
    assert (check.name, check.ok) == ("credentials", False)


IAM_NAMES = {
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "lambda:GetLayerVersionByArn": "lambda:GetLayerVersion",
    "service-quotas:ListServiceQuotas": "servicequotas:ListServiceQuotas",
    "monitoring:DescribeAlarms": "cloudwatch:DescribeAlarms",
    "monitoring:GetMetricStatistics": "cloudwatch:GetMetricStatistics",
}
"""Where IAM has another name than the API."""
FREE = {"sts:GetCallerIdentity"}


def test_doctor_calls_only_what_its_policy_allows(patient):
    called = set()

    def note(model, **_):
        name = f"{model.service_model.endpoint_prefix}:{model.name}"
        called.add(IAM_NAMES.get(name, name))

    here = patient.server
    watched = OperatorGateway.connect(INSTALLATION, here.url, here.access_key, here.secret_key)
    watched.session.events.register("before-call", note)
    run_checks(CheckedTarget(watched, is_local=False))
    watched.close()
    allowed = {action for statement in DOCTOR.statements for action in statement.actions}
    assert called - FREE - allowed == set()
    assert len(called) > 20
