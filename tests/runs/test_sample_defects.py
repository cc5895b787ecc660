"""What AWS's sample framework gets wrong, and what is checked of it here.

docs/migration.md lists every defect with the test that keeps it from being ours; most of those tests are
elsewhere. Here are those that need nothing but the layers up to `run`.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError
from stagewright.local.artifacts import Artifacts
from stagewright.migration.sample.document import convert
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.scripts import Scripts
from stagewright.naming import Installation, job_name, run_id, tuning_job_name
from stagewright.store.typed_values import from_typed

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "migration.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(test_\w+)`")
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
"""SageMaker's job names: botocore's model, TrainingJobName."""
LONG = "demo-dev-domain-cal-house-price-monthly"
HERE = Installation("one", "eu-west-1", "111122223333", "dev")
NOW = datetime(2026, 1, 31, 14, tzinfo=UTC)
STAGE: dict[str, Any] = {"kind": "gate", "require": "1 >= 0"}


def artifacts(**names: str) -> Artifacts:
    place = {"bucket": "one", "region": "eu-west-1", "account": "111122223333", "environment": "dev"} | names
    return Artifacts.read(Installation(**place))


def names(made: Artifacts) -> set[str]:
    kinds = ("tables", "queues", "functions", "rules", "roles", "topics")
    return {each["name"] for kind in kinds for each in made.resources[kind].values()}


def test_the_page_answers_every_defect_with_a_test_or_a_reason() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert [int(number) for number, *_ in rows] == list(range(1, 33))
    there = set(
        re.findall(r"def (test_\w+)", "\n".join(file.read_text() for file in TESTS.rglob("test_*.py")))
    )
    for number, _, _, answer in rows:
        named = NAMED.findall(answer)
        assert named or answer.startswith("none:"), number
        assert set(named) <= there, (number, set(named) - there)


def test_two_events_of_one_day_have_two_names_and_each_keeps_its_unique_end() -> None:
    runs = [run_id(HERE, LONG, f"code:{LONG}:{version}", NOW) for version in ("a", "b")]
    for make in (job_name, tuning_job_name):
        made = [make(run, stage) for run in runs for stage in ("train", "a-stage-with-quite-a-long-name")]
        assert len(set(made)) == len(made)
        assert all(NAME.fullmatch(each) for each in made)
    assert all(len(run) <= 80 for run in runs)
    assert run_id(HERE, LONG, f"code:{LONG}:a", NOW) == runs[0]


def test_two_installations_in_one_account_have_other_runs_on_the_same_schedule() -> None:
    """Jobs are named after runs, and a name is an account's."""
    key = f"schedule:{LONG}:rate(1 day):2026-01-31T14:00Z"
    others = (replace(HERE, environment="prod"), replace(HERE, prefix="another"))
    assert len({run_id(each, LONG, key, NOW) for each in (HERE, *others)}) == 3


def test_another_prefix_names_everything() -> None:
    assert not [
        name for name in names(artifacts(prefix="acme")) if "acme-dev" not in name or "stagewright" in name
    ]


def test_two_installations_in_one_account_share_no_name() -> None:
    made = [names(artifacts(prefix=p, environment=e)) for p in ("a", "b") for e in ("dev", "uat", "prod")]
    assert not [pair for pair in itertools.combinations(made, 2) if pair[0] & pair[1]]


@pytest.mark.parametrize("environment", ["uat", "prod"])
def test_every_environment_has_every_rule_with_its_target(environment: str) -> None:
    first, other = artifacts().resources, artifacts(environment=environment).resources
    assert other["rules"].keys() == first["rules"].keys()
    assert other["rules"]["release"]["name"].startswith(f"stagewright-{environment}-")
    assert all(f"-{environment}-" in rule["target"]["arn"] for rule in other["rules"].values())


def test_no_rule_names_a_pipeline_and_none_has_a_cron_time_of_its_own() -> None:
    rules = artifacts().resources["rules"].values()
    assert all("pipeline_name" not in json.dumps(rule) for rule in rules)
    assert all((rule["schedule"] or "rate(").startswith("rate(") for rule in rules)


def test_roles_name_region_and_account_of_the_installation() -> None:
    text = json.dumps(artifacts(region="eu-west-1").resources["roles"])
    assert "us-east-1" not in text
    assert ":statemachine:" not in text


def test_a_stage_that_is_not_there_is_no_problem() -> None:
    assert list(load({"name": "only", "stages": {"check": STAGE}}).stages) == ["check"]


@pytest.mark.parametrize(("typed", "value"), [("300", 300), ("0.05", 0.05), ("1E+2", 100)])
def test_numbers_of_the_table_are_numbers(typed: str, value: float) -> None:
    found = from_typed({"N": typed})
    assert found == value
    assert json.loads(json.dumps(found)) == value


def test_an_unknown_kind_is_refused_and_not_skipped() -> None:
    with pytest.raises(DocumentError, match="procesing"):
        load({"name": "x", "stages": {"prepare": {"kind": "procesing", "code": "a.py"}}})


def test_transform_and_endpoint_do_not_exclude_each_other() -> None:
    """Everything of an item on: each becomes a stage that is on, and none is after the other."""
    item = {
        "name": "all",
        **dict.fromkeys(("training_job", "create_model", "transform_job", "create_endpoint"), "Y"),
        **dict.fromkeys(("create_endpoint_config", "postprocessing_job"), "Y"),
        "preprocessing": {
            "job_type": "sagemaker-processing", "container_entrypoint": ["python3", "/x.py"],
            "image_url": "own/image:1", "instance_type": "ml.m5.large", "output_test_data_path": "s3://some-bucket/test/",
        },
        "training": {"image_url": "own/image:1", "instance_type": "ml.m5.large"},
        "model_para": {"model_name": "m"},
        "transform_para": {"job_name": "t", "output": "s3://some-bucket/out/"},
        "endpoint_para": {"endpoint_name": "e"},
    }  # fmt: skip
    made = convert(Item(item), Scripts({}))
    stages = load(made.document).stages
    assert all(stage.enabled for stage in stages.values())
    assert stages["transform"].after == stages["endpoint"].after == ()
    assert stages["postprocessing"].after == ("preprocessing", "training", "model", "transform", "endpoint")
    assert "outputs" not in made.document["stages"]["postprocessing"]


def test_what_the_sample_fixes_is_a_field() -> None:
    """Counts, volumes, types of instances, limits and content types."""
    compute = {
        "instance_count": 2,
        "volume_size_gb": 100,
        "max_runtime_seconds": 60,
        "instance_type": "ml.m5.large",
    }
    train = {"kind": "training", "image": "own/image:1", **compute}
    tune = {**train, "kind": "tuning", "max_jobs": 3, "max_parallel_jobs": 1, "objective": {"metric": "a"}}
    tune |= {"metrics": {"a": "a: (.*)"}, "ranges": {"x": {"type": "integer", "min": 1, "max": 2}}}
    score = {
        "kind": "transform",
        "model": "${stages.train.model}",
        "input": "s3://some-bucket/x",
        "content_type": "a/b",
    }
    score |= {"instance_type": "ml.m5.large", "instance_count": 3, "split_by": "None"}
    stages = load({"name": "free", "stages": {"train": train, "tune": tune, "score": score}}).stages
    assert stages["train"].volume_size_gb == 100
    assert stages["tune"].max_jobs == 3
    assert stages["score"].content_type == "a/b"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"job_type": "lambda"}, {"kind": "lambda", "function": "clean"}),
        ({"job_type": "glue-python"}, {"kind": "glue", "type": "pythonshell", "code": "clean.py"}),
        (
            {"job_type": "glue-spark", "number_of_dpu_job": 5, "worker_type_job": "G.1X"},
            {"kind": "glue", "type": "spark", "code": "clean.py", "workers": 5, "worker_type": "G.1X"},
        ),
    ],
)
def test_a_lambda_or_glue_step_keeps_its_name(given: dict[str, Any], made: dict[str, Any]) -> None:
    data = {"output_train_data_path": "s3://some-bucket/train/"}
    item = {"name": "x", "preprocessing": {"job_name": "clean", **given, **data}}
    item |= {"training": {"image_url": "own/image:1", "instance_type": "ml.m5.large"}, "training_job": "Y"}
    document = convert(Item(item), Scripts({"clean.py": b""})).document
    assert made.items() <= document["stages"]["preprocessing"].items()
    assert document["stages"]["training"]["channels"] == {"train": "s3://${bucket}/train/"}
    assert load(document).stages["training"].after == ("preprocessing",)


def test_a_transform_of_a_file_with_header_and_label_is_told() -> None:
    item = {
        "name": "x",
        "preprocessing": {
            "job_type": "lambda",
            "job_name": "f",
            "output_test_data_path": "s3://some-bucket/t/",
        },
        "training": {"image_url": "own/image:1", "instance_type": "ml.m5.large"},
        "model_para": {"model_name": "m"},
        "transform_job": "Y",
        "transform_para": {"output": "s3://some-bucket/out/"},
    }
    notes = convert(Item(item), Scripts({})).notes
    assert any("header and the label" in note.reason for note in notes)
