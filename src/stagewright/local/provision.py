"""Creates, in a local server, what artifacts/installation.json says, through the API like any client.

Everything may be there already: what exists is brought up to date. The order is that of who refers to whom.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_local.session import keyed
from sagemaker_local.state_folder import REGION, Server
from stagewright.local.artifacts import Artifacts

Settings = Mapping[str, Any]
TARGET_ID = "target"
PERMISSION_ID = "event-rule"
WAIT = {"Delay": 0.01, "MaxAttempts": 1000}


def provision(server: Server, artifacts: Artifacts) -> None:
    """botocore's ClientError where the server refuses something."""
    maker = Provisioner(server, artifacts)
    resources = artifacts.resources
    maker.bucket(resources["bucket"])
    for table in resources["tables"].values():
        maker.table(table)
    for group in resources["log_groups"].values():
        maker.log_group(group)
    for role in resources["roles"].values():
        maker.role(role)
    for topic in resources["topics"].values():
        maker.topic(topic)
    for queue in sorted(resources["queues"].values(), key=lambda queue: queue["redrive"] is not None):
        maker.queue(queue)
    for function in resources["functions"].values():
        maker.function(function)
    for source in resources["event_sources"].values():
        maker.event_source(source)
    for job in resources["glue_jobs"].values():
        maker.glue_job(job)
    maker.state_machine(resources["state_machine"])
    for rule in resources["rules"].values():
        maker.rule(rule)


class Provisioner:
    """A method per kind of resource; each takes its settings as they stand in installation.json."""

    def __init__(self, server: Server, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        session = keyed(server.access_key, server.secret_key, REGION)
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})

        @cache
        def client(service: Any) -> Any:
            return session.client(service, endpoint_url=server.url, config=config)

        self._client = client

    def bucket(self, settings: Settings) -> None:
        s3, name = self._client("s3"), settings["name"]
        with existing("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            s3.create_bucket(Bucket=name)
        status = "Enabled" if settings["versioning"] else "Suspended"
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={"EventBridgeConfiguration": {}} if settings["eventbridge"] else {},
        )
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": settings["encryption"]}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(blocks, settings["block_public_access"])
        )
        ownership = {"Rules": [{"ObjectOwnership": settings["object_ownership"]}]}
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(settings["policy"]))
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": _lifecycle(settings)}
        )

    def table(self, settings: Settings) -> None:
        dynamodb, name = self._client("dynamodb"), settings["name"]
        self._make_table(dynamodb, settings)
        recovery = {"PointInTimeRecoveryEnabled": settings["point_in_time_recovery"]}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
        if attribute := settings["ttl"]:
            expiry = {"Enabled": True, "AttributeName": attribute}
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)

    def _make_table(self, dynamodb: Any, settings: Settings) -> None:
        """One that is there gets the indexes that it lacks."""
        indexes = [
            {"IndexName": index, "KeySchema": _keys(key), "Projection": _projection(key)}
            for index, key in settings["indexes"].items()
        ]
        attributes = [
            {"AttributeName": attribute, "AttributeType": kind}
            for attribute, kind in settings["attributes"].items()
        ]
        wanted = {"TableName": settings["name"], "AttributeDefinitions": attributes}
        try:
            dynamodb.create_table(
                **wanted,
                BillingMode=settings["billing_mode"],
                KeySchema=_keys(settings),
                **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
            )
        except dynamodb.exceptions.ResourceInUseException:
            table = dynamodb.describe_table(TableName=settings["name"])["Table"]
            known = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ())}
            for index in (index for index in indexes if index["IndexName"] not in known):
                dynamodb.update_table(**wanted, GlobalSecondaryIndexUpdates=[{"Create": index}])

    def log_group(self, settings: Settings) -> None:
        logs, name = self._client("logs"), settings["name"]
        with existing("ResourceAlreadyExistsException"):
            logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(logGroupName=name, retentionInDays=settings["retention_days"])

    def role(self, settings: Settings) -> None:
        iam, name, trust = self._client("iam"), settings["name"], json.dumps(settings["trust"])
        with existing("EntityAlreadyExists"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(settings["policy"]))

    def topic(self, settings: Settings) -> None:
        sns = self._client("sns")
        arn = sns.create_topic(Name=settings["name"])["TopicArn"]
        attributes = {"Policy": json.dumps(settings["policy"]), "KmsMasterKeyId": settings["kms_key"] or ""}
        for name, value in attributes.items():
            sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)

    def queue(self, settings: Settings) -> None:
        sqs = self._client("sqs")
        url = sqs.create_queue(QueueName=settings["name"])["QueueUrl"]
        attributes = {
            "VisibilityTimeout": str(settings["visibility_timeout"]),
            "MessageRetentionPeriod": str(settings["retention"]),
            "SqsManagedSseEnabled": str(settings["managed_encryption"]).lower(),
            "Policy": json.dumps(settings["policy"]),
        }
        if redrive := settings["redrive"]:
            policy = {
                "deadLetterTargetArn": redrive["dead_letter_arn"],
                "maxReceiveCount": redrive["max_receives"],
            }
            attributes["RedrivePolicy"] = json.dumps(policy)
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def function(self, settings: Settings) -> None:
        """The layer is left out: this Python has what is in it."""
        functions, name = self._client("lambda"), settings["name"]
        configuration = {
            "Runtime": settings["runtime"],
            "Handler": settings["handler"],
            "Role": self._artifacts.resources["roles"][settings["role"]]["arn"],
            "Timeout": settings["timeout"],
            "MemorySize": settings["memory"],
            "Environment": {"Variables": settings["environment"]},
        }
        code = {"ZipFile": self._artifacts.archive}
        architectures = [settings["architecture"]]
        try:
            functions.create_function(
                FunctionName=name, Code=code, Architectures=architectures, **configuration
            )
        except functions.exceptions.ResourceConflictException:
            functions.update_function_code(FunctionName=name, Architectures=architectures, **code)
            functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)
            functions.update_function_configuration(FunctionName=name, **configuration)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=WAIT)
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)

    def event_source(self, settings: Settings) -> None:
        functions = self._client("lambda")
        queue = self._artifacts.resources["queues"][settings["queue"]]["arn"]
        function = self._artifacts.resources["functions"][settings["function"]]["name"]
        wanted = {
            "BatchSize": settings["batch_size"],
            "MaximumBatchingWindowInSeconds": settings["batching_window"],
            "FunctionResponseTypes": settings["function_response_types"],
        }
        found = functions.list_event_source_mappings(EventSourceArn=queue, FunctionName=function)
        if mappings := found["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mappings[0]["UUID"], **wanted)
        else:
            functions.create_event_source_mapping(EventSourceArn=queue, FunctionName=function, **wanted)

    def glue_job(self, settings: Settings) -> None:
        glue = self._client("glue")
        wanted = {
            "Role": self._artifacts.resources["roles"][settings["role"]]["arn"],
            "Command": {
                "Name": settings["command"],
                "PythonVersion": settings["python_version"],
                "ScriptLocation": settings["script"],
            },
            "GlueVersion": settings["glue_version"],
            "DefaultArguments": settings["default_arguments"],
            "ExecutionProperty": {"MaxConcurrentRuns": settings["max_concurrent_runs"]},
            "MaxRetries": settings["max_retries"],
            "Timeout": settings["timeout"],
            **settings["capacity"],
        }
        try:
            glue.create_job(Name=settings["name"], Tags=settings["tags"], **wanted)
        except glue.exceptions.AlreadyExistsException:
            glue.update_job(JobName=settings["name"], JobUpdate=wanted)

    def state_machine(self, settings: Settings) -> None:
        step_functions = self._client("stepfunctions")
        resources = self._artifacts.resources
        logging = settings["logging"]
        region, account = settings["arn"].split(":")[3:5]
        group = f"arn:aws:logs:{region}:{account}:log-group:{logging['log_group']}:*"
        wanted = {
            "definition": self._artifacts.definition,
            "roleArn": resources["roles"][settings["role"]]["arn"],
            "publish": settings["publish"],
            "loggingConfiguration": {
                "level": logging["level"],
                "includeExecutionData": logging["include_execution_data"],
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
            },
        }
        try:
            step_functions.create_state_machine(name=settings["name"], type=settings["type"], **wanted)
        except step_functions.exceptions.StateMachineAlreadyExists:
            step_functions.update_state_machine(stateMachineArn=settings["arn"], **wanted)

    def rule(self, settings: Settings) -> None:
        events, name = self._client("events"), settings["name"]
        when = (
            {"ScheduleExpression": settings["schedule"]}
            if settings["schedule"]
            else {"EventPattern": json.dumps(settings["pattern"])}
        )
        events.put_rule(Name=name, Description=settings["description"], **when)
        target = settings["target"]
        dead = target["dead_letter_arn"]
        rest = {"DeadLetterConfig": {"Arn": dead}} if dead else {}
        events.put_targets(Rule=name, Targets=[{"Id": TARGET_ID, "Arn": target["arn"], **rest}])
        if target["kind"] == "function":
            with existing("ResourceConflictException"):
                self._client("lambda").add_permission(
                    FunctionName=target["arn"],
                    StatementId=PERMISSION_ID,
                    Action="lambda:InvokeFunction",
                    Principal="events.amazonaws.com",
                    SourceArn=settings["arn"],
                )


@contextmanager
def existing(*codes: str) -> Iterator[None]:
    """Lets pass the errors that say: it is there already."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def _keys(settings: Settings) -> list[dict[str, str]]:
    return [
        {"AttributeName": settings["hash_key"], "KeyType": "HASH"},
        {"AttributeName": settings["range_key"], "KeyType": "RANGE"},
    ]


def _projection(index: Settings) -> dict[str, Any]:
    more = index["non_key_attributes"]
    return {"ProjectionType": index["projection"], **({"NonKeyAttributes": more} if more else {})}


def _lifecycle(settings: Settings) -> list[dict[str, Any]]:
    abort = {
        "ID": "abort-multipart",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": settings["abort_multipart_days"]},
    }
    old = [
        {
            "ID": f"old-{prefix.strip('/')}",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
        }
        for prefix, days in settings["noncurrent_days"].items()
    ]
    return [abort, *old]
