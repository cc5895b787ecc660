"""Push to run with Terraform: what is written when, and that the router reads it as it reads a push."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.terraform.made import Made
from tests.terraform.session import ROOT, Done, Terraform, resources

from stagewright.document.canonical_json import document_json, sha256_of
from stagewright.document.file import read_document
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.code_folder import scan

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "examples" / "house-price"
FILE, ANNOUNCEMENT, ITEM, COMMIT, MANIFEST = (
    "aws_s3_object.file",
    "aws_s3_object.announcement",
    "aws_dynamodb_table_item.document",
    "terraform_data.commit",
    "aws_s3_object.manifest",
)
OTHER = """name: other
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  prepare: {kind: processing, code: prepare.py, outputs: [out], environment: {MARKS: "<&> é"}}
"""


Push = Callable[..., tuple[Terraform, Done]]


PIPELINES = """
variable "bucket" { default = "ml-dev" }
variable "commit" { default = "c1" }
variable "pipelines" { default = "pipelines" }

module "pipelines" {
  source   = "../../modules/pipeline"
  for_each = toset([for path in fileset(var.pipelines, "*/pipeline.yaml") : dirname(path)])

  folder       = "${var.pipelines}/${each.value}"
  installation = { bucket = var.bucket, documents_table = "stagewright-dev-documents", environment = "dev" }
  commit       = var.commit
}
"""


def at(pipeline: str, resource: str, key: str = "") -> str:
    index = f'["{key}"]' if key else ""
    return f'module.pipelines["{pipeline}"].{resource}{index}'


@pytest.fixture(scope="module")
def applied(terraform: Callable[..., Terraform], tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Two pipelines, pushed once, commit c1."""
    user = terraform("examples/pipelines", PIPELINES)
    pipelines = user.folder / "pipelines"
    shutil.copytree(EXAMPLE, pipelines / "house-price", ignore=shutil.ignore_patterns("__pycache__"))
    (pipelines / "other" / "code").mkdir(parents=True)
    (pipelines / "other" / "pipeline.yaml").write_text(OTHER)
    (pipelines / "other" / "code" / "prepare.py").write_text("print('<&> é')\n")
    (pipelines / "other" / "code" / "raw.bin").write_bytes(bytes(range(256)) * 5)
    assert user.apply().code == 0
    return user


@pytest.fixture
def user(applied: Terraform) -> Any:
    """As applied, and afterwards as it was."""
    kept = applied.folder.parent / "kept"
    shutil.copytree(applied.folder / "pipelines", kept)
    yield applied
    shutil.rmtree(applied.folder / "pipelines")
    kept.rename(applied.folder / "pipelines")


def folder(user: Terraform, pipeline: str) -> Path:
    return user.folder / "pipelines" / pipeline


def manifest_of(user: Terraform, pipeline: str) -> tuple[manifests.Manifest, dict[str, Any]]:
    made = Made(user.resources())
    stored = made.one("aws_s3_object", key=f"manifests/{pipeline}.json")
    return manifests.parse(stored["content"].encode(), pipeline, stored["version_id"], 0.0), stored


@pytest.mark.parametrize("pipeline", ["house-price", "other"])
def test_manifest_equals_that_of_a_local_push_and_the_router_reads_it(user: Terraform, pipeline: str) -> None:
    place = folder(user, pipeline)
    document = read_document(place / "pipeline.yaml")
    manifest, stored = manifest_of(user, pipeline)
    files = scan(place / document.code)
    made = Made(user.resources())
    assert manifest.release.files.keys() == files.keys()
    for path, content in files.items():
        listed = manifest.release.files[path]
        assert (listed.sha256, listed.size) == (hashlib.sha256(content).hexdigest(), len(content)), path
        assert listed.version == made.one("aws_s3_object", key=f"staging/{pipeline}/{path}")["version_id"]
    assert manifest.release.document == sha256_of(document_json(document))
    assert manifest.release.commit == "c1"
    assert stored["content"].encode() == manifests.to_bytes(manifest.to_json())


@pytest.mark.parametrize("pipeline", ["house-price", "other"])
def test_base_document_item_equals_that_of_a_local_push(user: Terraform, pipeline: str) -> None:
    made = Made(user.resources())
    items = [json.loads(each["item"]) for each in made.all("aws_dynamodb_table_item")]
    (item,) = [each for each in items if each["pipeline"] == {"S": pipeline}]
    text = document_json(read_document(folder(user, pipeline) / "pipeline.yaml"))
    assert item == {
        "pipeline": {"S": pipeline},
        "item": {"S": "base"},
        "document": {"S": text},
        "sha256": {"S": sha256_of(text)},
        "format": {"N": "1"},
    }


@pytest.mark.parametrize("pipeline", ["house-price", "other"])
def test_announcement_names_the_documents_of_the_manifest(user: Terraform, pipeline: str) -> None:
    manifest, _ = manifest_of(user, pipeline)
    announced = Made(user.resources()).one("aws_s3_object", key=f"staging/{pipeline}.json")
    expected = {"base": manifest.release.document, "environment": manifest.environment, "format": 1}
    assert announced["content"].encode() == manifests.to_bytes(expected)


def test_unchanged_files_write_nothing_even_for_a_new_commit(user: Terraform) -> None:
    assert user.changes() == {}
    assert user.changes(commit="c2") == {}


def test_one_changed_file_writes_itself_and_its_manifest(user: Terraform) -> None:
    (folder(user, "other") / "code" / "prepare.py").write_text("print('changed')\n")
    assert user.changes(commit="c2") == {
        at("other", FILE, "prepare.py"): ["update"],
        at("other", COMMIT): ["delete", "create"],
        at("other", MANIFEST): ["update"],
    }


def test_changed_document_writes_its_item_and_the_manifest(user: Terraform) -> None:
    (folder(user, "other") / "pipeline.yaml").write_text(
        OTHER.replace("outputs: [out]", "outputs: [out, more]")
    )
    assert user.changes() == {
        at("other", ANNOUNCEMENT): ["update"],
        at("other", ITEM, "base"): ["update"],
        at("other", COMMIT): ["delete", "create"],
        at("other", MANIFEST): ["update"],
    }


def test_changed_comment_in_the_document_writes_nothing(user: Terraform) -> None:
    (folder(user, "other") / "pipeline.yaml").write_text(f"# why\n{OTHER}")
    assert user.changes() == {}


def test_removed_file_writes_the_manifest(user: Terraform) -> None:
    (folder(user, "other") / "code" / "raw.bin").unlink()
    assert user.changes() == {
        at("other", FILE, "raw.bin"): ["delete"],
        at("other", COMMIT): ["delete", "create"],
        at("other", MANIFEST): ["update"],
    }


def test_files_excluded_from_a_local_push_are_excluded(user: Terraform) -> None:
    code = folder(user, "other") / "code"
    for path in (".hidden", "__pycache__/x.pyc", "x.pyc", ".git/config", "deep/.secret"):
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        (code / path).write_text("x")
    assert user.changes() == {}
    (code / "deep" / "seen.py").write_text("x")
    assert at("other", FILE, "deep/seen.py") in user.changes()
    assert "deep/seen.py" in scan(code)


def test_environment_overlay_is_a_separate_item(user: Terraform) -> None:
    overlays = folder(user, "other") / "environments"
    overlays.mkdir()
    (overlays / "prod.yaml").write_text("parameters: {month: 2026-01}\n")
    assert user.changes() == {}
    (overlays / "dev.yaml").write_text("stages: {prepare: {instance_type: ml.m5.large}}\n")
    assert user.changes() == {
        at("other", ANNOUNCEMENT): ["update"],
        at("other", ITEM, "environment"): ["create"],
        at("other", COMMIT): ["delete", "create"],
        at("other", MANIFEST): ["update"],
    }


@pytest.fixture
def one(terraform: Callable[..., Terraform]) -> Push:
    """One pipeline, the module by itself."""
    module = terraform("modules/pipeline")
    place = module.folder / "other"
    (place / "code").mkdir(parents=True)
    (place / "pipeline.yaml").write_text(OTHER)

    def push(bucket: str = "ml-dev", commit: str = "", **files: str) -> tuple[Terraform, Done]:
        shutil.rmtree(place / "code")
        (place / "code").mkdir()
        for name, text in files.items():
            (place / "code" / f"{name}.py").write_text(text)
        places = {"bucket": bucket, "documents_table": "stagewright-dev-documents", "environment": "dev"}
        return module, module.apply(folder="other", installation=places, commit=commit)

    return push


def test_manifest_names_the_commit_and_a_revert_is_a_new_version(one: Push) -> None:
    seen = []
    for commit, text in (("c1", "a"), ("c2", "b"), ("c3", "b"), ("c4", "a"), ("", "c")):
        module, done = one(commit=commit, prepare=text)
        assert done.code == 0, done.err
        manifest, stored = manifest_of(module, "other")
        seen.append((manifest.release.commit, manifest.release.digest, stored["version_id"]))
    commits, digests, versions = zip(*seen, strict=True)
    assert commits == ("c1", "c2", "c2", "c4", "")
    assert digests[0] == digests[3]
    assert versions[1] == versions[2]
    assert len(set(versions)) == 4


def test_removed_file_is_deleted_after_the_new_manifest(one: Push) -> None:
    one(prepare="a", old="b")
    _, done = one(prepare="a")
    steps = [line for line in done.out.splitlines() if line.startswith("aws_s3_object.")]
    written = next(index for index, line in enumerate(steps) if ".manifest: Modifications complete" in line)
    removed = next(index for index, line in enumerate(steps) if '.file["old.py"]: Destroying' in line)
    assert written < removed, steps


def test_unversioned_bucket_is_rejected_before_the_manifest_is_written(one: Push) -> None:
    module, done = one(bucket="unversioned-ml", prepare="a")
    assert done.code == 1
    assert "The bucket unversioned-ml keeps no versions, which releases need." in done.message
    assert [each["key"] for each in Made(module.resources()).all("aws_s3_object")] == [
        "staging/other/prepare.py"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("stages: {}\n", "has no `name`, or is not YAML"), ("name: [\n", "has no `name`, or is not YAML")],
)
def test_plan_rejects_an_invalid_document(user: Terraform, text: str, sentence: str) -> None:
    (folder(user, "other") / "pipeline.yaml").write_text(text)
    assert sentence in user.refused()


def test_folder_is_relative_to_the_working_directory_of_terraform(user: Terraform) -> None:
    given = str(user.folder / "pipelines")
    assert "Give the folder relative to where Terraform runs" in user.refused(pipelines=given)


def test_example_plans_an_installation_with_its_pipelines(terraform: Callable[..., Terraform]) -> None:
    user = terraform("examples/minimal")
    shutil.copytree(EXAMPLE, folder(user, "house-price"), ignore=shutil.ignore_patterns("__pycache__"))
    given = {"environment": "dev", "bucket": "ml-dev", "region": "eu-west-1", "commit": "c1"}
    done = user.apply(**given)
    assert done.code == 0, done.err
    manifest, stored = manifest_of(user, "house-price")
    assert (stored["bucket"], manifest.release.commit) == ("ml-dev", "c1")
    steps = [line for line in done.out.splitlines() if "complete after" in line]
    last = next(index for index, line in enumerate(steps) if ".manifest: " in line)
    listeners = ("aws_cloudwatch_event_target", "aws_lambda_event_source_mapping", "aws_sfn_state_machine")
    assert all(index < last for index, line in enumerate(steps) if any(each in line for each in listeners))
    assert user.changes(**given) == {}


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["dev", "uat", "prod"])
def test_full_example_plans_every_account(terraform: Callable[..., Terraform], environment: str) -> None:
    user = terraform("examples/full")
    shutil.copytree(EXAMPLE, folder(user, "house-price"), ignore=shutil.ignore_patterns("__pycache__"))
    own, others = "123456789012", ["210987654321", "321098765432"]
    accounts = {name: own if name == environment else others.pop() for name in ("dev", "uat", "prod")}
    boundary = f"arn:aws:iam::{own}:policy/team"
    plan = user.plan(
        environment=environment, accounts=accounts, region="eu-west-1", permissions_boundary=boundary,
        subnet_ids=["subnet-1"], security_group_ids=["sg-1"], commit="c1",
    )  # fmt: skip
    planned = resources(plan["planned_values"]["root_module"])
    made = Made(planned)
    roles = made.all("aws_iam_role")
    assert {role["permissions_boundary"] for role in roles} == {boundary}
    assert all(role["tags"]["cost-center"] == "4711" for role in roles)
    assert {each["retention_in_days"] for each in made.all("aws_cloudwatch_log_group")} == {365}
    rules = made.one("aws_s3_bucket_lifecycle_configuration")["rule"]
    assert [each["expiration"][0]["days"] for each in rules if each["expiration"]] == [180]
    settings = [each["environment"][0]["variables"] for each in made.all("aws_lambda_function")]
    assert {each["STAGEWRIGHT_FOUR_EYES"] for each in settings} == {"yes" if environment == "prod" else "no"}
    pushed = [each["address"] for each in planned if ".aws_s3_object.manifest" in each["address"]]
    assert pushed == ['module.pipelines["house-price"].aws_s3_object.manifest'] * (environment == "dev")
    readers = made.all("aws_sagemaker_model_package_group_policy")
    assert len(readers) == (environment != "prod")
    sources = [each["principal"] for each in made.all("aws_cloudwatch_event_permission")]
    assert sources == {"dev": [], "uat": [accounts["dev"]], "prod": [accounts["uat"]]}[environment]
