"""What an account holds, read over AWS's APIs: section -> name -> settings. No ids, times and counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Connect = Callable[[str], Any]
Found = dict[str, Any]

LAMBDA = (
    "Runtime",
    "Role",
    "Handler",
    "Timeout",
    "MemorySize",
    "Environment",
    "Architectures",
    "Layers",
    "CodeSha256",
    "PackageType",
    "TracingConfig",
    "VpcConfig",
    "LoggingConfig",
)
ALARM = (
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "Dimensions",
    "Period",
    "EvaluationPeriods",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
)
SOURCE = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "EventSourceArn",
    "FunctionArn",
    "FunctionResponseTypes",
    "State",
)
QUEUE = (
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "SqsManagedSseEnabled",
    "KmsMasterKeyId",
    "DelaySeconds",
    "MaximumMessageSize",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "Policy",
    "QueueArn",
)
TOPIC = ("TopicArn", "Policy", "KmsMasterKeyId")
GLUE = (
    "Role",
    "Command",
    "GlueVersion",
    "DefaultArguments",
    "ExecutionProperty",
    "MaxRetries",
    "Timeout",
    "MaxCapacity",
    "WorkerType",
    "NumberOfWorkers",
)
TEXTS = (
    "Policy",
    "RedrivePolicy",
    "AssumeRolePolicyDocument",
    "PolicyDocument",
    "EventPattern",
    "definition",
)


def observed(client: Connect) -> Found:
    return {
        "buckets": _buckets(client("s3")),
        "tables": _tables(client("dynamodb")),
        "queues": _queues(client("sqs")),
        "topics": _topics(client("sns")),
        "functions": _functions(client("lambda")),
        "event_sources": _sources(client("lambda")),
        "rules": _rules(client("events")),
        "state_machines": _machines(client("stepfunctions")),
        "roles": _roles(client("iam")),
        "log_groups": _log_groups(client("logs")),
        "log_metrics": _log_metrics(client("logs")),
        "alarms": _alarms(client("cloudwatch")),
        "dashboards": _dashboards(client("cloudwatch")),
        "glue_jobs": _glue_jobs(client("glue")),
    }


def differences(first: Any, second: Any, place: str = "") -> dict[str, tuple[Any, Any]]:
    """Place -> both values, where they are not the same. What is missing is None."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return {
            at: both
            for name in sorted(first.keys() | second.keys())
            for at, both in differences(
                first.get(name), second.get(name), f"{place}/{name}" if place else name
            ).items()
        }
    return {} if first == second else {place: (first, second)}


def _buckets(s3: Any) -> Found:
    return {each["Name"]: _bucket(s3, each["Name"]) for each in s3.list_buckets()["Buckets"]}


def _bucket(s3: Any, name: str) -> Found:
    def ask(operation: str, field: str) -> Any:
        try:
            return getattr(s3, operation)(Bucket=name).get(field)
        except ClientError as error:
            return error.response["Error"]["Code"]

    return {
        "versioning": ask("get_bucket_versioning", "Status"),
        "eventbridge": ask("get_bucket_notification_configuration", "EventBridgeConfiguration"),
        "encryption": ask("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
        "public": ask("get_public_access_block", "PublicAccessBlockConfiguration"),
        "ownership": ask("get_bucket_ownership_controls", "OwnershipControls"),
        "policy": json.loads(ask("get_bucket_policy", "Policy")),
        "lifecycle": {each["ID"]: each for each in ask("get_bucket_lifecycle_configuration", "Rules")},
        "tags": _tags(ask("get_bucket_tagging", "TagSet")),
    }


def _tables(dynamodb: Any) -> Found:
    return {name: _table(dynamodb, name) for name in dynamodb.list_tables()["TableNames"]}


def _table(dynamodb: Any, name: str) -> Found:
    table = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return {
        "keys": table["KeySchema"],
        "attributes": {
            each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]
        },
        "billing": table["BillingModeSummary"]["BillingMode"],
        "encryption": table.get("SSEDescription", {}).get("Status"),
        "indexes": {
            each["IndexName"]: {
                "keys": each["KeySchema"],
                "projection": each["Projection"]["ProjectionType"],
                "others": sorted(each["Projection"].get("NonKeyAttributes", ())),
            }
            for each in table.get("GlobalSecondaryIndexes", ())
        },
        "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "ttl": [expiry["TimeToLiveStatus"], expiry.get("AttributeName")],
    }


def _queues(sqs: Any) -> Found:
    urls = sqs.list_queues().get("QueueUrls", ())
    attributes = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls
    ]
    return {url.rpartition("/")[2]: _picked(each, QUEUE) for url, each in zip(urls, attributes, strict=True)}


def _topics(sns: Any) -> Found:
    arns = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
    return {
        arn.rpartition(":")[2]: _picked(sns.get_topic_attributes(TopicArn=arn)["Attributes"], TOPIC)
        for arn in arns
    }


def _functions(functions: Any) -> Found:
    return {
        each["FunctionName"]: _picked(each, LAMBDA) | {"allowed": _allowed(functions, each["FunctionName"])}
        for each in functions.list_functions()["Functions"]
    }


def _allowed(functions: Any, name: str) -> list[Any]:
    """Who may call it, without the statements' names."""
    try:
        policy = json.loads(functions.get_policy(FunctionName=name)["Policy"])
    except functions.exceptions.ResourceNotFoundException:
        return []
    statements = [{key: value for key, value in each.items() if key != "Sid"} for each in policy["Statement"]]
    return sorted(statements, key=json.dumps)


def _sources(functions: Any) -> Found:
    found = functions.list_event_source_mappings()["EventSourceMappings"]
    return {each["EventSourceArn"].rpartition(":")[2]: _picked(each, SOURCE) for each in found}


def _rules(events: Any) -> Found:
    return {
        each["Name"]: {
            **_picked(each, ("Description", "EventPattern", "ScheduleExpression", "State")),
            "targets": events.list_targets_by_rule(Rule=each["Name"])["Targets"],
        }
        for each in events.list_rules()["Rules"]
    }


def _machines(step_functions: Any) -> Found:
    return {
        each["name"]: _picked(
            step_functions.describe_state_machine(stateMachineArn=each["stateMachineArn"]),
            ("definition", "roleArn", "type", "loggingConfiguration"),
        )
        | {
            "versions": len(
                step_functions.list_state_machine_versions(stateMachineArn=each["stateMachineArn"])[
                    "stateMachineVersions"
                ]
            )
        }
        for each in step_functions.list_state_machines()["stateMachines"]
    }


def _roles(iam: Any) -> Found:
    return {
        each["RoleName"]: {
            **_picked(each, ("AssumeRolePolicyDocument", "PermissionsBoundary")),
            "policies": {
                name: iam.get_role_policy(RoleName=each["RoleName"], PolicyName=name)["PolicyDocument"]
                for name in iam.list_role_policies(RoleName=each["RoleName"])["PolicyNames"]
            },
            "attached": iam.list_attached_role_policies(RoleName=each["RoleName"])["AttachedPolicies"],
        }
        for each in iam.list_roles()["Roles"]
    }


def _log_groups(logs: Any) -> Found:
    return {
        each["logGroupName"]: each.get("retentionInDays") for each in logs.describe_log_groups()["logGroups"]
    }


def _log_metrics(logs: Any) -> Found:
    fields = ("filterPattern", "metricTransformations", "logGroupName")
    return {
        each["filterName"]: _picked(each, fields) for each in logs.describe_metric_filters()["metricFilters"]
    }


def _alarms(cloudwatch: Any) -> Found:
    return {each["AlarmName"]: _picked(each, ALARM) for each in cloudwatch.describe_alarms()["MetricAlarms"]}


def _dashboards(cloudwatch: Any) -> Found:
    names = [each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]]
    return {name: json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) for name in names}


def _glue_jobs(glue: Any) -> Found:
    return {each["Name"]: _picked(each, GLUE) for each in glue.get_jobs()["Jobs"]}


def _picked(settings: Mapping[str, Any], names: tuple[str, ...]) -> Found:
    """Those that are there; of policies and the like, what their text says."""
    return {
        name: json.loads(settings[name])
        if name in TEXTS and isinstance(settings[name], str)
        else settings[name]
        for name in names
        if settings.get(name) not in (None, "", [], {})
    }


def _tags(tags: Any) -> Any:
    return {each["Key"]: each["Value"] for each in tags} if isinstance(tags, list) else tags
