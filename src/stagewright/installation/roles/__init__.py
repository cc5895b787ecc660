"""The roles, as statements of least privilege, each with its reason.

Jobs, models and endpoints are named after the pipeline, so a name prefix cannot narrow them down. What is
created must instead carry the tag `stagewright:installation` with this one's name (prefix and environment),
which every request of ours does.
Glue jobs and Lambda functions that the platform has beside this installation are called only where they
carry that tag, too.
Sources: "IAM policies for Amazon SageMaker" in the Step Functions guide (`.sync` needs describe, stop and the
managed rule; since 2023 also AddTags, for the tag MANAGED_BY_AWS), "IAM policies for calling AWS Glue" there,
"SageMaker roles" (what an execution role needs, per API), "Actions, resources, and condition keys" per
service.
"""

from __future__ import annotations

from stagewright.installation.roles.glue import GLUE
from stagewright.installation.roles.recorder import RECORDER
from stagewright.installation.roles.router import ROUTER
from stagewright.installation.roles.sagemaker import SAGEMAKER
from stagewright.installation.roles.state_machine import WORKFLOW
from stagewright.installation.roles.sweeper import SWEEPER

ROLES = (ROUTER, RECORDER, SWEEPER, WORKFLOW, SAGEMAKER, GLUE)
