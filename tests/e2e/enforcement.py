"""A local server that limits each role to its policy.

`python -m tests.e2e.enforcement --state ...` starts a server as `stagewright up` does, but every role has its
own key in `roles.json`. Functions and jobs use the key of their role, including the calls that the local
SageMaker makes for them to S3, Logs, and CloudWatch. Before a request under such a key or a task of the state
machine runs, the server checks it against the role's policy in installation.json. Each decision is a line of
`judged.jsonl`: role, action, resource, and the statement that allows it, if any.

For requests, ministack's IAM reads actions and resources and evaluates policies. It does not know SageMaker's
calls and the state machine's tasks, so this module reads those. Sources: "Actions, resources, and condition
keys for Amazon SageMaker AI" (Service Authorization Reference), "IAM policies for Amazon SageMaker" (Step
Functions guide).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.e2e import dynamodb_keys
from tests.support.job_settings import enforced_statements

from sagemaker_local import settings as sagemaker_settings
from sagemaker_local.api.protocol import ApiError
from sagemaker_local.http import gate, sigv4
from sagemaker_local.state_folder import ACCOUNT, REGION, write_private
from stagewright.installation.roles.people import people
from stagewright.installation.template import fill
from stagewright.local import process
from stagewright.local.artifacts import Artifacts
from stagewright.local.emulator import server
from stagewright.local.glue.service import Glue
from stagewright.local.state import INSTALLATION
from stagewright.local.step_functions.errors import StateError
from stagewright.local.step_functions.tasks import CALLBACK, Task
from stagewright.local.tasks.glue import GlueTasks
from stagewright.local.tasks.sagemaker import SageMakerTasks
from stagewright.stages.base.job_settings import JobSettings

ROLES = "roles.json"
JUDGED = "judged.jsonl"
KINDS = {
    "ProcessingJob": "processing-job",
    "TrainingJob": "training-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "TransformJob": "transform-job",
    "ModelPackageGroup": "model-package-group",
    "ModelPackage": "model-package",
    "Model": "model",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
}
"""Of SageMaker: what an operation's name ends with -> the type in the ARN."""
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
ITEMS = {
    "dynamodb:getItem": "GetItem",
    "dynamodb:updateItem": "UpdateItem",
    "aws-sdk:dynamodb:updateItem": "UpdateItem",
    "aws-sdk:dynamodb:batchGetItem": "BatchGetItem",
}


CONDITION_KEYS = (
    ("*.VpcConfig.Subnets", "VpcSubnets"),
    ("*.VpcConfig.SecurityGroupIds", "VpcSecurityGroupIds"),
    ("*.EnableNetworkIsolation", "NetworkIsolation"),
    ("*.EnableInterContainerTrafficEncryption", "InterContainerTrafficEncryption"),
    ("*.VolumeKmsKeyId", "VolumeKmsKey"),
    (".KmsKeyId", "VolumeKmsKey"),
    ("*OutputDataConfig.KmsKeyId", "OutputKmsKey"),
    ("*OutputConfig.KmsKeyId", "OutputKmsKey"),
    ("*TransformOutput.KmsKeyId", "OutputKmsKey"),
    ("*.InstanceType", "InstanceTypes"),
)
"""Path in a request -> its condition key. An endpoint configuration's own key is that of its volumes."""
SEVERAL = ("sagemaker:VpcSubnets", "sagemaker:VpcSecurityGroupIds", "sagemaker:InstanceTypes")


@dataclass(frozen=True)
class Call:
    """One action on one resource, with the condition keys that the request sets."""

    action: str
    resource: str
    context: Mapping[str, Any]


class Judge:
    """Knows the roles' keys and policies. `judge` gives the reason why not, or nothing."""

    def __init__(self, root: Path) -> None:
        roles = Artifacts.read(INSTALLATION).resources["roles"]
        policies = json.loads(fill(json.dumps(people()), INSTALLATION))["policies"]
        settings = JobSettings.from_json(os.environ.get("STAGEWRIGHT_JOBS", ""))
        self._evaluator = import_module("ministack.core.iam_evaluator")
        parse = self._evaluator.parse_policy_document
        self._policies = {what: [parse(role["policy"])] for what, role in roles.items()}
        enforced = enforced_statements(INSTALLATION, settings)
        self._policies["workflow"].append(parse({"Version": "2012-10-17", "Statement": enforced}))
        viewer = parse(policies["viewer"]["policy"])
        self._policies |= {
            what: [parse(person["policy"]), *([viewer] if person["needs_viewer"] else [])]
            for what, person in policies.items()
        }
        self.of_arn = {role["arn"]: what for what, role in roles.items()}
        self.keys = {
            what: (f"ROLE{what.upper().replace('-', '')}", secrets.token_urlsafe(20))
            for what in self._policies
        }
        self._of_key = {key: what for what, (key, _) in self.keys.items()}
        self._file, self._lock = root / JUDGED, threading.Lock()
        self._file.touch()
        write_private(root / ROLES, json.dumps(self.keys))

    def role_of(self, key: str) -> str | None:
        return self._of_key.get(key)

    def judge(self, role: str, calls: Iterable[Call]) -> str:
        return next(filter(None, (self._one(role, call) for call in calls)), "")

    def _one(self, role: str, call: Call) -> str:
        context = self._evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{INSTALLATION.name(role)}/session",
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=call.action,
            resource_arn=call.resource,
            region=REGION,
            service_context={name.lower(): value for name, value in call.context.items()},
        )
        result = self._evaluator.evaluate(context, self._policies[role])
        allowed = result.decision == "Allow"
        line = {"role": role, "action": call.action, "resource": call.resource, "sid": result.matched_sid}
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps({**line, "allowed": allowed}) + "\n")
        user = context.principal_arn
        return (
            "" if allowed else f"User: {user} is not authorized to perform: {call.action} on {call.resource}"
        )


class Checked:
    """The local SageMaker or Glue, as one role may use it. `calls` reads what a request does."""

    def __init__(self, service: Any, judge: Judge, role: str, calls: Callable[..., Iterable[Call]]) -> None:
        self._service, self._judge, self._role, self._calls = service, judge, role, calls

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if problem := self._judge.judge(self._role, self._calls(self._service, operation, request)):
            raise ApiError("AccessDeniedException", problem)
        answer: dict[str, Any] = self._service.call(operation, request)
        return answer


def sagemaker_calls(service: Any, operation: str, request: Mapping[str, Any]) -> Iterator[Call]:
    """The action itself, and what it needs beside: AddTags for tags, PassRole for a role."""
    tags = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in request.get("Tags", ())}
    keys = condition_keys(request) if operation.startswith("Create") else {}
    named = list(_named(operation, request)) or ["*"]
    for resource in named:
        yield Call(f"sagemaker:{operation}", resource, {**tags, **keys, **_resource_tags(service, resource)})
    if tags and operation.startswith("Create"):
        yield Call("sagemaker:AddTags", named[0], {**tags, "sagemaker:TaggingAction": operation})
    for field in ("RoleArn", "ExecutionRoleArn"):
        if role := request.get(field):
            yield Call("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def condition_keys(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request sets of the condition keys for jobs ("Actions, resources, and condition keys")."""
    found: dict[str, list[str]] = {}
    for path, value in _leaves(request):
        if key := next((key for pattern, key in CONDITION_KEYS if fnmatchcase(path, pattern)), ""):
            text = str(value).lower() if isinstance(value, bool) else value
            found.setdefault(f"sagemaker:{key}", []).append(text)
    return {key: values if key in SEVERAL else values[0] for key, values in found.items()}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value


LISTS_OF = {"ListTrainingJobsForHyperParameterTuningJob"}
"""Lists that take a resource (service authorization reference)."""


def _named(operation: str, request: Mapping[str, Any]) -> Iterator[str]:
    """ARNs of what the request names, those first whose kind the operation is about."""
    if operation in ("ListTags", "AddTags"):
        yield request["ResourceArn"]
        return
    kind = next((kind for kind in KINDS if operation.endswith(kind)), "")
    if not kind or (operation.startswith("List") and operation not in LISTS_OF):
        return
    names = [request.get(f"{kind}Name") or request.get(f"{kind}Arn") or request["ModelPackageGroupName"]]
    kinds = [KINDS[kind]]
    if operation == "CreateModelPackage" and (group := request.get("ModelPackageGroupName")):
        names, kinds = [f"{group}/new", group], ["model-package", "model-package-group"]
    if kind == "Endpoint" and operation.startswith(("Create", "Update")):
        names.append(request["EndpointConfigName"])
        kinds.append("endpoint-config")
    for type_of, name in zip(kinds, names, strict=True):
        yield name if name.startswith("arn:") else f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{type_of}/{name}"


def _resource_tags(service: Any, resource: str) -> dict[str, str]:
    """A version has the tags of its group (SageMaker API reference, CreateModelPackage)."""
    if ":model-package/" in resource and not resource.endswith("/new"):
        resource = resource.replace(":model-package/", ":model-package-group/").rpartition("/")[0]
    try:
        tags = service.call("ListTags", {"ResourceArn": resource})["Tags"]
    except ApiError:  # not there yet
        return {}
    return {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags}


def glue_calls(service: Any, operation: str, request: Mapping[str, Any]) -> Iterator[Call]:
    """Glue judges a run by its job, and knows the job's tags, which no operation of the local one answers."""
    name = request["JobName"]
    tags = (service._context.store.get("job", name) or {}).get("Tags", {})
    context = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    yield Call(f"glue:{operation}", f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{name}", context)


def function_call(name: str) -> Call:
    functions = import_module("ministack.services.lambda_svc")._functions
    name = name.removeprefix(prefix := f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:")
    tags = (functions.get(name) or {}).get("tags", {})
    context = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    return Call("lambda:InvokeFunction", prefix + name, context)


def queue_call(url: str) -> Call:
    """SQS decides by the queue's tags ("ABAC condition keys for Amazon SQS", developer guide)."""
    queue = import_module("ministack.services.sqs")._get_q(url)
    context = {f"aws:ResourceTag/{key}": value for key, value in queue["tags"].items()}
    return Call("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}", context)


TAGGED: Mapping[str, Callable[[Mapping[str, Any]], Call]] = {
    "lambda:invoke": lambda arguments: function_call(arguments["FunctionName"]),
    "sqs:sendMessage": lambda arguments: queue_call(arguments["QueueUrl"]),
}
"""Task -> its call, which a tag of the platform's own resource allows."""


def _object_calls(what: str, arguments: Mapping[str, Any]) -> Iterator[Call]:
    """GetObject and HeadObject read; CopyObject reads its source and writes its copy (S3 API reference)."""
    named = f"arn:aws:s3:::{arguments['Bucket']}/{arguments['Key']}"
    if "CopySource" in arguments:
        yield Call("s3:GetObject", f"arn:aws:s3:::{unquote(arguments['CopySource'])}", {})
    yield Call("s3:PutObject" if what == "aws-sdk:s3:copyObject" else "s3:GetObject", named, {})


def task_calls(resource: str, arguments: Mapping[str, Any]) -> Iterator[Call]:
    """Of a task of the state machine that is neither SageMaker's nor Glue's."""
    what = resource.removeprefix("arn:aws:states:::")
    if action := ITEMS.get(what):
        tables = arguments.get("RequestItems") or [arguments["TableName"]]
        for table in tables:
            yield Call(f"dynamodb:{action}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}", {})
    elif what.startswith("aws-sdk:s3:"):
        yield from _object_calls(what, arguments)
    elif what == "aws-sdk:cloudwatch:deleteAlarms":
        for name in arguments["AlarmNames"]:
            yield Call("cloudwatch:DeleteAlarms", ALARM + name, {})
    elif what == "aws-sdk:cloudwatch:putMetricAlarm":
        alarm = ALARM + arguments["AlarmName"]
        yield Call("cloudwatch:PutMetricAlarm", alarm, {})
        if "Tags" in arguments:  # PutMetricAlarm, API reference: tags need TagResource
            yield Call("cloudwatch:TagResource", alarm, {})
    elif what in TAGGED:
        yield TAGGED[what](arguments)
    elif not what.startswith(("sagemaker:", "aws-sdk:sagemaker", "glue:", "aws-sdk:glue:")):
        yield Call(what, "unknown to this test", {})


class Door(gate.Gate):
    """Also opens to the roles' keys."""

    judge: Judge
    sagemaker: Any
    glue: Any

    async def _check_signature(self, request: Any, receive: Any) -> Any:
        role = self._role_of(request)
        if role is None:
            return await super()._check_signature(request, receive)
        as_role = copy(self)
        key, secret = self.judge.keys[role]
        as_role._access = replace(self._access, access_key=key, secret_key=secret)
        service, receive = await super(Door, as_role)._check_signature(request, receive)
        body = b""
        if service != "s3":
            body = await gate._read(receive)
            receive = gate._replay(body, receive)
        if problem := self.judge.judge(role, self._calls(service, request, body)):
            code = "AccessDenied" if service in ("s3", *gate.QUERY_SERVICES) else "AccessDeniedException"
            raise gate.RejectedError(code, problem)
        return service, receive

    def _role_of(self, request: Any) -> str | None:
        try:
            return self.judge.role_of(sigv4.read(request).access_key)
        except sigv4.SignatureError:
            return None

    def _calls(self, service: str, request: Any, body: bytes) -> list[Call]:
        if service == "sagemaker" and "x-amz-target" in request.headers:
            operation = request.headers["x-amz-target"].rpartition(".")[2]
            return list(sagemaker_calls(self.sagemaker, operation, json.loads(body or b"{}")))
        if service == "sagemaker":
            invoked = {"EndpointName": unquote(request.path).split("/")[2]}
            return list(sagemaker_calls(self.sagemaker, "InvokeEndpoint", invoked))
        if service == "glue":
            operation = request.headers["x-amz-target"].rpartition(".")[2]
            return list(glue_calls(self.glue, operation, json.loads(body or b"{}")))
        return list(request_calls(service, request, body))


def request_calls(service: str, request: Any, body: bytes) -> Iterator[Call]:
    """As ministack's own enforcement reads a request (app.py); a copy also reads its source."""
    actions = import_module("ministack.core.iam_actions")
    path, query = unquote(request.path), parse_qs(request.query, keep_blank_values=True)
    if body and request.headers.get("content-type", "").startswith("application/x-www-form"):
        query = {**parse_qs(body.decode()), **query}
    method, headers = request.method, dict(request.headers)
    action = actions.extract_iam_action(service, method, path, headers, body, query) or f"{service}:unknown"
    if action.endswith(":unknown"):
        action = action.replace("unknown", headers.get("x-amz-target", "unknown").rpartition(".")[2])
    if "LayerVersion" in query.get("find", []):  # GetLayerVersionByArn needs lambda:GetLayerVersion
        yield Call("lambda:GetLayerVersion", query["Arn"][0], {})
        return
    if service == "sqs":
        action = action.removesuffix("Batch")  # "Amazon SQS API permissions": by the single one's
    if action == "sts:GetCallerIdentity":  # needs no permission (STS API reference)
        return
    if reader := READERS.get(service):
        yield from reader(action, json.loads(body))
        return
    arguments = (service, method, path, headers, body, query, REGION, ACCOUNT)
    resource = actions.extract_resource_arn(*arguments)
    if ":stateMachine:" in resource:  # a version is authorized by the ARN of its state machine
        resource = ":".join(resource.split(":")[:7])
    context = actions.s3_service_context(action, query, path, headers) if service == "s3" else {}
    yield Call(action, resource, context or {})
    if service == "s3":
        more = actions.s3_additional_checks(method, path, headers, body, query)
        yield from (Call(each, source, {}) for each, source in more)


def _dynamodb(action: str, body: Mapping[str, Any]) -> Iterator[Call]:
    for name, request in dynamodb_keys.requests_of(action.partition(":")[2], body):
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{request['TableName']}"
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield Call(f"dynamodb:{name}", table + index, dynamodb_keys.context(request))


def _events(action: str, request: Mapping[str, Any]) -> Iterator[Call]:
    prefix = f"arn:aws:events:{REGION}:{ACCOUNT}"
    if action != "events:PutEvents":
        yield Call(action, f"{prefix}:rule/{request.get('Name') or request['Rule']}", {})
        return
    for entry in request["Entries"]:
        keys = {"events:source": entry["Source"], "events:detail-type": entry["DetailType"]}
        yield Call(action, f"{prefix}:event-bus/{entry.get('EventBusName', 'default')}", keys)


def _monitoring(action: str, request: Mapping[str, Any]) -> Iterator[Call]:
    """CloudWatch's, in its JSON protocol. SageMaker sends an endpoint's own metrics without any role."""
    if action == "cloudwatch:PutMetricData":
        if request["Namespace"] != "AWS/SageMaker":
            yield Call(action, "*", {"cloudwatch:namespace": request["Namespace"]})
        return
    for alarm in request.get("AlarmNames") or ["*"]:
        yield Call(action, ALARM + alarm, {})


READERS = {"dynamodb": _dynamodb, "events": _events, "monitoring": _monitoring}
"""Service -> what reads the calls of its requests, which ministack does not read well enough."""


def install(judge: Judge) -> None:
    """Puts the judge between callers and services, before a server is made."""
    make = server.Ministack.__init__

    def with_keys(self: Any, *arguments: Any) -> None:
        make(self, *arguments)
        functions, runtime = (
            import_module("ministack.services.lambda_svc"),
            import_module("ministack.core.lambda_runtime"),
        )

        def key_of(config: Mapping[str, Any]) -> dict[str, str]:
            """The platform's own functions have roles of the platform's, which nobody judges here."""
            role = judge.of_arn.get(config["Role"])
            key, secret = judge.keys[role] if role else arguments
            return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

        functions.execution_credentials = runtime.execution_credentials = key_of
        perform = self.step_functions.perform

        def judged(task: Task) -> Any:
            if problem := judge.judge(
                "workflow", task_calls(task.resource.removesuffix(CALLBACK), task.arguments)
            ):
                raise StateError("AccessDeniedException", problem)
            return perform(task)

        self.step_functions.perform = judged  # type: ignore[method-assign]

    server.Ministack.__init__ = with_keys  # type: ignore[method-assign]
    tasks, settings = SageMakerTasks.__init__, sagemaker_settings.Settings
    glue_tasks, glue = GlueTasks.__init__, Glue.__init__

    def with_role(self: Any, service: Any, changes: Any) -> None:
        Door.sagemaker = service
        tasks(self, Checked(service, judge, "workflow", sagemaker_calls), changes)

    def glue_with_role(self: Any, service: Any, changes: Any) -> None:
        Door.glue = service
        glue_tasks(self, Checked(service, judge, "workflow", glue_calls), changes)

    def of_runs(self: Any, own: Any, *rest: Any) -> None:
        key, secret = judge.keys["glue"]
        glue(self, replace(own, access_key=key, secret_key=secret), *rest)

    def of_jobs(root: Path, url: str, _key: str, _secret: str, *rest: Any, **named: Any) -> Any:
        return settings(root, url, *judge.keys["sagemaker"], *rest, **named)

    SageMakerTasks.__init__ = with_role  # type: ignore[method-assign]
    GlueTasks.__init__ = glue_with_role  # type: ignore[method-assign]
    Glue.__init__ = of_runs  # type: ignore[method-assign]
    sagemaker_settings.Settings = of_jobs  # type: ignore[assignment, misc]
    Door.judge = judge
    gate.Gate = Door  # type: ignore[misc]


if __name__ == "__main__":
    place = Path(sys.argv[sys.argv.index("--state") + 1])
    place.mkdir(parents=True, exist_ok=True)
    install(Judge(place))
    process.main(sys.argv[1:])
