"""States that check, before a model package is served, that its artifact is the registered one.

A register stage records the S3 version of the artifact in the package (`MODEL_VERSION`). These states compare
it with the current version, because SageMaker reads the artifact by its URL. A package that was registered
without that record is served as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from stagewright.asl import Catch, Choice, Rule, State, Task, expression
from stagewright.naming import MODEL_VERSION
from stagewright.stages.base import retries
from stagewright.stages.base.expressions import bound, with_

# In JSON text, a quote inside a value is escaped, so only a field's name matches.
_IN = """$contains({0}.requests.CreateModel, '"ModelPackageName"')"""
NEXT_SERVES_PACKAGE = _IN.format("$states.input.stages[0]")
SERVES_PACKAGE = expression(_IN.format("$states.input.stage"))

PACKAGE_READ = with_(f"""
    'registered': {{ 'package': $states.result.ModelPackageArn,
                     'url': $states.result.InferenceSpecification.Containers[0].ModelDataUrl,
                     'version': $lookup($states.result.CustomerMetadataProperties, '{MODEL_VERSION}') }}
""")
IS_PINNED = expression("$exists($states.input.registered.version)")
_PATH = "$substringAfter($states.input.registered.url, 's3://')"
BUCKET = expression(f"$substringBefore({_PATH}, '/')")
KEY = expression(f"$substringAfter({_PATH}, '/')")
UNCHANGED = expression("""
    $states.result.VersionId = $states.input.registered.version ? $states.input
      : $error($states.input.registered.url & ' was overwritten after '
          & $states.input.registered.package & ' was registered: it has version ' & $states.result.VersionId
          & ', and the registered version is ' & $states.input.registered.version)
""")


def check(what: str, following: str, caught: Catch) -> tuple[str, Mapping[str, State]]:
    """Return the first state and the states. `what` makes their names unique. `following`: the next state."""
    read, pinned, compare = f"Read package of {what}", f"Pinned {what}?", f"Compare {what}"
    return read, {
        read: Task(
            "aws-sdk:sagemaker:describeModelPackage",
            {"ModelPackageName": bound("CreateModel", "PrimaryContainer.ModelPackageName")},
            PACKAGE_READ,
            pinned,
            retries.SAGEMAKER,
            caught,
        ),
        pinned: Choice((Rule(IS_PINNED, compare),), default=following),
        compare: Task(
            "aws-sdk:s3:headObject",
            {"Bucket": BUCKET, "Key": KEY},
            UNCHANGED,
            following,
            retries.OBJECTS,
            caught,
        ),
    }
