"""What `init` makes, what it refuses, and that the repository works where it stands."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.support.command_line import CommandLine

from stagewright import __version__
from stagewright.api import documents
from stagewright.api.target import configured_targets, validated_settings
from stagewright.cli.commands.author import demo, init, package_source, repository
from stagewright.cli.commands.author.init_options import CI, Accounts, Example
from stagewright.cli.common.command_hints import program
from stagewright.document.file import read_document, read_overlay
from stagewright.errors import DocumentError, NotFoundError, ReleaseError, StagewrightError
from stagewright.local import environments
from stagewright.runs.releases.named_files import code_findings, sample_findings

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_init_writes_a_valid_example_for_every_environment(here: Path) -> None:
    init.command(Path("demo"), example=Example.HOUSE_PRICE)
    made = here / "demo" / "pipelines" / "house-price"
    assert (made / "code" / "train.py").read_bytes() == (demo.CHECKOUT / "code" / "train.py").read_bytes()
    pipeline = read_document(made / "pipeline.yaml", code_findings, sample_findings)
    example = read_document(demo.CHECKOUT / "pipeline.yaml")
    own = tuple(each for each in example.triggers if each.type != "upstream")
    assert len(own) == len(example.triggers) - 1
    assert pipeline == example.model_copy(update={"triggers": own})
    for environment in ("uat", "prod"):
        place = made / "environments" / f"{environment}.yaml"
        assert read_overlay(place, made, pipeline, code_findings)


def test_next_command_enters_no_folder_that_is_the_current_one(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init.command(here)
    assert capsys.readouterr().out.endswith(f"next: {program()} new NAME --from train.py\n")


def test_pipeline_option_renames_the_example_everywhere(here: Path) -> None:
    init.command(Path("demo"), example=Example.HOUSE_PRICE, pipeline="rents")
    pipeline = read_document(Path("demo/pipelines/rents/pipeline.yaml"), code_findings, sample_findings)
    assert pipeline.name == "rents"
    assert list(pipeline.sample_data) == ["raw/rents/"]
    made = [path for path in (here / "demo").rglob("*") if path.is_file()]
    texts = [path.read_text() for path in made if path.suffix not in (".csv", ".json", ".py")]
    assert [text for text in texts if "house-price" in text] == []


def test_readme_copies_the_data_to_the_path_of_the_first_run(here: Path) -> None:
    init.command(Path("demo"), example=Example.HOUSE_PRICE, pipeline="rents", bucket="ml-{environment}")
    (line,) = [
        each for each in Path("demo/README.md").read_text().splitlines() if each.startswith("aws s3 cp")
    ]
    source, target = line.split()[3:]
    assert Path("demo", source).is_file()
    pipeline = read_document(Path("demo/pipelines/rents/pipeline.yaml"))
    (prefix,) = pipeline.sample_data
    assert target == f"s3://ml-dev/{prefix}"
    assert source.endswith(pipeline.sample_data[prefix])


@pytest.mark.parametrize("name", ["house-price", "rents"])
def test_init_files_name_no_missing_pipeline(here: Path, name: str) -> None:
    init.command(Path("demo"), example=Example.HOUSE_PRICE, pipeline=name)
    folder = here / "demo" / "pipelines" / name
    assert [each.type for each in read_document(folder / "pipeline.yaml").triggers] == ["code"]
    assert [path for path in folder.glob("*.*") if f"{name}-watch" in path.read_text()] == []


def test_repository_has_no_pipeline_unless_one_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init.command(Path("demo"))
    assert "next: cd demo && stagewright new NAME --from train.py" in capsys.readouterr().out
    assert files(here / "demo/pipelines") == {".gitkeep"}
    texts = {path.name: path.read_text() for path in (here / "demo").rglob("*") if path.is_file()}
    assert [name for name, text in texts.items() if "house" in text] == [repository.SCHEMA]
    init.command(Path("own"), pipeline="churn")
    assert "next: cd own && stagewright run churn" in capsys.readouterr().out
    document = Path("own/pipelines/churn/pipeline.yaml")
    assert read_document(document, code_findings, sample_findings).name == "churn"
    assert document.read_text().startswith("# yaml-language-server: $schema=../../pipeline.schema.json\n")


@pytest.mark.parametrize("options", [{}, {"pipeline": "churn"}, {"example": Example.HOUSE_PRICE}])
def test_unit_tests_of_a_new_repository_pass(here: Path, options: dict) -> None:
    init.command(Path("demo"), **options)
    if options.get("example"):  # they need pandas
        assert (here / "demo/tests/test_prepare.py").is_file()
        return
    command = [sys.executable, "-m", "unittest", "discover", "-s", "tests"]
    done = subprocess.run(command, cwd="demo", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 1 test" in done.stderr
    script = here / "demo/pipelines/churn/code/train.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("def")
    broken = subprocess.run(command, cwd="demo", capture_output=True, text=True, check=False)
    assert broken.returncode == 1
    assert "churn/code/train.py" in broken.stderr


INSTALLED = {
    None: f"stagewright[all]=={__version__}\n",
    "archive": "stagewright[all] @ file:///wheels/stagewright-1-py3-none-any.whl\n",
    "git": "stagewright[all] @ git+https://git.example.com/ml/stagewright.git@v1\n",
    "folder": "stagewright[all] @ git+https://gitlab.example.com/platform/stagewright.git@v",
}
RECORDED = {
    "archive": {"url": "file:///wheels/stagewright-1-py3-none-any.whl", "archive_info": {}},
    "git": {
        "url": "https://git.example.com/ml/stagewright.git",
        "vcs_info": {"vcs": "git", "commit_id": "1" * 40, "requested_revision": "v1"},
    },
    "folder": {"url": "file:///home/me/stagewright", "dir_info": {"editable": True}},
}


@pytest.mark.parametrize("origin", INSTALLED)
def test_requirements_install_stagewright_from_where_it_came(
    here: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None
) -> None:
    class Distribution:
        def read_text(self, _name: str) -> str | None:
            return json.dumps(RECORDED[origin]) if origin else None

    monkeypatch.setattr(package_source.metadata, "distribution", lambda _name: Distribution())
    init.command(Path("demo"))
    assert (here / "demo/requirements.txt").read_text().startswith(INSTALLED[origin])
    steps = re.findall(r"^\d\. (.*)$", (here / "demo/README.md").read_text(), re.MULTILINE)
    assert ("before you install it with pip" in steps[0]) is (origin == "folder")
    assert any("file of this machine" in step for step in steps) is (origin == "archive")
    init.command(
        Path("index"), index_url="https://packages.example.com/simple/", modules="acme/stagewright/aws"
    )
    expected = f"--index-url https://packages.example.com/simple/\nstagewright[all]=={__version__}\n"
    assert (here / "index/requirements.txt").read_text() == expected
    assert "gitlab.example.com/platform" not in (here / "index/infra/main.tf").read_text()


def test_documents_refer_to_the_schema(here: Path) -> None:
    init.command(Path("demo"), example=Example.HOUSE_PRICE)
    document = here / "demo" / "pipelines" / "house-price" / "pipeline.yaml"
    named = document.read_text().partition("$schema=")[2].split()[0]
    schema = json.loads((document.parent / named).read_text())
    assert "stages" in schema["properties"]


REJECTED = [
    ({"kms_key": ["alias/ours"]}, "--kms-key: 'alias/ours' is not valid"),
    ({"kms_key": [KEY, KEY]}, "--kms-key: is given twice for the same environment"),
    ({"permissions_boundary": ["dev=boundary"]}, "--permissions-boundary: 'dev=boundary' is not valid"),
    ({"data_buckets": ["s3://lake"]}, "--data-bucket: 's3://lake' is not valid"),
    ({"output_locations": ["s3://lake/x"]}, "--output-location: 's3://lake/x' is not valid"),
    ({"output_locations": ["dev=s3://lake/*/"]}, "--output-location: 'dev=s3://lake/*/' is not valid"),
    ({"tags": ["team"]}, "--tag: 'team' is not valid"),
    ({"tags": ["AWS:team=a"]}, "--tag: 'AWS:team=a' is not valid"),
    ({"tags": ["note=${b}"]}, "--tag: 'note=${b}' is not valid"),
    ({"enforce_job_settings": True}, "--enforce-job-settings: there are no settings to enforce"),
    ({"subnets": ["dev=subnet-1"], "security_groups": ["uat=sg-1"]}, "--subnet: subnets and security groups"),
]


@pytest.mark.parametrize(("options", "message"), REJECTED)
def test_values_of_an_organization_are_checked(here: Path, options: dict, message: str) -> None:
    with pytest.raises(DocumentError) as rejected:
        init.command(Path("demo"), **options)
    assert str(rejected.value.problems[0]).startswith(message)
    assert not Path("demo").exists()


def test_organization_values_go_to_their_environment(here: Path) -> None:
    init.command(
        Path("demo"),
        kms_key=[f"prod={KEY}"],
        tags=["team=prices"],
        subnets=["subnet-1", "dev=subnet-2"],
        security_groups=["sg-1"],
    )
    dev, prod = (Path(f"demo/infra/envs/{name}.tfvars").read_text() for name in ("dev", "prod"))
    assert f'kms_key_arn = "{KEY}"' in prod
    assert "kms_key_arn =" not in dev
    assert 'job_subnet_ids         = ["subnet-2"]' in dev
    assert 'job_subnet_ids         = ["subnet-1"]' in prod
    assert 'tags = { "team" = "prices" }' in dev


CHOICES = [*itertools.product(CI, Accounts, (True, False))]


@pytest.mark.parametrize(("ci", "accounts", "three"), CHOICES)
def test_every_file_is_complete_for_every_option(here: Path, ci: CI, accounts: Accounts, three: bool) -> None:
    more = (
        {"bucket": "ml-{environment}", "subnets": ["subnet-1"], "security_groups": ["sg-1"]} if three else {}
    )
    init.command(Path("demo"), ci=ci, accounts=accounts, region="eu-west-1", prefix="team", **more)
    made = here / "demo"
    assert (".gitlab-ci.yml" in files(made)) is (ci in (CI.GITLAB, CI.BOTH))
    roles = (made / "infra/ci/main.tf").read_text()
    assert ("  gitlab = {" in roles) is (ci in (CI.GITLAB, CI.BOTH))
    assert ("  terraform_cloud = {" in roles) is (ci in (CI.TERRAFORM_CLOUD, CI.BOTH))
    for folder in ("infra", "infra/ci"):
        cloud = "cloud {" in (made / folder / "backend.tf").read_text()
        assert cloud is (ci in (CI.TERRAFORM_CLOUD, CI.BOTH))
        lock = (made / folder / ".terraform.lock.hcl").read_text()
        assert 'provider "registry.terraform.io/hashicorp/aws"' in lock
        assert len(re.findall(r'"zh:[0-9a-f]{64}"', lock)) == 15
    for path in (made / ".pre-commit-config.yaml", *made.glob(".gitlab-ci.yml"), *made.rglob("*.yaml")):
        assert yaml.safe_load(path.read_text()), path
    targets = configured_targets(made)
    assert list(targets) == ["dev", "uat", "prod"]
    for name, target in targets.items():
        settings = validated_settings(name, target)
        assert (settings["region"], settings["prefix"], settings["environment"]) == (
            "eu-west-1",
            "team",
            name,
        )
        assert settings.get("profile") == (name if accounts is Accounts.THREE else None)
        values = (made / "infra" / "envs" / f"{name}.tfvars").read_text()
        assert f'"{settings["bucket"]}"' in values
        assert ("account_id = null" in values) is (accounts is Accounts.THREE)
        assert ('subnet_ids         = ["subnet-1"]' in values) is three
        assert ("create_bucket = false" in values) is three
    assert len({target["bucket"] for target in targets.values()}) == 3


def test_source_is_used_in_both_modules_and_in_requirements(here: Path) -> None:
    init.command(Path("demo"), source="https://git.example.com/ml/stagewright.git", ref="v9")
    main = (here / "demo/infra/main.tf").read_text()
    address = 'source = "git::https://git.example.com/ml/stagewright.git//infra'
    assert address + '?ref=v9"' in main
    assert address.replace("source =", "source   =") + '/modules/pipeline?ref=v9"' in main
    requirement = (here / "demo/requirements.txt").read_text()
    assert requirement == "stagewright[all] @ git+https://git.example.com/ml/stagewright.git@v9\n"


def test_readme_numbers_its_steps(here: Path) -> None:
    init.command(Path("demo"), bucket="ml-{environment}")
    init.command(Path("own"), bucket="ml-{environment}", source="https://git.example.com/ml/stagewright.git")
    steps = {
        name: re.findall(r"^(\d)\. (.{12})", (here / name / "README.md").read_text(), re.MULTILINE)
        for name in ("demo", "own")
    }
    assert [number for number, _ in steps["demo"]] == ["1", "2", "3", "4", "5", "6"]
    assert [number for number, _ in steps["own"]] == ["1", "2", "3", "4", "5"]
    assert steps["demo"][0][1] == "Replace `htt"
    assert [text for _, text in steps["demo"][1:]] == [text for _, text in steps["own"]]


def test_init_accepts_the_current_folder_and_a_source_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "demo").mkdir()
    monkeypatch.chdir(here / "demo")
    init.command(Path(), source="../checkout")
    assert (here / "demo" / "README.md").read_text().startswith("# demo\n")
    assert f'"{here}/checkout//infra"' in (here / "demo/infra/main.tf").read_text()
    assert f"@ file://{here}/checkout\n" in (here / "demo/requirements.txt").read_text()
    assert [path.name for path in here.iterdir()] == ["demo"]
    assert "tmp" not in " ".join(path.name for path in (here / "demo").iterdir())


def test_init_accepts_a_folder_with_only_git(here: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "demo"], check=True)
    init.command(Path("demo"))
    assert (here / "demo" / "README.md").is_file()
    assert (here / "demo" / ".git" / "HEAD").is_file()
    done = subprocess.run(
        ["git", "status", "--short", "--untracked-files=all"],
        cwd="demo",
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == len(files(here / "demo")) - len(files(here / "demo" / ".git"))


def test_init_leaves_a_folder_with_files_unchanged(here: Path) -> None:
    (here / "demo").mkdir()
    (here / "demo" / "mine.txt").write_text("mine")
    with pytest.raises(ReleaseError, match=r"demo is not empty: mine.txt") as refused:
        init.command(Path("demo"))
    assert "does not exist" in refused.value.remedy
    with pytest.raises(ReleaseError, match=r"mine.txt is a file"):
        init.command(Path("demo/mine.txt"))
    assert files(here) == {"demo/mine.txt"}


def test_failed_init_leaves_no_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = repository.files

    def too_long(choices):
        return {**whole(choices), "x" * 300: b""}

    monkeypatch.setattr(repository, "files", too_long)
    with pytest.raises(ReleaseError, match="demo cannot be created: File name too long"):
        init.command(Path("demo"))
    assert list(here.iterdir()) == []


def test_init_reports_every_invalid_option_and_writes_nothing(here: Path) -> None:
    with pytest.raises(DocumentError) as refused:
        init.command(
            Path("demo"), pipeline="House", region="Frankfurt", prefix="My_Team", bucket="ml", source='"; x',
            state_bucket="A_b", subnets=["subnet-1"], ci=CI.TERRAFORM_CLOUD,
        )  # fmt: skip
    assert [problem.path for problem in refused.value.problems] == [
        "--pipeline", "--prefix", "--region", "--bucket", "--bucket", "--state-bucket", "--state-bucket",
        "--subnet", "--source",
    ]  # fmt: skip
    assert "ml-{environment}" in str(refused.value)
    assert list(here.iterdir()) == []


def test_bucket_with_capitals_is_rejected(here: Path) -> None:
    with pytest.raises(DocumentError, match=r"--bucket: 'ML-prod' is not a valid bucket name"):
        init.command(Path("demo"), bucket="ML-{environment}")


def test_name_is_looked_up_in_pipelines(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init.command(Path("demo"), example=Example.HOUSE_PRICE)
    with pytest.raises(NotFoundError, match="or in pipelines"):
        documents.path_of("house-price")
    monkeypatch.chdir("demo")
    assert documents.path_of("house-price") == Path("pipelines/house-price/pipeline.yaml")
    Path("house-price").mkdir()
    Path("house-price/pipeline.yaml").write_text("name: mine\n")
    assert documents.path_of("house-price") == Path("house-price/pipeline.yaml")


@pytest.mark.slow
@pytest.mark.e2e
def test_commands_of_the_created_readme_work(here: Path) -> None:
    try:
        environments.resolve("sklearn-1.4")
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")
    command = CommandLine(here)
    command.command = [sys.executable, "-c", "from stagewright.cli.app import main; main()"]
    done = command("init", "demo", "--example", "house-price")
    assert done.returncode == 0, done.stderr
    assert "next: cd demo && stagewright run house-price" in done.stdout
    command.folder = here / "demo"
    record = command.json("run", "house-price")
    assert record["status"] == "SUCCEEDED"
    again = command.json("plan", "house-price")
    actions = {stage["name"]: stage["action"] for stage in again["stages"]}
    assert set(actions.values()) == {"reuse", "skip"}
    assert tomllib.loads((command.folder / "stagewright.toml").read_text())["targets"].keys() == {
        "dev",
        "uat",
        "prod",
    }


BAD_CI_OPTIONS = {
    "gitlab-url": ({"gitlab_url": "https://gitlab.example.com/"}, "without a port or a slash at its end"),
    "gitlab-port": (
        {"gitlab_url": "https://gitlab.example.com:8443"},
        "without a port or a slash at its end",
    ),
    "gitlab-url-http": ({"gitlab_url": "http://gitlab.example.com"}, "is not the address of a GitLab server"),
    "project": ({"gitlab_project": -1}, "must be a number above 0"),
    "organization": ({"ci": CI.BOTH, "organization": "my org"}, "is not the name of a Terraform Cloud"),
    "unused-project": (
        {"ci": CI.TERRAFORM_CLOUD, "gitlab_project": 42},
        "--gitlab-project: --ci terraform-cloud does not use it",
    ),
    "unused-organization": ({"organization": "acme"}, "--organization: --ci gitlab does not use it"),
    "state-bucket": ({"ci": CI.BOTH, "state_bucket": "states"}, "Terraform Cloud stores the state itself"),
    "modules": ({"modules": "git@example.com:modules"}, "is neither a module of a registry nor an archive"),
    "index": ({"index_url": "packages.example.com"}, "is not the address of a package index"),
    "index-password": ({"index_url": "https://me:" + "secret@packages.example.com"}, "without a password"),
    "index-source": (
        {"index_url": "https://packages.example.com", "source": "https://git.example.com/a.git"},
        "--index-url: --source names another origin",
    ),
    "modules-file": ({"modules": "https://example.com/modules"}, "neither a module of a registry nor"),
}


@pytest.mark.parametrize("case", BAD_CI_OPTIONS)
def test_ci_options_that_cannot_work_are_rejected(here: Path, case: str) -> None:
    options, message = BAD_CI_OPTIONS[case]
    with pytest.raises(DocumentError) as refused:
        init.command(Path("demo"), **options)
    assert message in str(refused.value)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("app.terraform.io/acme/stagewright/aws", "app.terraform.io/acme/stagewright/aws{}"),
        ("acme/stagewright/aws", "acme/stagewright/aws{}"),
        (
            "s3::https://s3.eu-west-1.amazonaws.com/m/s.tar.gz",
            "s3::https://s3.eu-west-1.amazonaws.com/m/s.tar.gz{}",
        ),
    ],
)
def test_modules_option_replaces_git_in_every_module(here: Path, address: str, expected: str) -> None:
    init.command(Path("demo"), modules=address, ref="v1.2.3")
    text = (here / "demo/infra/main.tf").read_text() + (here / "demo/infra/ci/main.tf").read_text()
    sources = re.findall(r'^  source +=? *= "(.*)"$|^  source += "(.*)"$', text, re.MULTILINE)
    found = {first or second for first, second in sources}
    assert found == {expected.format(part) for part in ("", "//modules/pipeline", "//modules/ci")}
    versions = re.findall(r'^  version += "(.*)"$', text, re.MULTILINE)
    assert versions == (["1.2.3"] * 3 if "s3::" not in address else [])
    assert "git::" not in text
