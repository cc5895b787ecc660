"""Retries per service: throttling and transient faults. Failed jobs and timeouts are not retried.

Step Functions names an error after the exception class of the SDK, with the service's prefix. Optimized
integrations use the older SDK (`SageMaker.AmazonSageMakerException`, `DynamoDB.AmazonDynamoDBException`), and
`aws-sdk` integrations the newer one (`SageMaker.SageMakerException`, `DynamoDb.DynamoDbException`,
`S3.S3Exception`). SageMaker's model has no class for throttling, so the service's general exception is
retried. Rejected requests have the same class: they fail after the last attempt, within two minutes.
`States.TaskFailed` (the job failed) is not retried, because a second `.sync` call would use the same job
name.

Source: "Handling errors in Step Functions workflows", and the exception lists of both Java SDKs.
"""

from __future__ import annotations

from stagewright.asl import Retry

_QUOTA_WAITS = 10

JOBS = (
    # The account's instance quota is used up. Other jobs, often of the same run, release instances.
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
DEPLOYMENTS = (
    # Without the general exception: the stage reads its text to decide what to wait for, and polls again.
    JOBS[0],
    Retry(("SageMaker.ThrottlingException", "SageMaker.SdkClientException")),
)
ALARMS = (Retry(("CloudWatch.CloudWatchException", "CloudWatch.SdkClientException")),)
FIND = (
    # SageMaker's general exception also means "not found", so a retry would delay every first deployment.
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
    # Both limits are on concurrent runs: of the job, and of the account.
    Retry(
        ("Glue.ConcurrentRunsExceededException", "Glue.ResourceNumberLimitExceededException"),
        attempts=_QUOTA_WAITS,
        interval=60,
        longest=600,
        backoff=1.5,
    ),
    # Throttling and rejected requests. Without the service's faults: Glue chooses the run's id, so a retry
    # could start a second run.
    Retry(("Glue.AWSGlueException", "Glue.ThrottlingException"), attempts=4),
)
GLUE_SDK = (
    Retry(("Glue.GlueException", "Glue.SdkClientException", "Glue.OperationTimeoutException"), attempts=4),
)
FUNCTIONS = (
    # "Handle transient Lambda service exceptions" (Step Functions guide). Without Lambda.Unknown, because the
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
