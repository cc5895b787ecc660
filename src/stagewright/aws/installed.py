"""What is installed, as AWS describes it: the calls of `stagewright doctor`, all of which only read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stagewright.aws.errors import translated

Described = Mapping[str, Any]
NAMES = 100
"""Alarms asked for at once (CloudWatch API reference, DescribeAlarms: AlarmNames)."""


@dataclass(frozen=True)
class Installed:
    """`client` makes the client of a service. Each call raises NotFoundError, DeniedError or TargetError."""

    client: Callable[[str], Any]

    def bucket(self, name: str) -> dict[str, Any]:
        """Region (none in us-east-1), versioning, whether EventBridge is told, kinds of encryption."""
        s3, place = self.client("s3"), {"Bucket": name}
        with translated("s3", f"the bucket {name}"):
            region = s3.get_bucket_location(**place).get("LocationConstraint")
            told = s3.get_bucket_notification_configuration(**place)
            rules = s3.get_bucket_encryption(**place)["ServerSideEncryptionConfiguration"]["Rules"]
            return {
                "region": region or "us-east-1",
                "versioning": s3.get_bucket_versioning(**place).get("Status", "off"),
                "eventbridge": "EventBridgeConfiguration" in told,
                "encryption": [
                    rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
                    for rule in rules
                    if "ApplyServerSideEncryptionByDefault" in rule
                ],
            }

    def table(self, name: str) -> dict[str, Any]:
        """Status, keys in order, indexes with theirs, whether backups go on, the attribute of expiry."""
        dynamodb = self.client("dynamodb")
        with translated("dynamodb", f"the table {name}"):
            table = dynamodb.describe_table(TableName=name)["Table"]
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        return {
            "status": table["TableStatus"],
            "keys": _keys(table),
            "indexes": {each["IndexName"]: _keys(each) for each in table.get("GlobalSecondaryIndexes", ())},
            "point_in_time_recovery": recovery == "ENABLED",
            "ttl": expiry.get("AttributeName") if expiry["TimeToLiveStatus"].startswith("ENABL") else None,
        }

    def queue(self, name: str) -> Mapping[str, str]:
        """Its attributes, by AWS's names."""
        sqs = self.client("sqs")
        with translated("sqs", f"the queue {name}"):
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            found: Mapping[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
                "Attributes"
            ]
        return found

    def function(self, name: str) -> Described:
        with translated("lambda", f"the function {name}"):
            found: Described = self.client("lambda").get_function_configuration(FunctionName=name)
        return found

    def event_source_states(self, queue_arn: str, function: str) -> list[str]:
        with translated("lambda", f"the event source of {function}"):
            found = self.client("lambda").list_event_source_mappings(
                EventSourceArn=queue_arn, FunctionName=function
            )
        return [each["State"] for each in found["EventSourceMappings"]]

    def layer(self, arn: str) -> Described:
        with translated("lambda", f"the layer {arn}"):
            found: Described = self.client("lambda").get_layer_version_by_arn(Arn=arn)
        return found

    def rule(self, name: str) -> dict[str, Any]:
        """State, pattern or schedule, and what it sends to: ARN -> ARN of its dead letters' queue."""
        events = self.client("events")
        with translated("events", f"the rule {name}"):
            rule = events.describe_rule(Name=name)
            targets = events.list_targets_by_rule(Rule=name)["Targets"]
        pattern = rule.get("EventPattern")
        return {
            "state": rule["State"],
            "pattern": json.loads(pattern) if pattern else None,
            "schedule": rule.get("ScheduleExpression") or None,
            "targets": {each["Arn"]: each.get("DeadLetterConfig", {}).get("Arn") for each in targets},
        }

    def machine(self, arn: str) -> Described:
        with translated("states", f"the state machine {arn}"):
            found: Described = self.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return found

    def role(self, name: str) -> Described:
        """Trust and policy, each as a JSON object (botocore decodes IAM's documents)."""
        iam = self.client("iam")
        with translated("iam", f"the role {name}"):
            role = iam.get_role(RoleName=name)["Role"]
            policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
        return {"trust": _json(role["AssumeRolePolicyDocument"]), "policy": _json(policy)}

    def topic(self, arn: str) -> Described:
        with translated("sns", f"the topic {arn}"):
            found: Described = self.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return found

    def glue_job(self, name: str) -> Described:
        with translated("glue", f"the Glue job {name}"):
            found: Described = self.client("glue").get_job(JobName=name)["Job"]
        return found

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """Alarm -> OK, ALARM or INSUFFICIENT_DATA, of those that exist."""
        with translated("cloudwatch", "the alarms"):
            pages = [
                self.client("cloudwatch").describe_alarms(
                    AlarmNames=list(names[start : start + NAMES]), MaxRecords=NAMES
                )
                for start in range(0, len(names), NAMES)
            ]
        return {each["AlarmName"]: each["StateValue"] for page in pages for each in page["MetricAlarms"]}

    def figure(
        self, namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str, seconds: int
    ) -> float | None:
        """Of the last `seconds` (whole minutes), in one period; None where nothing was measured."""
        now = datetime.now(UTC)
        with translated("cloudwatch", f"the metric {metric}"):
            found = self.client("cloudwatch").get_metric_statistics(
                Namespace=namespace,
                MetricName=metric,
                Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
                StartTime=now - timedelta(seconds=seconds),
                EndTime=now,
                Period=seconds,
                Statistics=[statistic],
            )["Datapoints"]
        values = [float(point[statistic]) for point in found]
        return (sum(values) if statistic == "Sum" else max(values)) if values else None


def _keys(described: Described) -> list[str]:
    def ordered() -> Iterator[str]:
        for kind in ("HASH", "RANGE"):
            yield from (key["AttributeName"] for key in described["KeySchema"] if key["KeyType"] == kind)

    return list(ordered())


def _json(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document
