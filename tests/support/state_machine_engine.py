"""A Step Functions engine for the tests of the machine: ministack, with a SageMaker that answers at once.

Usage: state_machine_engine.py <port> <file>. Calls and visited states go to <file>, one JSON object a line.
What the SageMaker here does with a job is read from its name: `-fail-`, `-stop-`, `-quota-`, `-late-`,
`-refused-`, `-slow-`, `-twice-x-`.
"""

import json
import os
import sys
import threading
import time

# Set before ministack is imported: it reads these variables once.
os.environ.update(
    GATEWAY_PORT=sys.argv[1],
    BIND_HOST="127.0.0.1",
    IOT_MTLS_ENABLED="0",
    SFN_WAIT_SCALE="0.001",
    SERVICES="states,dynamodb,s3,events",
)

import jsonata.timebox
import ministack.services.stepfunctions as engine
from ministack import app

from stagewright.local.emulator import engine as step_functions
from stagewright.local.emulator import regexes

step_functions.limit_cpu_time(jsonata.timebox)
regexes.limit(jsonata.Jsonata)

SEEN = open(sys.argv[2], "a", buffering=1)  # noqa: SIM115, PTH123 -- open as long as the process
LOCK = threading.Lock()
QUOTA: dict[str, int] = {}
GROUPS: set[str] = set()
PACKAGES: dict[str, dict] = {}
ENDPOINTS: dict[str, dict] = {}


def note(**entry):
    with LOCK:
        SEEN.write(json.dumps(entry) + "\n")


def run_job(name, kind):
    if "-fail-" in name:
        reason = 'AlgorithmError: ExecuteUserScriptError: "boom" in C:\\data\nexit code 1 é'
        job = {f"{kind}JobName": name, f"{kind}JobStatus": "Failed", "FailureReason": reason}
        raise engine._ExecutionError("States.TaskFailed", json.dumps(job))
    if name.endswith("-twice-x-1"):
        raise engine._ExecutionError("States.TaskFailed", '{"FailureReason": "the first attempt fails"}')
    if "-refused-" in name:
        cause = "x (Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException)"
        raise engine._ExecutionError("SageMaker.AmazonSageMakerException", cause)
    if "-slow-" in name:
        time.sleep(1)
    if "-stop-" in name:
        raise engine._ExecutionError("States.TaskFailed", json.dumps({f"{kind}JobStatus": "Stopped"}))
    if "-late-" in name:
        raise engine._ExecutionError("States.Timeout", "")
    if "-quota-" in name:
        QUOTA[name] = QUOTA.get(name, 0) + 1
        if QUOTA[name] < 3:
            raise engine._ExecutionError("SageMaker.ResourceLimitExceededException", "the quota is used up")
    return {f"{kind}JobName": name, f"{kind}JobArn": f"arn:{name}", f"{kind}JobStatus": "Completed"}


def training(request):
    metrics = [
        {"MetricName": "mae", "Value": 12.5, "Timestamp": 1},
        {"MetricName": "r2", "Value": 0.25, "Timestamp": 1},
    ]
    job = run_job(request["TrainingJobName"], "Training")
    return {
        **job,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"},
        "FinalMetricDataList": metrics,
    }


def tuning(request):
    job = run_job(request["HyperParameterTuningJobName"], "HyperParameterTuning")
    best = {"TrainingJobName": "best-007", "TunedHyperParameters": {"rate": "0.1"}}
    return job | ({} if "-none-" in job["HyperParameterTuningJobName"] else {"BestTrainingJob": best})


def tuned(request):
    """A training job of a tuning job, in script mode."""
    own = {"sagemaker_program": '"train.py"', "_tuning_objective_metric": "mae"}
    fixed = {"epochs": "30", "loss": '"a \\"quoted\\" one"', "shuffle": "true"}
    return {**training(request), "HyperParameters": {"rate": "0.1", **fixed, **own}}


def refuse_to_stop(request):
    raise engine._ExecutionError("SageMaker.SageMakerException", "The job has ended.")


def find_group(request):
    if request["ModelPackageGroupName"] not in GROUPS:
        raise engine._ExecutionError("SageMaker.SageMakerException", "ModelPackageGroup x does not exist.")
    return {}


def make_group(request):
    if "raced" in request["ModelPackageGroupName"]:
        raise engine._ExecutionError("SageMaker.ConflictException", "Model Package Group already exists.")
    GROUPS.add(request["ModelPackageGroupName"])
    return {}


def find_package(request):
    status = "Failed" if "bad" in request["ModelPackageName"] else "Completed"
    details = {"ValidationStatuses": [{"Name": "v", "Status": status, "FailureReason": "no such image"}]}
    return PACKAGES.get(request["ModelPackageName"], {}) | {
        "ModelPackageArn": request["ModelPackageName"],
        "ModelPackageStatus": status,
        "ModelPackageStatusDetails": details,
    }


def make_package(request):
    arn = f"arn:{request['ModelPackageGroupName']}/1"
    PACKAGES[arn] = request
    return {"ModelPackageArn": arn}


def come_first(request):
    """Somebody else changes the endpoint between the look and the request; only once."""
    if "-first-" in request["EndpointConfigName"] and request["EndpointConfigName"] not in QUOTA:
        QUOTA[request["EndpointConfigName"]] = 1
        ENDPOINTS[request["EndpointName"]] = {"config": "by-hand", "looks": 0}
        return True
    return "-never-" in request["EndpointConfigName"]


def read_stale(request, exception):
    """SageMaker does not see a configuration that was just created; only once."""
    name = request["EndpointConfigName"]
    if "-stale-" in name and name not in QUOTA:
        QUOTA[name] = 1
        cause = f'Could not find endpoint configuration "arn:{name}". (Status Code: 400)'
        raise engine._ExecutionError(exception, cause)


def make_endpoint(request):
    read_stale(request, "SageMaker.AmazonSageMakerException")
    if come_first(request) or request["EndpointName"] in ENDPOINTS:
        cause = (
            'Cannot create already existing endpoint "arn:e". (Service: AmazonSageMaker; Status Code: 400)'
        )
        raise engine._ExecutionError("SageMaker.AmazonSageMakerException", cause)
    ENDPOINTS[request["EndpointName"]] = {"config": request["EndpointConfigName"], "looks": 0}
    if "broken" in request["EndpointConfigName"]:
        ENDPOINTS[request["EndpointName"]]["reason"] = "the container did not answer /ping"
    return {}


def update_endpoint(request):
    read_stale(request, "SageMaker.SageMakerException")
    if come_first(request):
        cause = 'Cannot update in-progress endpoint "arn:e". (Service: SageMaker, Status Code: 400)'
        raise engine._ExecutionError("SageMaker.SageMakerException", cause)
    if "rollback" in request["EndpointConfigName"]:
        ENDPOINTS[request["EndpointName"]].update(reason="the container did not answer /ping", looks=0)
    else:
        ENDPOINTS[request["EndpointName"]] = {"config": request["EndpointConfigName"], "looks": 0}
    return {}


def delete_endpoint(request):
    del ENDPOINTS[request["EndpointName"]]
    return {}


def tags(request):
    owner = "another-local" if "foreign" in request["ResourceArn"] else "stagewright-local"
    shared = {"Key": "stagewright:environment", "Value": "local"}
    return {"Tags": [shared, {"Key": "stagewright:installation", "Value": owner}]}


def remove(request):
    if "shared" in str(request):
        raise engine._ExecutionError("SageMaker.SageMakerException", "AccessDenied")
    return {}


def smoke_test(request):
    config, test = ENDPOINTS[request["endpoint"]]["config"], request["test"]
    if "crash" in config:
        raise engine._ExecutionError("ValueError", "no such setting")
    if "sick" in config:
        return {"failure": "Received server error (500)"}
    answer = f"{test.get('body', '')} is answered"
    contains = test.get("contains", "")
    return {"failure": "" if contains in answer else f"the response does not contain {contains}"}


def invoke(resource, request):
    if not request.get("FunctionName", "").endswith("-smoke-test"):
        return invoke_resource(resource, request)
    note(call="invoke", request=request["Payload"])
    return {"StatusCode": 200, "Payload": smoke_test(request["Payload"])}


def find_endpoint(request):
    name = request["EndpointName"]
    if name not in ENDPOINTS:
        raise engine._ExecutionError("SageMaker.SageMakerException", f'Could not find endpoint "{name}".')
    endpoint = ENDPOINTS[name]
    endpoint["looks"] += 1
    status = "InService" if endpoint["looks"] > 2 and "stuck" not in endpoint["config"] else "Updating"
    if "broken" in endpoint["config"]:
        status = "Failed"
    answer = {
        "EndpointName": name,
        "EndpointArn": f"arn:{name}",
        "EndpointStatus": status,
        "EndpointConfigName": endpoint["config"],
    }
    return (
        {**answer, "FailureReason": endpoint["reason"]}
        if status in ("InService", "Failed") and "reason" in endpoint
        else answer
    )


ANSWERS = {
    "createTrainingJob.sync": training,
    "createProcessingJob.sync": lambda request: run_job(request["ProcessingJobName"], "Processing"),
    "createHyperParameterTuningJob.sync": tuning,
    "describeTrainingJob": tuned,
    "stopHyperParameterTuningJob": lambda request: {},
    "stopTrainingJob": lambda request: {},
    "stopProcessingJob": refuse_to_stop,
    "createTransformJob.sync": lambda request: run_job(request["TransformJobName"], "Transform"),
    "stopTransformJob": refuse_to_stop,
    "createModel": lambda request: {"ModelArn": f"arn:{request['ModelName'].lower()}"},
    "createEndpointConfig": lambda request: {"EndpointConfigArn": "arn"},
    "createEndpoint": make_endpoint,
    "updateEndpoint": update_endpoint,
    "describeEndpoint": find_endpoint,
    "deleteEndpoint": delete_endpoint,
    "listTags": tags,
    "deleteEndpointConfig": remove,
    "deleteModel": remove,
    "putMetricAlarm": lambda request: {},
    "deleteAlarms": remove,
    "describeModelPackageGroup": find_group,
    "createModelPackageGroup": make_group,
    "createModelPackage": make_package,
    "describeModelPackage": find_package,
}


def sagemaker(resource, request):
    operation = resource.rsplit(":", 1)[1]
    note(call=operation, request=request)
    return ANSWERS[operation](request)


def get_object(resource, request):
    from ministack.services import s3

    status, _, body = s3._get_object(request["Bucket"], request["Key"], {"range": request["Range"]}, {})
    if status == 416:
        cause = "The requested range is not satisfiable (Service: S3, Status Code: 416)"
        raise engine._ExecutionError("S3.S3Exception", cause)
    if status not in (200, 206):
        raise engine._ExecutionError("S3.NoSuchKeyException", "The specified key does not exist.")
    return {"Body": body.decode()}


def copy_object(resource, request):
    """S3 refuses to copy more than 5 GB in one request, with this sentence."""
    if "large" in request["CopySource"]:
        cause = "The specified copy source is larger than the maximum allowable size for a copy source"
        raise engine._ExecutionError("S3.S3Exception", f"{cause}: 5368709120 (Service: S3, Status Code: 400)")
    return engine._invoke_aws_sdk_integration(resource, request)


invoke_resource, engine._invoke_resource = engine._invoke_resource, invoke
engine._SERVICE_DISPATCH["arn:aws:states:::sagemaker:"] = sagemaker
engine._SERVICE_DISPATCH["arn:aws:states:::aws-sdk:sagemaker:"] = sagemaker
engine._SERVICE_DISPATCH["arn:aws:states:::aws-sdk:cloudwatch:"] = sagemaker
engine._SERVICE_DISPATCH["arn:aws:states:::aws-sdk:s3:getObject"] = get_object
engine._SERVICE_DISPATCH["arn:aws:states:::aws-sdk:s3:copyObject"] = copy_object


def watch(name):
    """The engine's history leaves out what happens inside a Map, and its timeouts take no expression."""
    original = getattr(engine, name)

    def watched(state, raw_input, *rest):
        context = rest[-1]
        note(execution=context["Execution"]["Id"], type=state["Type"], resource=state.get("Resource", ""))
        if "TimeoutSeconds" in state:
            timeout = engine._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context)
            state = {**state, "TimeoutSeconds": timeout}
        return original(state, raw_input, *rest)

    setattr(engine, name, watched)


for kind in ("task", "choice", "pass", "wait", "map"):
    watch(f"_execute_{kind}")
run_sub_machine = engine._run_sub_machine


def iterate(states, start, value, execution, context):
    note(execution=context["Execution"]["Id"], type="Iteration", resource="")
    return run_sub_machine(states, start, value, execution, context)


engine._run_sub_machine = iterate
del sys.argv[1:]
app.main()
