"""The states of register stages: the group if it does not exist, a copy of the model, and the model version.

Every job can write under `runs/`, so a model there can be overwritten after its approval. The version
therefore refers to a copy in a folder that no job can write, and records the copy's S3 version, which is
compared before the model is served (`registered_model`). A model that is too large for CopyObject (5 GB)
stays where it is, and its S3 version is recorded.
"""

from __future__ import annotations

from stagewright.asl import Catch, Choice, Rule, State, Task, Wait, expression
from stagewright.naming import MODEL_VERSION
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry, Permissions

COPY_SECONDS = 600
"""Seconds that S3 may take to copy 5 GB, the most that CopyObject copies."""
PACKAGE_MADE = with_("'package': { 'arn': $states.result.ModelPackageArn }")
PACKAGE_ARN = expression("$states.input.package.arn")
PACKAGE_SEEN = with_("""
    'package': { 'arn': $states.result.ModelPackageArn, 'status': $states.result.ModelPackageStatus,
                 'reason': $join(
                   $states.result.ModelPackageStatusDetails.ValidationStatuses.FailureReason, '; ') }
""")
PACKAGE_READY = expression("$states.input.package.status = 'Completed'")
PACKAGE_FAILED = expression("$states.input.package.status in ['Failed', 'Deleting']")
RESULT = with_("'result': { 'arn': $states.input.package.arn, 'package': $states.input.package.arn }")
PACKAGE_REASON = with_("""
    'error': { 'Error': 'Stagewright.ModelPackageFailed',
               'Cause': 'model package ' & $states.input.package.arn & ' is '
                 & $states.input.package.status & ': ' & $states.input.package.reason }
""")
PACKAGE_LATE = with_("""
    'error': { 'Error': 'Stagewright.TooLate',
               'Cause': 'model package ' & $states.input.package.arn & ' is still '
                 & $states.input.package.status
                 & ' after ' & $string($states.input.stage.timeout) & ' seconds' }
""")

_CREATE = "Create package"
_COPY = "Copy model"
_NO_COPY = "Copy impossible?"
_PACKAGE = bound("CreateModelPackage")[3:-3]
_URL = f"({_PACKAGE}).InferenceSpecification.Containers[0].ModelDataUrl"
_PATH = f"$substringAfter({_URL}, 's3://')"
# CopySource is URL-encoded (S3 API reference, CopyObject).
SOURCE = expression(f"$join([$split({_PATH}, '/').$encodeUrlComponent($)], '/')")
SOURCE_BUCKET = expression(f"$substringBefore({_PATH}, '/')")
SOURCE_KEY = expression(f"$substringAfter({_PATH}, '/')")
_VERSION = """
    $exists($states.result.VersionId) ? $states.result.VersionId
      : $error('the bucket keeps no versions, so the model cannot be pinned')
"""
_TARGET = f"{bound('Copy', 'Bucket')[3:-3]} & '/' & {bound('Copy', 'Key')[3:-3]}"
COPIED = with_(f"'pinned': {{ 'url': 's3://' & {_TARGET}, 'version': {_VERSION} }}")
PINNED = with_(f"'pinned': {{ 'url': {_URL}, 'version': {_VERSION} }}")
# A `request` can replace the container by one without a single archive.
HAS_NO_ARCHIVE = expression(
    """$not($contains($states.input.stage.requests.CreateModelPackage, '"ModelDataUrl"'))"""
)
IS_TOO_LARGE = expression("$contains('' & $states.input.error.Cause, 'maximum allowable size')")
CLEARED = expression("$sift($states.input, function($value, $key) { $key != 'error' })")
PACKAGE = expression(f"""
    ( $package := {_PACKAGE};
      $pinned := $states.input.pinned;
      $spec := $package.InferenceSpecification;
      $exists($pinned)
        ? $merge([$package, {{
            'InferenceSpecification': $merge([$spec, {{
              'Containers': [$merge([$spec.Containers[0], {{ 'ModelDataUrl': $pinned.url }}]),
                             $filter($spec.Containers, function($container, $index) {{ $index > 0 }})] }}]),
            'CustomerMetadataProperties':
              $merge([$package.CustomerMetadataProperties, {{ '{MODEL_VERSION}': $pinned.version }}]) }}])
        : $package )
""")

_STATES: dict[str, State] = {
    "Find group": Task(
        "aws-sdk:sagemaker:describeModelPackageGroup",
        {"ModelPackageGroupName": bound("CreateModelPackageGroup", "ModelPackageGroupName")},
        expressions.INPUT,
        _COPY,
        retries.FIND,
        # Creating the group shows any other error: SageMaker has no error of its own for "not found".
        Catch("Create group", expressions.INPUT),
    ),
    "Create group": Task(
        "aws-sdk:sagemaker:createModelPackageGroup",
        bound("CreateModelPackageGroup"),
        expressions.INPUT,
        _COPY,
        retries.SAGEMAKER,
        Catch("Group there?", expressions.CAUGHT),
    ),
    # Another chain or run may have created it in the meantime.
    "Group there?": Choice((Rule(expressions.ALREADY_THERE, _COPY),), default=result_states.FAILED),
    _COPY: Task(
        "aws-sdk:s3:copyObject",
        {
            "Bucket": bound("Copy", "Bucket"),
            "Key": bound("Copy", "Key"),
            "CopySource": SOURCE,
            "TaggingDirective": "REPLACE",
        },
        COPIED,
        _CREATE,
        retries.OBJECTS,
        Catch(_NO_COPY, expressions.CAUGHT),
        timeout=COPY_SECONDS,
    ),
    _NO_COPY: Choice(
        (Rule(HAS_NO_ARCHIVE, _CREATE, CLEARED), Rule(IS_TOO_LARGE, "Pin model", CLEARED)),
        default=result_states.FAILED,
    ),
    "Pin model": Task(
        "aws-sdk:s3:headObject",
        {"Bucket": SOURCE_BUCKET, "Key": SOURCE_KEY},
        PINNED,
        _CREATE,
        retries.OBJECTS,
        result_states.CAUGHT,
    ),
    _CREATE: Task(
        "aws-sdk:sagemaker:createModelPackage",
        PACKAGE,
        PACKAGE_MADE,
        "Describe registered package",
        retries.SAGEMAKER,
        result_states.CAUGHT,
    ),
    "Describe registered package": Task(
        "aws-sdk:sagemaker:describeModelPackage",
        {"ModelPackageName": PACKAGE_ARN},
        PACKAGE_SEEN,
        "Package ready?",
        retries.SAGEMAKER,
        result_states.CAUGHT,
    ),
    "Package ready?": Choice(
        (
            Rule(PACKAGE_READY, result_states.DONE, RESULT),
            Rule(PACKAGE_FAILED, result_states.FAILED, PACKAGE_REASON),
            Rule(expressions.IS_LATE, result_states.FAILED, PACKAGE_LATE),
        ),
        default="Wait for package",
    ),
    "Wait for package": Wait(expressions.POLL, "Describe registered package"),
}
STATES = (Entry("Find group", _STATES),)
PERMISSIONS: Permissions = {
    "Create": ("sagemaker:CreateModelPackageGroup",),
    "FindGroup": ("sagemaker:DescribeModelPackageGroup",),
    "RegisterInGroup": ("sagemaker:CreateModelPackage",),
    "Register": ("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"),
}
