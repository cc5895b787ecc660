"""Create the resources of artifacts/installation.json in a local server, through its API.

A resource that exists is updated. Resources are created before those that refer to them.
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
ENVIRONMENT = {"STAGEWRIGHT_BYPASS": "*"}
"""Settings of the functions that differ from those in AWS: on a laptop, everybody may bypass a control."""
WAIT = {"Delay": 0.01, "MaxAttempts": 1000}


def provision(server: Server, artifacts: Artifacts) -> None:
    """Create or update every resource. Raises botocore's ClientError if the server rejects a request."""
    provisioner = Provisioner(server, artifacts)
    resources = artifacts.resources
    provisioner.bucket(resources["bucket"])
    for table in resources["tables"].values():
        provisioner.table(table)
    for group in resources["log_groups"].values():
        provisioner.log_group(group)
    for role in resources["roles"].values():
        provisioner.role(role)
    for topic in resources["topics"].values():
        provisioner.topic(topic)
    for queue in sorted(resources["queues"].values(), key=lambda queue: queue["redrive"] is not None):
        provisioner.queue(queue)
    version = provisioner.state_machine(resources["state_machine"])
    for function in resources["functions"].values():
        provisioner.function(function, version)
    for source in resources["event_sources"].values():
        provisioner.event_source(source)
    for job in resources["glue_jobs"].values():
        provisioner.glue_job(job)
    for rule in resources["rules"].values():
        provisioner.rule(rule)


class Provisioner:
    """One method per kind of resource. Each takes the settings from installation.json."""

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
        self._create_table(dynamodb, settings)
        recovery = {"PointInTimeRecoveryEnabled": settings["point_in_time_recovery"]}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
        if attribute := settings["ttl"]:
            expiry = {"Enabled": True, "AttributeName": attribute}
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)

    def _create_table(self, dynamodb: Any, settings: Settings) -> None:
        """Create the table, or add missing indexes to an existing one."""
        indexes = [
            {"IndexName": index, "KeySchema": _keys(key), "Projection": _projection(key)}
            for index, key in settings["indexes"].items()
        ]
        attributes = [
            {"AttributeName": attribute, "AttributeType": kind}
            for attribute, kind in settings["attributes"].items()
        ]
        request = {"TableName": settings["name"], "AttributeDefinitions": attributes}
        try:
            dynamodb.create_table(
                **request,
                BillingMode=settings["billing_mode"],
                KeySchema=_keys(settings),
                **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
            )
        except dynamodb.exceptions.ResourceInUseException:
            table = dynamodb.describe_table(TableName=settings["name"])["Table"]
            known = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ())}
            for index in (index for index in indexes if index["IndexName"] not in known):
                dynamodb.update_table(**request, GlobalSecondaryIndexUpdates=[{"Create": index}])

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

    def function(self, settings: Settings, version: str) -> None:
        """Create or update a function, without its layer: this Python has the packages of the layer.

        `version` is the ARN of the state machine's version that was published with it.
        """
        functions, name = self._client("lambda"), settings["name"]
        configuration = {
            "Runtime": settings["runtime"],
            "Handler": settings["handler"],
            "Role": self._artifacts.resources["roles"][settings["role"]]["arn"],
            "Timeout": settings["timeout"],
            "MemorySize": settings["memory"],
            "Environment": {
                "Variables": settings["environment"] | ENVIRONMENT | {"STAGEWRIGHT_STATE_MACHINE": version}
            },
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
        request = {
            "BatchSize": settings["batch_size"],
            "MaximumBatchingWindowInSeconds": settings["batching_window"],
            "FunctionResponseTypes": settings["function_response_types"],
        }
        answer = functions.list_event_source_mappings(EventSourceArn=queue, FunctionName=function)
        if mappings := answer["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mappings[0]["UUID"], **request)
        else:
            functions.create_event_source_mapping(EventSourceArn=queue, FunctionName=function, **request)

    def glue_job(self, settings: Settings) -> None:
        glue = self._client("glue")
        request = {
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
            glue.create_job(Name=settings["name"], Tags=settings["tags"], **request)
        except glue.exceptions.AlreadyExistsException:
            glue.update_job(JobName=settings["name"], JobUpdate=request)

    def state_machine(self, settings: Settings) -> str:
        """Publish a version of the state machine, and return its ARN. Earlier versions stay."""
        step_functions = self._client("stepfunctions")
        resources = self._artifacts.resources
        logging = settings["logging"]
        region, account = settings["arn"].split(":")[3:5]
        group = f"arn:aws:logs:{region}:{account}:log-group:{logging['log_group']}:*"
        request = {
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
            answer = step_functions.create_state_machine(
                name=settings["name"], type=settings["type"], **request
            )
        except step_functions.exceptions.StateMachineAlreadyExists:
            answer = step_functions.update_state_machine(stateMachineArn=settings["arn"], **request)
        return str(answer["stateMachineVersionArn"])

    def rule(self, settings: Settings) -> None:
        events, name = self._client("events"), settings["name"]
        trigger = (
            {"ScheduleExpression": settings["schedule"]}
            if settings["schedule"]
            else {"EventPattern": json.dumps(settings["pattern"])}
        )
        events.put_rule(Name=name, Description=settings["description"], **trigger)
        target = settings["target"]
        dead_letter_arn = target["dead_letter_arn"]
        dead_letters = {"DeadLetterConfig": {"Arn": dead_letter_arn}} if dead_letter_arn else {}
        events.put_targets(Rule=name, Targets=[{"Id": TARGET_ID, "Arn": target["arn"], **dead_letters}])
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
    """Ignore the error codes in the block that mean that the resource exists."""
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
    attributes = index["non_key_attributes"]
    return {"ProjectionType": index["projection"], **({"NonKeyAttributes": attributes} if attributes else {})}


def _lifecycle(settings: Settings) -> list[dict[str, Any]]:
    abort = {
        "ID": "abort-multipart",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": settings["abort_multipart_days"]},
    }
    noncurrent = [
        {
            "ID": f"old-{prefix.strip('/')}",
            "Status": "Enabled",
            "Filter": {"Prefix": prefix},
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
        }
        for prefix, days in settings["noncurrent_days"].items()
    ]
    return [abort, *noncurrent]
