"""The generated .gitlab-ci.yml: valid for GitLab's schema, the right jobs; those that need no AWS run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.configloader import load_config
from tests.gitlab.repository import GitLab

from stagewright.cli.commands.author.ci_files import TIERS
from stagewright.cli.commands.author.init_options import CI, Accounts
from stagewright.cli.commands.author.repository import ENVIRONMENTS

pytestmark = pytest.mark.slow

CHECKS = {"validate", "unit tests", "local run"}
ON_AWS = {f"{verb} {name}" for verb in ("plan", "apply") for name in ENVIRONMENTS}
PROMOTIONS = {"promote to uat", "promote to prod"}
Make = Callable[..., GitLab]


def changed(made: GitLab, path: str) -> None:
    place = made.folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text((place.read_text() if place.exists() else "") + "\n# changed\n")
    made.git("add", "--all")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("pipelines/house-price/code/train.py", set()),
        ("pipelines/house-price/code/deep/inside/new.py", set()),
        ("pipelines/house-price/environments/uat.yaml", set()),
        ("pipelines/other/pipeline.yaml", set()),
        ("infra/envs/dev.tfvars", {"validate infra"}),
        ("requirements.txt", set()),
    ],
)
def test_changed_code_starts_every_job(gitlab: Make, path: str, more: set[str]) -> None:
    made = gitlab()
    changed(made, path)
    assert set(made.jobs()) == CHECKS | ON_AWS | PROMOTIONS | more


def test_other_changes_start_no_job_and_a_promotion_needs_no_change(gitlab: Make) -> None:
    made = gitlab()
    changed(made, "README.md")
    assert set(made.jobs()) == PROMOTIONS


def test_dev_applies_automatically_and_other_environments_manually(gitlab: Make) -> None:
    made = gitlab()
    changed(made, "infra/main.tf")
    jobs = made.jobs()
    assert jobs["apply dev"]["needs"] == "[plan dev,validate,unit tests,local run]"
    manual = {name for name, job in jobs.items() if job["when"] == "manual"}
    assert manual == {"apply uat", "apply prod"} | PROMOTIONS
    environments = {name: jobs[name]["environment"] for name in ON_AWS}
    assert environments == {name: name.split()[1] if name.startswith("apply") else "" for name in ON_AWS}


@pytest.mark.parametrize(
    "options",
    [{}, {"accounts": Accounts.THREE}, {"state_bucket": "my-states"}],
    ids=["gitlab-state", "three", "s3-state"],
)
def test_jobs_that_reach_aws_use_a_token_without_a_key_and_run_one_at_a_time(
    gitlab: Make, options: dict[str, str]
) -> None:
    jobs = gitlab(**options).previewed()
    for name in ON_AWS | PROMOTIONS:
        job = jobs[name]
        assert job["id_tokens"] == {"AWS_ID_TOKEN": {"aud": "$CI_SERVER_URL"}}, name
        assert 'AWS_ID_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE"' in job["before_script"][1]
        assert "AWS_SECRET_ACCESS_KEY" not in json.dumps(job)
        assert job.get("interruptible") is (True if name.startswith("plan") else None)
        assert job.get("resource_group") == (None if name.startswith("plan") else "$ENVIRONMENT")
        runs_terraform = name not in PROMOTIONS
        assert ("TF_HTTP_ADDRESS" in job["variables"]) is ("state_bucket" not in options and runs_terraform)
        assert ("AWS_SOURCE_ROLE_ARN" in json.dumps(job)) is (name in PROMOTIONS)
    for name in ENVIRONMENTS:
        assert jobs[f"plan {name}"]["artifacts"]["reports"] == {"terraform": "infra/plan-$ENVIRONMENT.json"}
        assert "environment" not in jobs[f"plan {name}"]
        assert any(".tfplan" in line for line in jobs[f"apply {name}"]["script"])
        init = next(line for line in jobs[f"plan {name}"]["script"] if line.startswith("terraform init"))
        assert ("stagewright/$ENVIRONMENT.tfstate" in init) is ("state_bucket" in options)


@pytest.mark.parametrize("accounts", Accounts)
def test_promotion_reads_with_one_role_and_writes_with_another(
    gitlab: Make, tmp_path: Path, accounts: Accounts
) -> None:
    made = gitlab(accounts=accounts)
    lines = [
        line for line in made.previewed()["promote to prod"]["script"] if line.startswith(("printf", "sed"))
    ]
    config, token = tmp_path / "config", "/tmp/aws-id-token"
    variables = {
        "SOURCE": "uat",
        "ENVIRONMENT": "prod",
        "AWS_SOURCE_ROLE_ARN": "arn:1",
        "AWS_ROLE_ARN": "arn:2",
    }
    files = {"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_CONFIG_FILE": str(config), "PATH": os.environ["PATH"]}
    for line in lines:
        subprocess.run(["bash", "-ec", line], cwd=made.folder, env=variables | files, check=True)
    assert load_config(str(config))["profiles"] == {
        "uat": {"role_arn": "arn:1", "web_identity_token_file": token},
        "prod": {"role_arn": "arn:2", "web_identity_token_file": token},
    }
    targets = tomllib.loads((made.folder / "stagewright.toml").read_text())["targets"]
    assert {name: target["profile"] for name, target in targets.items()} == {n: n for n in ENVIRONMENTS}


def test_jobs_assume_the_role_of_their_environment_and_phase(gitlab: Make) -> None:
    jobs = gitlab(prefix="ml", region="cn-north-1").previewed()
    for name in ENVIRONMENTS:
        role = f"arn:aws-cn:iam::${name.upper()}_ACCOUNT:role/stagewright-ci/ml-{name}"
        for verb in ("plan", "apply"):
            assert jobs[f"{verb} {name}"]["variables"]["AWS_ROLE_ARN"] == f"{role}-{verb}"
        assert jobs[f"apply {name}"]["environment"] == {"name": name, "deployment_tier": TIERS[name]}
    promotion = jobs["promote to uat"]
    assert promotion["environment"] == {"name": "uat", "deployment_tier": "staging"}
    arn = "arn:aws-cn:iam::${}_ACCOUNT:role/stagewright-ci/ml-{}"
    assert promotion["variables"]["AWS_ROLE_ARN"] == arn.format("UAT", "uat-promote")
    assert promotion["variables"]["AWS_SOURCE_ROLE_ARN"] == arn.format("DEV", "dev-promote-source")


def test_jobs_without_an_account_fail_with_a_remedy(gitlab: Make) -> None:
    before = gitlab().previewed()["plan dev"]["before_script"][0]
    done = subprocess.run(
        ["sh", "-ec", before], env={"ENVIRONMENT": "dev"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "Set the account of dev in .gitlab-ci.yml.\n")


def test_images_are_named_by_digest(gitlab: Make) -> None:
    text = (gitlab().folder / ".gitlab-ci.yml").read_text()
    images = set(re.findall(r"(?:python|hashicorp/terraform):[^\s\",}]+", text))
    pinned = {image for image in images if re.fullmatch(r"[a-z/]+:[\d.]+@sha256:[0-9a-f]{64}", image)}
    assert len(pinned) == 2
    assert images - pinned == {"python:3.12"}, "only the comment that explains an upgrade"


def test_only_dev_is_planned_for_a_merge_request(gitlab: Make) -> None:
    made = gitlab()
    made.git("checkout", "-b", "feature")
    changed(made, "infra/main.tf")
    merge_request = ("--variable", "CI_PIPELINE_SOURCE=merge_request_event")
    names = {row.split(";")[0] for row in made("--list-csv", *merge_request).stdout.strip().splitlines()[1:]}
    assert {name for name in names if name.startswith(("plan", "apply", "promote"))} == {"plan dev"}


def test_with_terraform_cloud_gitlab_tests_and_promotes_but_runs_no_terraform(gitlab: Make) -> None:
    made = gitlab(ci=CI.BOTH)
    changed(made, "pipelines/house-price/code/train.py")
    assert set(made.jobs()) == CHECKS | PROMOTIONS
    jobs = made.previewed()
    assert jobs["stages"] == [".pre", "validate", "test", "uat", "prod", ".post"]
    scripts = {name: " ".join(map(str, job["script"])) for name, job in jobs.items() if "script" in job}
    assert {
        name for name, script in scripts.items() if "terraform apply" in script or "terraform plan" in script
    } == set()
    assert "TF_HTTP_ADDRESS" not in (made.folder / ".gitlab-ci.yml").read_text()


@pytest.mark.e2e
def test_jobs_without_aws_pass(gitlab: Make, image_python: Path) -> None:
    made = gitlab()
    done = made.job("validate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "house-price is valid" in done.stdout
    done = made.job("local run")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((made.folder / "reports" / "house-price.json").read_text())
    results = {stage["name"]: stage["result"] for stage in report["stages"] if stage["status"] == "SUCCEEDED"}
    assert results["evaluate"]["metrics"]["r2"] > 0.88
    assert results["deploy"]["endpoint"] == "house-price-local"
    path = os.pathsep.join((str(image_python), made.environment["PATH"]))
    as_in_image = replace(made, environment={**made.environment, "PATH": path, "PYTHONPATH": ""})
    done = as_in_image.job("unit tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 4 tests" in done.stderr


@pytest.mark.parametrize("job", ["validate", "unit tests", "local run"])
def test_jobs_of_a_repository_without_pipelines_pass(gitlab: Make, job: str) -> None:
    done = gitlab(example=None).job(job)
    assert done.returncode == 0, done.stdout + done.stderr


def test_invalid_document_fails_the_job_with_file_and_line(gitlab: Make) -> None:
    made = gitlab()
    document = made.folder / "pipelines" / "house-price" / "pipeline.yaml"
    other = made.folder / "pipelines" / "other" / "pipeline.yaml"
    other.parent.mkdir()
    other.write_text("name: other\nstages:\n  one: {kind: nothing}\n")
    lines = document.read_text().splitlines()
    line = lines.index("    kind: gate") + 1
    document.write_text("\n".join(lines).replace("kind: gate", "kind: gat"))
    done = made.job("validate")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f'pipelines/house-price/pipeline.yaml:{line}: stages.quality.kind: unknown kind "gat"' in said
    assert "pipelines/other/pipeline.yaml:3: stages.one.kind" in said
    assert "$ for document" not in said.partition("stages.one.kind")[2], "it plans what is wrong"


def test_wrong_code_fails_its_unit_test(gitlab: Make, image_python: Path) -> None:
    made = gitlab()
    prepare = made.folder / "pipelines" / "house-price" / "code" / "prepare.py"
    prepare.write_text(prepare.read_text().replace("sales[TARGET] > 0", "sales[TARGET] > -1"))
    path = os.pathsep.join((str(image_python), made.environment["PATH"]))
    done = replace(made, environment={**made.environment, "PATH": path, "PYTHONPATH": ""}).job("unit tests")
    assert done.returncode != 0
    assert "FAIL: test_sales_without_a_price_are_rejected" in done.stdout + done.stderr
