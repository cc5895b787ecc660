"""The local Step Functions for the tests of the machine, with a SageMaker that answers at once.

Usage: state_machine_engine.py <port> <file>. Calls go to <file>, one JSON object a line.
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
    SERVICES="states,dynamodb,s3,events",
)

import ministack.services.stepfunctions as ministack
from ministack import app

from stagewright.local.emulator.engine import StepFunctions
from stagewright.local.step_functions.errors import StateError

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
        raise StateError("States.TaskFailed", json.dumps(job))
    if name.endswith("-twice-x-1"):
        raise StateError("States.TaskFailed", '{"FailureReason": "the first attempt fails"}')
    if "-refused-" in name:
        cause = "x (Service: AmazonSageMaker; Status Code: 400; Error Code: ValidationException)"
        raise StateError("SageMaker.AmazonSageMakerException", cause)
    if "-slow-" in name:
        time.sleep(1)
    if "-stop-" in name:
        raise StateError("States.TaskFailed", json.dumps({f"{kind}JobStatus": "Stopped"}))
    if "-late-" in name:
        raise StateError("States.Timeout", "")
    if "-quota-" in name:
        QUOTA[name] = QUOTA.get(name, 0) + 1
        if QUOTA[name] < 3:
            raise StateError("SageMaker.ResourceLimitExceededException", "the quota is used up")
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
    raise StateError("SageMaker.SageMakerException", "The job has ended.")


def find_group(request):
    if request["ModelPackageGroupName"] not in GROUPS:
        raise StateError("SageMaker.SageMakerException", "ModelPackageGroup x does not exist.")
    return {}


def make_group(request):
    if "raced" in request["ModelPackageGroupName"]:
        raise StateError("SageMaker.ConflictException", "Model Package Group already exists.")
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
        raise StateError(exception, cause)


def make_endpoint(request):
    read_stale(request, "SageMaker.AmazonSageMakerException")
    if come_first(request) or request["EndpointName"] in ENDPOINTS:
        cause = (
            'Cannot create already existing endpoint "arn:e". (Service: AmazonSageMaker; Status Code: 400)'
        )
        raise StateError("SageMaker.AmazonSageMakerException", cause)
    ENDPOINTS[request["EndpointName"]] = {"config": request["EndpointConfigName"], "looks": 0}
    if "broken" in request["EndpointConfigName"]:
        ENDPOINTS[request["EndpointName"]]["reason"] = "the container did not answer /ping"
    return {}


def update_endpoint(request):
    read_stale(request, "SageMaker.SageMakerException")
    if come_first(request):
        cause = 'Cannot update in-progress endpoint "arn:e". (Service: SageMaker, Status Code: 400)'
        raise StateError("SageMaker.SageMakerException", cause)
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
        raise StateError("SageMaker.SageMakerException", "AccessDenied")
    return {}


def smoke_test(request):
    config, test = ENDPOINTS[request["endpoint"]]["config"], request["test"]
    if "crash" in config:
        raise StateError("ValueError", "no such setting")
    if "sick" in config:
        return {"failure": "Received server error (500)"}
    answer = f"{test.get('body', '')} is answered"
    contains = test.get("contains", "")
    return {"failure": "" if contains in answer else f"the response does not contain {contains}"}


def invoke(task):
    request = task.arguments
    if not request.get("FunctionName", "").endswith("-smoke-test"):
        return engine.forward(task)
    note(call="invoke", request=request["Payload"])
    return {"StatusCode": 200, "Payload": smoke_test(request["Payload"])}


def find_endpoint(request):
    name = request["EndpointName"]
    if name not in ENDPOINTS:
        raise StateError("SageMaker.SageMakerException", f'Could not find endpoint "{name}".')
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


def glue_run(request):
    if request["Arguments"]["--stagewright-job"].startswith("run-a-late"):
        raise StateError("States.Timeout", "")
    return {"Id": "jr_1", "JobName": request["JobName"], "JobRunState": "SUCCEEDED"}


def glue_runs(request):
    """Pages of two runs, newest first. The run of stage `a-late-lost` does not exist."""
    page = int(request.get("NextToken", "0"))
    names = ["run-other-1", None, "run-another-1", "run-a-late-x-1"][2 * page : 2 * page + 2]
    runs = [
        {"Id": f"jr_{page}{at}", "JobName": request["JobName"], "StartedOn": "2026-01-31T14:00:00Z"}
        | ({"Arguments": {"--stagewright-job": name}} if name else {})
        for at, name in enumerate(names)
    ]
    return {"JobRuns": runs, **({"NextToken": str(page + 1)} if runs else {})}


def stop_glue_runs(request):
    return {"SuccessfulSubmissions": [{"JobRunId": name} for name in request["JobRunIds"]], "Errors": []}


ANSWERS = {
    "startJobRun.sync": glue_run,
    "getJobRuns": glue_runs,
    "batchStopJobRun": stop_glue_runs,
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


def sagemaker(task):
    operation = task.resource.rsplit(":", 1)[1]
    note(call=operation, request=task.arguments)
    try:
        answer = ANSWERS[operation](task.arguments)
    except StateError as error:
        if error.error.startswith("States."):  # an error of the job, not of the request
            task.submitted({})
        raise
    if operation.endswith(".sync"):
        task.submitted({})
    return answer


def get_object(task):
    from ministack.services import s3

    request = task.arguments
    status, _, body = s3._get_object(request["Bucket"], request["Key"], {"range": request["Range"]}, {})
    if status == 416:
        cause = "The requested range is not satisfiable (Service: S3, Status Code: 416)"
        raise StateError("S3.S3Exception", cause)
    if status not in (200, 206):
        raise StateError("S3.NoSuchKeyException", "The specified key does not exist.")
    return {"Body": body.decode()}


def copy_object(task):
    """S3 refuses to copy more than 5 GB in one request, with this sentence."""
    if "large" in task.arguments["CopySource"]:
        cause = "The specified copy source is larger than the maximum allowable size for a copy source"
        raise StateError("S3.S3Exception", f"{cause}: 5368709120 (Service: S3, Status Code: 400)")
    return engine.forward(task)


engine = StepFunctions(ministack, 0.001, lambda: None)
HANDLERS = {
    "sagemaker:": sagemaker,
    "glue:": sagemaker,
    "aws-sdk:glue:": sagemaker,
    "aws-sdk:sagemaker:": sagemaker,
    "aws-sdk:cloudwatch:": sagemaker,
    "aws-sdk:s3:getObject": get_object,
    "aws-sdk:s3:copyObject": copy_object,
    "lambda:invoke": invoke,
}
for resource, handler in HANDLERS.items():
    engine.register(f"arn:aws:states:::{resource}", handler)
del sys.argv[1:]
app.main()
