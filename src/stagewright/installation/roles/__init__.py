"""The IAM roles of an installation: statements of least privilege, each with its reason.

Jobs, models and endpoints are named after pipelines, so a name prefix cannot narrow the resources. Instead,
every resource that a run creates must carry the tag `stagewright:installation` with the name of this
installation (prefix and environment). The Glue jobs and Lambda functions that a platform team adds can be
called only if they carry the same tag.

Sources: "IAM policies for Amazon SageMaker" in the Step Functions guide (`.sync` needs describe, stop and the
managed rule, and since 2023 AddTags for the tag MANAGED_BY_AWS); "IAM policies for calling AWS Glue" in the
same guide; "SageMaker roles" (permissions of an execution role, per API); "Actions, resources, and condition
keys" of each service.
"""

from __future__ import annotations

from stagewright.installation.roles.glue import GLUE
from stagewright.installation.roles.recorder import RECORDER
from stagewright.installation.roles.router import ROUTER
from stagewright.installation.roles.sagemaker import SAGEMAKER
from stagewright.installation.roles.smoke_check import SMOKE_TEST
from stagewright.installation.roles.state_machine import WORKFLOW
from stagewright.installation.roles.sweeper import SWEEPER

ROLES = (ROUTER, RECORDER, SWEEPER, SMOKE_TEST, WORKFLOW, SAGEMAKER, GLUE)
