"""Describe the installed resources, for `stagewright doctor`. All calls only read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stagewright.aws.errors import translate_errors

Described = Mapping[str, Any]
NAMES = 100
"""Names of one DescribeAlarms (CloudWatch API reference, AlarmNames)."""


@dataclass(frozen=True)
class Installed:
    """Reads resources of all services. `client` returns the client of a service.

    Each method raises NotFoundError, DeniedError or TargetError.
    """

    client: Callable[[str], Any]

    def bucket(self, name: str) -> dict[str, Any]:
        """Return region, versioning, whether events go to EventBridge, and the kinds of encryption.

        GetBucketLocation returns no region for us-east-1 (S3 API reference).
        """
        s3, bucket = self.client("s3"), {"Bucket": name}
        with translate_errors("s3", f"the bucket {name}"):
            region = s3.get_bucket_location(**bucket).get("LocationConstraint")
            notification = s3.get_bucket_notification_configuration(**bucket)
            rules = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
            return {
                "region": region or "us-east-1",
                "versioning": s3.get_bucket_versioning(**bucket).get("Status", "off"),
                "eventbridge": "EventBridgeConfiguration" in notification,
                "encryption": [
                    rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
                    for rule in rules
                    if "ApplyServerSideEncryptionByDefault" in rule
                ],
            }

    def table(self, name: str) -> dict[str, Any]:
        """Return status, keys in order, indexes with their keys, point-in-time recovery, TTL attribute."""
        dynamodb = self.client("dynamodb")
        with translate_errors("dynamodb", f"the table {name}"):
            table = dynamodb.describe_table(TableName=name)["Table"]
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        return {
            "status": table["TableStatus"],
            "keys": _keys(table),
            "indexes": {
                index["IndexName"]: _keys(index) for index in table.get("GlobalSecondaryIndexes", ())
            },
            "point_in_time_recovery": recovery == "ENABLED",
            "ttl": expiry.get("AttributeName") if expiry["TimeToLiveStatus"].startswith("ENABL") else None,
        }

    def queue(self, name: str) -> Mapping[str, str]:
        """Return the attributes of a queue. Calls GetQueueAttributes."""
        sqs = self.client("sqs")
        with translate_errors("sqs", f"the queue {name}"):
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: Mapping[str, str] = answer["Attributes"]
        return attributes

    def function(self, name: str) -> Described:
        """Return the response of GetFunctionConfiguration."""
        with translate_errors("lambda", f"the function {name}"):
            described: Described = self.client("lambda").get_function_configuration(FunctionName=name)
        return described

    def event_source_states(self, queue_arn: str, function: str) -> list[str]:
        """Return the states of the event source mappings. Calls ListEventSourceMappings."""
        with translate_errors("lambda", f"the event source of {function}"):
            answer = self.client("lambda").list_event_source_mappings(
                EventSourceArn=queue_arn, FunctionName=function
            )
        return [mapping["State"] for mapping in answer["EventSourceMappings"]]

    def layer(self, arn: str) -> Described:
        """Return the response of GetLayerVersionByArn."""
        with translate_errors("lambda", f"the layer {arn}"):
            described: Described = self.client("lambda").get_layer_version_by_arn(Arn=arn)
        return described

    def rule(self, name: str) -> dict[str, Any]:
        """Return state, pattern, schedule, and targets: ARN -> ARN of the dead-letter queue."""
        events = self.client("events")
        with translate_errors("events", f"the rule {name}"):
            rule = events.describe_rule(Name=name)
            targets = events.list_targets_by_rule(Rule=name)["Targets"]
        pattern = rule.get("EventPattern")
        return {
            "state": rule["State"],
            "pattern": json.loads(pattern) if pattern else None,
            "schedule": rule.get("ScheduleExpression") or None,
            "targets": {target["Arn"]: target.get("DeadLetterConfig", {}).get("Arn") for target in targets},
        }

    def machine(self, arn: str) -> Described:
        """Return the response of DescribeStateMachine."""
        with translate_errors("states", f"the state machine {arn}"):
            described: Described = self.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return described

    def role(self, name: str) -> Described:
        """Return trust and policy, each as a JSON object."""
        iam = self.client("iam")
        with translate_errors("iam", f"the role {name}"):
            role = iam.get_role(RoleName=name)["Role"]
            policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
        return {"trust": _json(role["AssumeRolePolicyDocument"]), "policy": _json(policy)}

    def topic(self, arn: str) -> Described:
        """Return the response of GetTopicAttributes."""
        with translate_errors("sns", f"the topic {arn}"):
            described: Described = self.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return described

    def glue_job(self, name: str) -> Described:
        """Return the response of GetJob."""
        with translate_errors("glue", f"the Glue job {name}"):
            described: Described = self.client("glue").get_job(JobName=name)["Job"]
        return described

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """Return name -> OK, ALARM or INSUFFICIENT_DATA of the alarms that exist. Calls DescribeAlarms."""
        with translate_errors("cloudwatch", "the alarms"):
            pages = [
                self.client("cloudwatch").describe_alarms(
                    AlarmNames=list(names[start : start + NAMES]), MaxRecords=NAMES
                )
                for start in range(0, len(names), NAMES)
            ]
        return {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}

    def figure(
        self, namespace: str, metric: str, dimensions: Mapping[str, str], statistic: str, seconds: int
    ) -> float | None:
        """Return a statistic of a metric over the last `seconds` (whole minutes), None without data points.

        Calls GetMetricStatistics with one period.
        """
        now = datetime.now(UTC)
        with translate_errors("cloudwatch", f"the metric {metric}"):
            points = self.client("cloudwatch").get_metric_statistics(
                Namespace=namespace,
                MetricName=metric,
                Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
                StartTime=now - timedelta(seconds=seconds),
                EndTime=now,
                Period=seconds,
                Statistics=[statistic],
            )["Datapoints"]
        values = [float(point[statistic]) for point in points]
        return (sum(values) if statistic == "Sum" else max(values)) if values else None


def _keys(described: Described) -> list[str]:
    def ordered() -> Iterator[str]:
        for kind in ("HASH", "RANGE"):
            yield from (key["AttributeName"] for key in described["KeySchema"] if key["KeyType"] == kind)

    return list(ordered())


def _json(document: Any) -> Any:
    """botocore decodes the documents of IAM; the local service may return text."""
    return json.loads(document) if isinstance(document, str) else document
