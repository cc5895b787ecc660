"""The repository that `init` makes, with the modules: valid, planned for each environment, pushed."""

from __future__ import annotations

import base64
import http.server
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.terraform.made import Made
from tests.terraform.session import Terraform, resources

from stagewright.api.target import configured_targets
from stagewright.catalog.prices import Prices
from stagewright.cli.commands.author import init
from stagewright.cli.commands.author.init_options import CI, Accounts, Example, values_of
from stagewright.document.file import read_document
from stagewright.document.pipeline import Pipeline
from stagewright.naming import Installation
from stagewright.planner.model import Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release
from stagewright.stages.base.job_settings import FIELDS, JobSettings, problems, value_at

pytestmark = pytest.mark.slow

OVERRIDE = 'terraform {\n  backend "local" {}\n}\n'
"""Terraform takes a backend in an override file for the one, or the `cloud` block, that is there."""
KEYS = {"dev": "111122223333", "uat": "222233334444", "prod": "333344445555"}
CHOICES: dict[str, dict[str, Any]] = {
    "gitlab": {},
    "state-bucket": {"state_bucket": "my-states"},
    "cloud": {"ci": CI.TERRAFORM_CLOUD},
    "no-pipelines": {"example": None},
    "both": {"ci": CI.BOTH, "accounts": Accounts.THREE},
    "three": {"accounts": Accounts.THREE},
    "existing-bucket": {"bucket": "ml-{environment}", "prefix": "team"},
    "vpc": {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"]},
    "everything": {
        "ci": CI.TERRAFORM_CLOUD,
        "accounts": Accounts.THREE,
        "bucket": "ml-{environment}",
        "subnets": ["subnet-1"],
        "security_groups": ["sg-1"],
        "pipeline": "rents",
    },
    "organization": {
        "accounts": Accounts.THREE,
        "subnets": ["subnet-1", "subnet-2", "prod=subnet-9"],
        "security_groups": ["sg-1"],
        "kms_key": [f"{name}=arn:aws:kms:us-east-1:{number}:key/1" for name, number in KEYS.items()],
        "permissions_boundary": ["arn:aws:iam::aws:policy/PowerUserAccess"],
        "data_buckets": ["lake"],
        "output_locations": ["s3://lake/predictions/"],
        "tags": ["team=prices", "note=a=b c"],
        "enforce_job_settings": True,
    },
}
Make = Callable[..., Terraform]


@pytest.fixture
def repository(
    terraform_python: Path, terraform_environment: dict[str, str], package: Callable[[], Path], tmp_path: Path
) -> Make:
    def make(**options: Any) -> Terraform:
        folder = tmp_path / "demo"
        options = {"example": Example.HOUSE_PRICE, **options}
        init.command(folder, source=str(package()), region="us-east-1", **options)
        return Terraform(terraform_python, folder / "infra", terraform_environment)

    return make


def ready(made: Terraform) -> Terraform:
    (made.folder / "backend_override.tf").write_text(OVERRIDE)
    made.must("init", "-input=false", "-no-color")
    return made


def values(made: Terraform, environment: str) -> str:
    """The flag with the values of an environment, which infra and infra/ci share."""
    infra = made.folder if (made.folder / "envs").exists() else made.folder.parent
    return f"-var-file={infra}/envs/{environment}.tfvars"


def in_ci(made: Terraform) -> Terraform:
    return replace(made, folder=made.folder / "ci")


def with_project(options: dict[str, Any]) -> dict[str, Any]:
    return options if options.get("ci") is CI.TERRAFORM_CLOUD else {**options, "gitlab_project": 42}


def planned(made: Terraform, environment: str) -> dict[str, Any]:
    made.must("plan", "-out=plan.tfplan", values(made, environment), "-input=false", "-no-color")
    return json.loads(made.must("show", "-json", "plan.tfplan"))


def refused(made: Terraform, environment: str, *variables: str) -> str:
    given = [f"-var={each}" for each in variables]
    done = made("plan", values(made, environment), *given, "-input=false", "-no-color")
    assert done.code == 1, done.out
    return done.message


@pytest.mark.parametrize("choice", CHOICES)
def test_template_is_formatted_and_valid(repository: Make, choice: str) -> None:
    made = repository(**with_project(CHOICES[choice]))
    done = made("fmt", "-check", "-diff", "-recursive")
    assert done.code == 0, done.out
    for part in (made, in_ci(made)):
        part.must("init", "-backend=false", "-lockfile=readonly", "-input=false", "-no-color")
        assert "The configuration is valid." in part.must("validate", "-no-color")


@pytest.mark.parametrize("choice", ["gitlab", "cloud", "both", "state-bucket", "everything"])
def test_ci_roles_of_every_environment_are_planned(repository: Make, choice: str) -> None:
    options = CHOICES[choice]
    made = ready(in_ci(repository(**with_project(options))))
    promotes = options.get("ci") is not CI.TERRAFORM_CLOUD
    wanted = {
        "dev": {"plan", "apply", *(["promote-source"] if promotes else [])},
        "uat": {"plan", "apply", *(["promote", "promote-source"] if promotes else [])},
        "prod": {"plan", "apply", *(["promote"] if promotes else [])},
    }
    for environment, roles in wanted.items():
        after = planned(made, environment)["planned_values"]["root_module"]
        found = [each for each in resources(after) if each["type"] == "aws_iam_role"]
        assert {each["index"] for each in found} == roles
        for each in found:
            assert each["values"]["path"] == "/stagewright-ci/"
            conditions = json.loads(each["values"]["assume_role_policy"])["Statement"][0]["Condition"]
            (subjects,) = [value for key, value in conditions["StringLike"].items() if key.endswith(":sub")]
            wide = [subject for subject in subjects if "*" in subject]
            in_gitlab = options.get("ci", CI.GITLAB) is CI.GITLAB
            assert bool(wide) is (in_gitlab and (environment, each["index"]) == ("dev", "plan"))


def test_ci_roles_need_the_number_of_the_project(repository: Make) -> None:
    made = ready(in_ci(repository()))
    assert "Settings > General > Project ID" in refused(made, "dev")


def test_installation_s_roles_have_the_boundary_that_ci_creates(repository: Make) -> None:
    made = ready(repository())
    after = resources(planned(made, "dev")["planned_values"]["root_module"])
    boundaries = {each["values"]["permissions_boundary"] for each in after if each["type"] == "aws_iam_role"}
    assert boundaries == {"arn:aws:iam::123456789012:policy/stagewright-ci/stagewright-dev-boundary"}
    own = "arn:aws:iam::123456789012:policy/team"
    made.must(
        "plan",
        "-out=plan.tfplan",
        "-var-file=envs/dev.tfvars",
        f"-var=permissions_boundary={own}",
        "-input=false",
    )
    after = resources(json.loads(made.must("show", "-json", "plan.tfplan"))["planned_values"]["root_module"])
    assert {each["values"]["permissions_boundary"] for each in after if each["type"] == "aws_iam_role"} == {
        own
    }


@pytest.mark.parametrize("choice", CHOICES)
def test_every_environment_plans_and_only_dev_deploys_pushes(repository: Make, choice: str) -> None:
    options = CHOICES[choice]
    made = ready(repository(**options))
    targets = configured_targets(made.folder.parent)
    for environment, target in targets.items():
        plan = planned(made, environment)
        after = [(each["type"], each["change"]["after"]) for each in plan["resource_changes"]]
        buckets = [values["bucket"] for kind, values in after if kind == "aws_s3_bucket" and values]
        new = "bucket" not in options
        assert [bucket for bucket in buckets if bucket == target["bucket"]] == [target["bucket"]] * new
        name = options.get("pipeline", "house-price")
        pushed = [
            each["address"]
            for each in plan["resource_changes"]
            if "aws_s3_object.manifest" in each["address"]
        ]
        has_push = environment == "dev" and choice != "no-pipelines"
        assert pushed == [f'module.pipelines["{name}"].aws_s3_object.manifest'] * has_push
        functions = [values for kind, values in after if kind == "aws_lambda_function"]
        subnets = {tuple(each["subnet_ids"]) for values in functions for each in values["vpc_config"]}
        wanted = values_of(options.get("subnets", ()), environment)
        assert subnets == ({wanted} if wanted else set())
        prefix = options.get("prefix", "stagewright")
        assert all(values["function_name"].startswith(f"{prefix}-{environment}-") for values in functions)
        given = {name: each["value"] for name, each in plan["variables"].items()}
        assert {name: given[name] for name in ("environment", "region", "bucket")} == {
            name: target[name] for name in ("environment", "region", "bucket")
        }


def test_organization_gives_every_environment_its_network_keys_and_tags(repository: Make) -> None:
    made = ready(repository(**CHOICES["organization"]))
    document = read_document(made.folder.parent / "pipelines/house-price/pipeline.yaml")
    for environment, number in KEYS.items():
        made_there = Made(resources(planned(made, environment)["planned_values"]["root_module"]))
        key = f"arn:aws:kms:us-east-1:{number}:key/1"
        variables = made_there.all("aws_lambda_function")[0]["environment"][0]["variables"]
        settings = JobSettings.from_json(variables["STAGEWRIGHT_JOBS"])
        assert settings.subnets == (("subnet-9",) if environment == "prod" else ("subnet-1", "subnet-2"))
        assert (settings.kms_volume_key, settings.kms_output_key) == (key, key)
        assert settings.tags == {"team": "prices", "note": "a=b c"}
        for role in made_there.all("aws_iam_role"):
            assert role["permissions_boundary"] == "arn:aws:iam::aws:policy/PowerUserAccess"
            assert settings.tags.items() <= role["tags"].items()
        policies = {each["name"]: each["policy"] for each in made_there.all("aws_iam_role_policy")}
        assert (
            '"EnforceVpc"'
            in made_there.one("aws_iam_policy", name=f"stagewright-{environment}-workflow-enforced")["policy"]
        )
        assert "arn:aws:s3:::lake/*" in policies[f"stagewright-{environment}-sagemaker"]
        assert "arn:aws:s3:::lake/predictions/*" in policies[f"stagewright-{environment}-glue"]
        assert_example_carries(document, environment, settings)


def assert_example_carries(document: Pipeline, environment: str, settings: JobSettings) -> None:
    """Every request of the example's plan has the settings that AWS has a field for."""
    requests = requests_of(document, environment, settings)
    assert {"CreateProcessingJob", "CreateTrainingJob", "CreateModel", "CreateEndpointConfig"} <= {
        operation for operation, _ in requests
    }
    for operation, request in requests:
        assert list(problems(operation, request, settings)) == []
        for path in FIELDS.get(operation, {}).values():
            if not path.startswith("Enable") and "Enable" not in path and "DataCapture" not in path:
                assert value_at(request, path), (operation, path)


def requests_of(document: Pipeline, environment: str, settings: JobSettings) -> list[tuple[str, Any]]:
    installation = Installation("ml", "us-east-1", KEYS[environment], environment)
    files = {path: CodeFile("0" * 64) for path in ("prepare.py", "train.py", "evaluate.py")}
    trigger = Trigger("manual", "manual:1", "2026-01-31T14:00:00.000Z")
    data = {installation.uri("raw/house-price/"): "1"}
    recorded = Recorded(installation, Release("house-price", files), external=data, jobs=settings)
    stages = plan(document, trigger, recorded).stages
    return [item for stage in stages for item in stage.requests.items() if item[0].startswith("Create")]


def test_apply_pushes_pipeline_and_code_and_second_plan_is_empty(repository: Make) -> None:
    made = ready(repository())
    variables = ("-var-file=envs/dev.tfvars", "-var=commit=c1", "-input=false", "-no-color")
    made.must("apply", "-auto-approve", *variables)
    state = Made(made.resources())
    keys = {each["key"] for each in state.all("aws_s3_object")}
    assert {"manifests/house-price.json", "staging/house-price/train.py"} <= keys
    manifest = json.loads(state.one("aws_s3_object", key="manifests/house-price.json")["content"])
    assert manifest["commit"] == "c1"
    assert made("plan", "-detailed-exitcode", *variables).code == 0
    prices = made.folder.parent / "prices" / "us-east-1.json"
    prices.parent.mkdir()
    prices.write_text(Prices(region="us-east-1", currency="USD", date=date(2026, 11, 27)).to_text())
    made.must("apply", "-auto-approve", *variables)
    state = Made(made.resources())
    assert state.one("aws_s3_object", key="staging/_prices.json")["content"] == prices.read_text()
    assert json.loads(state.one("aws_s3_object", key="manifests/house-price.json")["content"]) == manifest
    (made.folder.parent / "pipelines/house-price/code/new.py").write_text("print(1)\n")
    assert made("plan", "-detailed-exitcode", *variables).code == 2


@dataclass
class StateOfGitLab:
    """An HTTP backend that keeps one state, and who asked for it: method, path and password."""

    address: str = ""
    state: bytes = b""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        user = base64.b64decode(request.headers["Authorization"].split()[1]).decode()
        self.asked.append((request.command, request.path, user.partition(":")[2]))
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if request.command == "POST" and not request.path.endswith("/lock"):
            self.state = body
        found = request.command != "GET" or self.state
        request.send_response(200 if found else 404)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(self.state)

    def of(self, token: str) -> dict[str, str]:
        """The variables of a job, as .gitlab-ci.yml has them."""
        lock = f"{self.address}/lock"
        return {
            "TF_HTTP_ADDRESS": self.address,
            "TF_HTTP_LOCK_ADDRESS": lock,
            "TF_HTTP_UNLOCK_ADDRESS": lock,
            "TF_HTTP_LOCK_METHOD": "POST",
            "TF_HTTP_UNLOCK_METHOD": "DELETE",
            "TF_HTTP_USERNAME": "gitlab-ci-token",
            "TF_HTTP_PASSWORD": token,
        }


@pytest.fixture
def gitlab_state() -> Iterator[StateOfGitLab]:
    kept = StateOfGitLab()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.answer(self)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept.address = f"http://127.0.0.1:{server.server_port}/state/dev"
        yield kept
        server.shutdown()


def test_apply_job_uses_the_plan_of_another_job_with_its_own_token(
    repository: Make, gitlab_state: StateOfGitLab
) -> None:
    """The token of the job that planned has expired by then. A plan without a lock only reads the state."""
    made = repository()
    job = replace(made, environment=made.environment | gitlab_state.of("plan-job"))
    job.must("init", "-input=false", "-no-color")
    job.must(
        "plan", "-var-file=envs/dev.tfvars", "-out=dev.tfplan", "-lock=false", "-input=false", "-no-color"
    )
    assert {method for method, _, _ in gitlab_state.asked} == {"GET"}
    gitlab_state.asked.clear()
    shutil.rmtree(made.folder / ".terraform")
    job = replace(made, environment=made.environment | gitlab_state.of("apply-job"))
    job.must("init", "-input=false", "-no-color")
    job.must("apply", "-input=false", "-no-color", "dev.tfplan")
    assert {token for _, _, token in gitlab_state.asked} == {"apply-job"}
    locks = [method for method, path, _ in gitlab_state.asked if path.endswith("/lock")]
    assert locks == ["POST", "DELETE"]
    assert b"manifests/house-price.json" in gitlab_state.state


def test_terraform_cloud_variable_sets_the_commit(repository: Make) -> None:
    made = ready(repository(ci=CI.TERRAFORM_CLOUD))
    given = "-var=TFC_CONFIGURATION_VERSION_GIT_COMMIT_SHA=c2"
    made.must("apply", "-auto-approve", "-var-file=envs/dev.tfvars", given, "-input=false", "-no-color")
    manifest = Made(made.resources()).one("aws_s3_object", key="manifests/house-price.json")
    assert json.loads(manifest["content"])["commit"] == "c2"


def test_plan_rejects_bad_input_with_a_remedy(repository: Make) -> None:
    made = ready(repository())
    assert 'has capital letters, which S3 does not allow. Try "ml-dev".' in refused(
        made, "dev", "bucket=ML-Dev"
    )
    message = refused(made, "dev", "environment=produciton")
    assert 'There is no environment "produciton". Choose one of dev, uat, prod' in message
    assert "must be the ARN of a layer version" in refused(made, "dev", "powertools_layer_arn=powertools")
    assert "Set both subnet_ids and security_group_ids, or neither" in refused(
        made, "dev", 'subnet_ids=["subnet-1"]'
    )


def test_plan_fails_in_a_region_without_a_published_layer(repository: Make) -> None:
    made = ready(repository())
    message = refused(made, "dev", "region=cn-northwest-1")
    assert "No Powertools layer is published in cn-northwest-1. Publish your own" in message


def test_plan_rejects_a_document_that_is_not_yaml(repository: Make) -> None:
    made = ready(repository())
    document = made.folder.parent / "pipelines/house-price/pipeline.yaml"
    document.write_text(re.sub("^name:", "nam:", document.read_text(), flags=re.MULTILINE))
    assert "has no `name`, or is not YAML. `stagewright validate` shows details." in refused(made, "dev")
