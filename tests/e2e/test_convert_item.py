"""An item and scripts in the form of AWS's sample, imported and run unchanged on the local target.

The item has the sample's keys in DynamoDB JSON. The scripts work as the sample's do. A shell script installs
requirements and starts another script, which writes to S3 itself. The script in the script-mode tarball
declares its options with hyphens, where the item has underscores.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support import commands
from tests.support.sample_item import ITEM, SCRIPT, SCRIPTS
from tests.support.tarballs import tarball

from stagewright.errors import StagewrightError
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.migration.sample.document import convert
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.scripts import Scripts

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

JOBS = json.dumps({"output_locations": ["s3://stagewright-local/terraform-demo/"]})
"""Where the item's jobs write."""


def typed(value: Any) -> dict[str, Any]:
    """DynamoDB's JSON, as `aws dynamodb get-item` prints it."""
    match value:
        case dict():
            return {"M": {name: typed(each) for name, each in value.items()}}
        case list():
            return {"L": [typed(each) for each in value]}
        case int():
            return {"N": str(value)}
    return {"S": value}


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else name)
    else:
        yield path


class Place:
    """A folder with an item, its scripts and a server; `stagewright` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, local.up(folder / "state")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        self.environment["STAGEWRIGHT_STATE"] = str(folder / "state")
        (folder / "scripts").mkdir()
        for name, text in SCRIPTS.items():
            (folder / "scripts" / name).write_text(text)
        (folder / "scripts" / "source.tar.gz").write_bytes(tarball({"script.py": SCRIPT}))

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.stagewright(arguments, self.folder, self.environment)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def imported(self, to: str, plain: bool = False, **changes: Any) -> Any:
        item = ITEM | changes
        data = item if plain else {"Item": typed(item)["M"]}
        (self.folder / "item.json").write_text(json.dumps(data))
        return self.json("import", "item.json", "--scripts", "scripts", "--to", to)

    def ran(self, to: str) -> dict[str, Any]:
        """The stages of a run that ended well."""
        record = self.json("run", to)
        assert record["status"] == "SUCCEEDED", record
        return {stage["name"]: stage for stage in record["stages"]} | {"": record}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STAGEWRIGHT_JOBS", JOBS)
        made = Place(tmp_path_factory.mktemp("import"))
    yield made
    local.down(made.folder / "state")


@pytest.fixture(scope="module")
def client(place: Place) -> Callable[[str], Any]:
    server = place.server
    return lambda service: boto3.client(
        service, endpoint_url=server.url, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key, region_name=INSTALLATION.region,
    )  # fmt: skip


def test_imported_item_and_scripts_run_unchanged(place: Place, client: Callable[[str], Any]) -> None:
    said = place.imported("made")
    code = place.folder / "made" / "code"
    files = SCRIPTS | {"script.py": SCRIPT}
    assert {path.name: path.read_text() for path in code.iterdir()} == files
    stages = place.ran("made")
    run = stages[""]["run"]
    assert {
        name: stages[name]["status"] for name in ("preprocessing", "training", "model", "endpoint")
    } == dict.fromkeys(("preprocessing", "training", "model", "endpoint"), "SUCCEEDED")
    assert {name: stages[name]["status"] for name in ("tuning", "transform")} == {
        "tuning": "SKIPPED", "transform": "SKIPPED",
    }  # fmt: skip
    assert (
        stages["training"]["metrics"]["trees"] == 30
    )  # the sample trains 10: its script never sees n_estimators
    bucket = INSTALLATION.bucket
    listed = client("s3").list_objects_v2(Bucket=bucket, Prefix="terraform-demo/")["Contents"]
    assert {each["Key"] for each in listed} >= {
        f"terraform-demo/sklearn-dataset/{run}/{name}/diabetes_{name}.csv" for name in ("train", "test")
    }
    answer = client("sagemaker-runtime").invoke_endpoint(
        EndpointName="demo-endpoint",
        ContentType="text/csv",
        Accept="application/json",
        Body="0.01,0.02,0.03,0.04\n0,0,0,0",
    )
    assert 25 < json.loads(answer["Body"].read())[0] < 346
    assert said["files"] == sorted(files)


def test_second_run_reuses_results_and_changed_hyperparameter_trains(place: Place) -> None:
    """Depends on the previous test. Only changed stages run."""
    record = place.ran("made")
    assert {record[name]["status"] for name in ("preprocessing", "training", "model", "endpoint")} == {
        "REUSED"
    }
    place("set", "made", "stages.training.hyperparameters.n-estimators=20")
    record = place.ran("made")
    assert record["preprocessing"]["status"] == "REUSED"
    assert record["training"]["metrics"]["trees"] == 20


def test_tuning_without_training_provides_the_model(place: Place) -> None:
    """In the sample, no stage reads the tuning result, and a model without training fails."""
    place.imported(
        "tuned", plain=True, name="demo-tuned", tuning_job="Y", training_job="N", create_endpoint="N"
    )
    document = place.folder / "tuned" / "pipeline.yaml"
    document.write_text(document.read_text().replace("max_jobs: 10", "max_jobs: 2"))
    stages = place.ran("tuned")
    best = stages["tuning"]["result"]
    assert 20 <= stages["tuning"]["metrics"]["trees"] <= 40
    assert stages["training"]["status"] == "SKIPPED"
    assert "n-estimators" in best["hyperparameters"]
    requests = place.json("plan", "tuned")
    model = next(stage for stage in requests["stages"] if stage["name"] == "model")
    assert model["action"] == "reuse"


def changed(item: Any, path: list[str]) -> Any:
    """The item with another text there."""
    if not path:
        return [*item[:-1], "other"] if isinstance(item, list) else f"{item}9"
    return item | {path[0]: changed(item[path[0]], path[1:])}


def converted(item: Any) -> tuple[Any, set[str], Any]:
    """Document, places that notes are about, notes; or the error."""
    read = Item(item)
    packed = SCRIPTS | {"script.py": SCRIPT}
    scripts = Scripts({name: text.encode() for name, text in packed.items()}, frozenset({"script.py"}))
    try:
        made = convert(read, scripts)
    except StagewrightError as error:
        return str(error), set(), None
    return made.document, {note.path for note in made.notes}, made.notes


@pytest.mark.parametrize("path", list(leaves(ITEM)))
def test_every_item_entry_changes_the_document_or_is_noted(path: str) -> None:
    """Another value changes the document, or a note reports that the entry is not used."""
    before, after = converted(ITEM), converted(changed(ITEM, path.split(".")))
    archive = path.lower().endswith(
        "sagemaker_submit_directory"
    )  # only its file's name counts, for --scripts
    assert before[0] != after[0] or path in after[1] or archive


def test_unused_item_entries_are_noted() -> None:
    document, listed, notes = converted(ITEM | {"owner": {"team": "risk", "mail": ["x"]}})
    assert {"retention", "app", "sagemaker_role_arn", "owner.team", "owner.mail"} <= listed
    assert all(str(note) for note in notes)
    assert document["stages"]["training"]["hyperparameters"]["n-estimators"] == 30


def test_invalid_item_writes_no_files(place: Place, tmp_path: Path) -> None:
    def refused(item: Any, *more: str) -> str:
        (tmp_path / "item.json").write_text(item if isinstance(item, str) else json.dumps(item))
        done = place("import", str(tmp_path / "item.json"), "--to", str(tmp_path / "made"), *more)
        assert done.returncode in (2,), done.stdout + done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["item.json"]
        return done.stderr

    scripts = ("--scripts", str(place.folder / "scripts"))
    assert "not JSON" in refused("{")
    assert "bash_script.sh, which the scripts do not have" in refused(ITEM)
    assert "training_job: must be Y or N, not 'yes'" in refused(ITEM | {"training_job": "yes"}, *scripts)
    broken = ITEM | {"preprocessing": ITEM["preprocessing"] | {"container_argument": "--x"}}
    assert "preprocessing.container_argument: must be a list" in refused(broken, *scripts)
    assert "no section for a stage" in refused({"name": {"S": "x"}}, *scripts)
    unread = ITEM | {
        "tuning": ITEM["tuning"] | {"hyperparametejobobjective": {"MetricName": "R2", "Type": "Minimize"}}
    }
    assert "R2" in refused(unread, *scripts)
