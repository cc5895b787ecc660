"""What is tried again, per service: throttling and faults that pass. Never a failed job, never a timeout.

Step Functions names an error after the SDK's exception class, with the service's prefix. The optimized
integrations use the older SDK (`SageMaker.AmazonSageMakerException`, `DynamoDB.AmazonDynamoDBException`), the
`aws-sdk` ones the newer (`SageMaker.SageMakerException`, `DynamoDb.DynamoDbException`, `S3.S3Exception`).
Throttling has no class of its own in SageMaker's model, so the service's general exception stands for it, and
with it for refused requests: those fail after the attempts are used up (two minutes at most).
`States.TaskFailed` (the job failed) is not here, because a second `.sync` call would send the same job name
again.
Source: "Handling errors in Step Functions workflows", and the exception lists of both Java SDKs.
"""

from __future__ import annotations

from stagewright.asl import Retry

_QUOTA_WAITS = 10

JOBS = (
    # The account's quota of instances is used up: other jobs, often of the same run, will give them back.
    Retry(
        ("SageMaker.ResourceLimitExceededException", "SageMaker.ResourceLimitExceeded"),
        attempts=_QUOTA_WAITS,
        interval=60,
        longest=600,
        backoff=1.5,
    ),
    Retry(
        (
            "SageMaker.AmazonSageMakerException",
            "SageMaker.ThrottlingException",
            "SageMaker.SdkClientException",
        )
    ),
)
SAGEMAKER = (
    Retry(("SageMaker.SageMakerException", "SageMaker.ThrottlingException", "SageMaker.SdkClientException")),
)
ENDPOINTS = (JOBS[0], *SAGEMAKER)
TURNS = (
    # Not the general exception: by its text the stage tells what to wait for, and then looks again.
    JOBS[0],
    Retry(("SageMaker.ThrottlingException", "SageMaker.SdkClientException")),
)
RUNTIME = (
    # Never the model's own error: that is what a smoke test is for.
    Retry(
        (
            "SageMakerRuntime.InternalDependencyException",
            "SageMakerRuntime.InternalFailureException",
            "SageMakerRuntime.ModelNotReadyException",
            "SageMakerRuntime.ServiceUnavailableException",
            "SageMakerRuntime.SdkClientException",
        ),
        attempts=3,
    ),
)
ALARMS = (Retry(("CloudWatch.CloudWatchException", "CloudWatch.SdkClientException")),)
LOOK = (
    # What is not there answers with SageMaker's general exception: trying again would delay each first time.
    Retry(("SageMaker.SdkClientException",), attempts=3, interval=1),
)
TABLE = (
    Retry(
        (
            "DynamoDB.ProvisionedThroughputExceededException",
            "DynamoDB.RequestLimitExceededException",
            "DynamoDB.ThrottlingException",
            "DynamoDB.InternalServerErrorException",
            "DynamoDB.AmazonDynamoDBException",
            "DynamoDB.SdkClientException",
        ),
        interval=1,
        longest=20,
    ),
)
TABLE_SDK = (
    Retry(
        (
            "DynamoDb.ProvisionedThroughputExceededException",
            "DynamoDb.RequestLimitExceededException",
            "DynamoDb.ThrottlingException",
            "DynamoDb.InternalServerErrorException",
            "DynamoDb.DynamoDbException",
            "DynamoDb.SdkClientException",
        ),
        interval=1,
        longest=20,
    ),
)
GLUE = (
    # The job's other runs, and those of the account, give way: both limits are on runs at the same time.
    Retry(
        ("Glue.ConcurrentRunsExceededException", "Glue.ResourceNumberLimitExceededException"),
        attempts=_QUOTA_WAITS,
        interval=60,
        longest=600,
        backoff=1.5,
    ),
    # Throttling and refused requests. Not the service's own faults: a run has no name of ours, so that a
    # second start would be a second run.
    Retry(("Glue.AWSGlueException", "Glue.ThrottlingException"), attempts=4),
)
FUNCTIONS = (
    # "Handle transient Lambda service exceptions" (Step Functions guide). Lambda.Unknown is not there: the
    # function may have run.
    Retry(
        (
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        )
    ),
)
OBJECTS = (Retry(("S3.S3Exception", "S3.SdkClientException"), attempts=4, interval=1, longest=20),)
