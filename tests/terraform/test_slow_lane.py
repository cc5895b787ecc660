"""The real AWS provider, an old one (3.39), installs into an empty local server; a push is served.

`downlevel.py` says what of the configuration 3.39 does not know. What a run needs of that is done with
boto3 here (`complete`): the bucket's EventBridge notification, and what the event source's function may
answer. The rest is missing from what is installed here, and mostly in `DIFFERENT`: Glue's jobs, managed
encryption of queues, published versions of the state machine, the functions' architecture and log groups,
ownership of objects without ACLs, protection of tables from deletion, policies of model groups.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.terraform import old_provider, provider_calls
from tests.terraform.bare import bare, connect
from tests.terraform.downlevel import Downlevel
from tests.terraform.made import Made
from tests.terraform.observed import differences, observed
from tests.terraform.session import ROOT, Terraform

from sagemaker_local.state_folder import ACCOUNT, REGION, Server
from stagewright.installation.roles.ci import ci
from stagewright.local.artifacts import Artifacts
from stagewright.local.provision import provision
from stagewright.naming import Installation

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "house-price"
NAME = "house-price"
DEV = Installation("ml-dev", REGION, ACCOUNT, "dev")
RUN_SECONDS = 300
INSTALL = "-target=module.stagewright"
MAIN = """
module "stagewright" {
  source       = "../"
  environment  = "dev"
  bucket       = "ml-dev"
  protect_data = false
}

module "pipelines" {
  source   = "../modules/pipeline"
  for_each = toset([for path in fileset("pipelines", "*/pipeline.yaml") : dirname(path)])

  folder       = "pipelines/${each.value}"
  installation = module.stagewright.installation
}
"""


@dataclass(frozen=True)
class Installed:
    terraform: Terraform
    server: Server
    client: Callable[[str], Any]
    log: Path

    def runs(self) -> list[dict[str, Any]]:
        found = self.client("dynamodb").scan(TableName=DEV.runs_table, ConsistentRead=True)["Items"]
        return [each for each in found if each["item"] == {"S": "run"}]

    def ended(self) -> dict[str, Any]:
        """The one run that there is, once it has ended."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            runs = self.runs()
            if runs and "open" not in runs[0]:
                (run,) = runs
                return run
            time.sleep(0.2)
        pytest.fail(f"no run ended within {RUN_SECONDS} s")


@pytest.fixture(scope="module")
def installed(package: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The root module, applied; pipelines are not pushed yet."""
    python, home = old_provider.python(), tmp_path_factory.mktemp("home")
    place = package() / "infra"
    Downlevel(old_provider.schema(python, home)).folder(place)
    user = place / "user"
    user.mkdir()
    shutil.copytree(EXAMPLE, user / "pipelines" / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    with bare(tmp_path_factory.mktemp("terraform")) as server:
        (user / "main.tf").write_text(old_provider.REQUIRED + old_provider.provider(server) + MAIN)
        log = home / "calls.log"
        logged = {"TF_LOG": "DEBUG", "TF_LOG_PATH": str(log)}
        terraform = Terraform(python, user, old_provider.environment(python, home, server) | logged)
        terraform.must("init", "-no-color")
        terraform.must("apply", "-auto-approve", "-input=false", "-no-color", INSTALL)
        client = connect(server)
        complete(client)
        yield Installed(terraform, server, client, log)


def complete(client: Callable[[str], Any]) -> None:
    """What a run needs and 3.39 has no argument for."""
    client("s3").put_bucket_notification_configuration(
        Bucket=DEV.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    functions = client("lambda")
    (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(
        UUID=source["UUID"], FunctionResponseTypes=["ReportBatchItemFailures"]
    )


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same installation as the local target makes it."""
    with bare(tmp_path_factory.mktemp("provisioned")) as server:
        provision(server, Artifacts.read(DEV))
        return observed(connect(server))


OLD = "3.39 does not know it, or not this value"
CLOUDWATCH = "watches an installation that someone is on call for; the local target has no one"
DIFFERENT = {
    "alarms/*": CLOUDWATCH,
    "dashboards/stagewright-dev": CLOUDWATCH,
    "log_metrics/*": CLOUDWATCH,
    "buckets/ml-dev/encryption/Rules": "3.39 says in so many words that no bucket key is used",
    "buckets/ml-dev/ownership/Rules": OLD,
    "buckets/ml-dev/tags": "tags of an installation's resources are for bills and access; here is neither",
    "functions/*/Architectures": OLD,
    "functions/*/Environment/Variables/STAGEWRIGHT_BYPASS": "on a laptop, everybody may bypass a control",
    "functions/*/Environment/Variables/STAGEWRIGHT_STATE_MACHINE": "3.39 publishes no version to start",
    "functions/*/Layers": "the Python that runs the local target has what is in the layer",
    "functions/*/Runtime": OLD,
    "glue_jobs/*": OLD,
    "queues/*/MaximumMessageSize": "3.39 sends SQS's former default, 256 KiB; SQS's own is 1 MiB by now",
    "queues/*/SqsManagedSseEnabled": OLD,
    "state_machines/stagewright-dev-workflow/versions": "3.39 publishes none",
    "tables/*/encryption": "AWS's managed key; the local target's tables are files of the user's",
}
"""Where what Terraform made and what the local target made differ -> why."""


def test_local_target_equals_the_applied_installation_except_listed_differences(
    installed: Installed, provisioned: dict[str, Any]
) -> None:
    found = differences(observed(installed.client), provisioned)
    unlisted = {
        place: both
        for place, both in found.items()
        if not any(fnmatch.fnmatchcase(place, pattern) for pattern in DIFFERENT)
    }
    assert unlisted == {}
    assert [pattern for pattern in DIFFERENT if not fnmatch.filter(found, pattern)] == []


def test_release_pushed_by_terraform_starts_a_run(installed: Installed) -> None:
    sales = EXAMPLE / "data" / "ames_house_sales.csv"
    installed.client("s3").upload_file(str(sales), DEV.bucket, f"raw/{NAME}/{sales.name}")
    assert installed.terraform.apply().code == 0
    manifest = Made(installed.terraform.resources()).one("aws_s3_bucket_object", key=f"manifests/{NAME}.json")
    run = installed.ended()
    assert run["status"] == {"S": "SUCCEEDED"}, run
    assert json.loads(run["trigger"]["S"])["key"] == f"code:{NAME}:{manifest['version_id']}"
    execution = installed.client("stepfunctions").describe_execution(executionArn=run["execution"]["S"])
    assert execution["status"] == "SUCCEEDED"
    sagemaker = installed.client("sagemaker")
    (training,) = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    assert training["TrainingJobStatus"] == "Completed"
    assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) == 2
    (endpoint,) = sagemaker.list_endpoints()["Endpoints"]
    assert endpoint["EndpointStatus"] == "InService"
    answer = installed.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint["EndpointName"],
        ContentType="application/json",
        Body=(EXAMPLE / "house.json").read_bytes(),
    )
    (prices,) = json.loads(answer["Body"].read()).values()
    assert 40_000 < prices[0] < 700_000


def test_second_apply_changes_and_starts_nothing(installed: Installed) -> None:
    before = installed.runs()
    assert installed.terraform.changes() == {}
    assert installed.terraform.apply().code == 0
    time.sleep(1)
    assert installed.runs() == before


def allowed(role: str, *options: str) -> set[str]:
    """The actions of a CI role."""
    statements = [statement for part in ci()["roles"][role]["policies"].values() for statement in part]
    for option in options:
        statements += ci()["role_options"][option].get(role, ())
    return {action for statement in statements for action in statement["actions"]}


def test_ci_roles_allow_the_calls_of_plan_and_apply(installed: Installed, tmp_path: Path) -> None:
    applied = provider_calls.actions(installed.log)
    log = {"TF_LOG_PATH": str(tmp_path / "plan.log")}
    replace(installed.terraform, environment=installed.terraform.environment | log).changes()
    planned = provider_calls.actions(tmp_path / "plan.log")
    assert {"s3:ListBucket", "iam:GetRole", "dynamodb:GetItem", "lambda:GetFunction"} <= planned
    assert planned - allowed("plan", "push") == set()
    assert {"s3:PutBucketPolicy", "iam:CreateRole", "s3:PutObject"} <= applied
    assert applied - allowed("apply", "push", "create_bucket") == set()


def test_destroy_removes_every_resource(installed: Installed) -> None:
    assert installed.terraform.destroy().code == 0
    left = observed(installed.client)
    assert all(name.startswith("/aws/sagemaker/") for name in left.pop("log_groups"))
    assert left == {section: {} for section in left}
