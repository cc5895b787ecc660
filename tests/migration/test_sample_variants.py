"""Items of AWS's sample in every variant: what the conversion writes, the reader of documents takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.sample_item import IMAGE, ITEM, SCRIPT, SCRIPTS

from stagewright.cli.commands.author.convert import write
from stagewright.document.file import read_document
from stagewright.document.pipeline import Pipeline
from stagewright.migration.converted import ConvertedPipeline
from stagewright.migration.sample.document import convert
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.scripts import Scripts

STAGES = {
    "training_job": "training",
    "tuning_job": "tuning",
    "create_model": "model",
    "transform_job": "transform",
    "create_endpoint": "endpoint",
}
SWITCHES = (*STAGES, "postprocessing_job")
GLUE = {"job_type": "glue-spark", "number_of_dpu_job": "10", "worker_type_job": "G.1X"}
JOB_TYPES: dict[str, dict[str, Any]] = {
    "sagemaker-processing": {},
    "lambda": {"job_type": "lambda"},
    "glue-python": {"job_type": "glue-python"},
    "glue-spark": GLUE,
    "unknown": {"job_type": "emr"},
}
TRICKY = ["n", "y", "on", "No", "~", "=", "<<", "1e3", "0x1F", "010", "12:30", "2026-01-01", ".inf", "NaN"]
TRICKY += ["Infinity", "-0", "-0.0", "12345678901234567890", "1e400", "null", "true", "", "${bucket}", "a: b"]
TRICKY += [
    "# x",
    "- x",
    "two\nlines\n",
    " indented\n",
    "tab\t",
    "\u2028",
    "{a",
    "[",
    "*a",
    "&a",
    "!t",
    "%",
    "@",
]
TEXTS = st.sampled_from(TRICKY) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12
)


def item(job_type: str, switches: dict[str, str]) -> dict[str, Any]:
    config = {"create_endpoint_config": switches.get("create_endpoint", "N")}
    preprocessing = ITEM["preprocessing"] | JOB_TYPES[job_type]
    return ITEM | switches | config | {"preprocessing": preprocessing}


def converted(item: dict[str, Any]) -> ConvertedPipeline:
    files = {**SCRIPTS, "proc-job.py": "print()", "script.py": SCRIPT}
    packed = {name: text.encode() for name, text in files.items()}
    return convert(Item(item), Scripts(packed, frozenset({"script.py"})))


def read_back(result: ConvertedPipeline, folder: Path) -> Pipeline:
    """What the reader of documents makes of the written folder."""
    write(result, {}, folder, "item.json")
    return read_document(folder / "pipeline.yaml")


def switches() -> Iterator[dict[str, str]]:
    """All on, all off, each alone on, and each alone off."""
    for rest, one in ("YN", "NY"):
        yield dict.fromkeys(SWITCHES, rest)
        for name in SWITCHES:
            yield dict.fromkeys(SWITCHES, rest) | {name: one}


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_each_stage_on_and_off_is_read_back(tmp_path: Path, job_type: str) -> None:
    """Each stage is in the document, on or off as its switch says, or a note says why it is not."""
    for number, choice in enumerate(switches()):
        result = converted(item(job_type, choice))
        stages = read_back(result, tmp_path / str(number)).stages
        notes = {note.path for note in result.notes}
        for switch, stage in STAGES.items():
            wanted = choice[switch] == "Y"
            assert stages[stage].enabled == wanted if stage in stages else switch in notes
        assert ("preprocessing" in stages) == (job_type != "unknown")
        assert "postprocessing" in stages or "postprocessing_job" in notes


@pytest.mark.parametrize("job_type", JOB_TYPES)
@pytest.mark.parametrize("absent", ["preprocessing", "training", "tuning", "model_para", "transform_para"])
def test_item_without_a_section_is_read_back(tmp_path: Path, job_type: str, absent: str) -> None:
    """Its switch is off."""
    switch = {"training": "training_job", "tuning": "tuning_job", "model_para": "create_model"}
    off = {switch.get(absent, "transform_job"): "N"}
    data = item(job_type, off | ({"tuning_job": "Y"} if absent == "training" else {}))
    data["tuning"] = data["tuning"] | {"image_url": IMAGE}
    read_back(converted({k: v for k, v in data.items() if k != absent}), tmp_path / "made")


@settings(max_examples=40)
@given(
    values=st.dictionaries(TEXTS, TEXTS, max_size=4),
    arguments=st.lists(TEXTS, max_size=3),
    variables=st.dictionaries(st.sampled_from(["n", "y", "ON", "No", "null"]), TEXTS, max_size=3),
)
def test_any_text_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[str, str],
    arguments: list[str],
    variables: dict[str, str],
) -> None:
    """Hyperparameters, arguments and variables, with their names: whatever YAML makes of such text."""
    data = item("sagemaker-processing", {"tuning_job": "Y"})
    data["training"] = data["training"] | {"hyperparameters": data["training"]["hyperparameters"] | values}
    data["preprocessing"] = data["preprocessing"] | {"container_argument": arguments}
    data["model_para"] = {"environment": data["model_para"]["environment"] | variables}
    result = converted(data)
    assert_equal(read_back(result, tmp_path_factory.mktemp("made") / "made"), result)


def assert_equal(pipeline: Pipeline, result: ConvertedPipeline) -> None:
    from stagewright.document.canonical_json import document_json
    from stagewright.document.load import load

    assert document_json(pipeline) == document_json(load(result.document))


def test_list_that_two_stages_share_is_written_twice(tmp_path: Path) -> None:
    shared = ["a", "b"]
    stage = {"kind": "processing", "code": "p.py", "arguments": shared, "instance_type": "ml.m5.large"}
    document = {
        "name": "x",
        "defaults": {"image": "sklearn-1.4"},
        "stages": {"one": stage, "two": dict(stage)},
    }
    pipeline = read_back(ConvertedPipeline(document, {"p.py": b""}, ()), tmp_path / "made")
    assert [stage.arguments for stage in pipeline.stages.values()] == [("a", "b"), ("a", "b")]
