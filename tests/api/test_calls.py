"""The calls of a notebook, in this process, against a local server."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, tiny

import stagewright as sw
from stagewright.local import server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder, with the pipeline `tiny`. Its temporary server ends with the module."""
    path = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        state = tiny(path).state
        patch.setenv("STAGEWRIGHT_STATE", str(state))
        patch.delenv("STAGEWRIGHT_TARGET", raising=False)
        patch.chdir(path)
        try:
            yield path
        finally:
            sw.close()
    assert server.find(state) is None


@pytest.fixture(scope="module")
def run(folder: Path) -> sw.Run:
    return sw.run(".", parameters={"factor": 3}).wait(timeout=300)


def test_run_has_state_metrics_and_results(run):
    assert (run.status, run.is_open, run.pipeline) == ("SUCCEEDED", False, "tiny")
    assert run.parameters == {"factor": 3}
    assert run.metrics == {"total.total": 6.0, "fit.product": 18.0}
    assert list(run.stages) == ["total", "fit", "check", "serve"]
    assert run.stages["fit"].model.startswith("s3://")
    assert run.stages["fit"].model.endswith("model.tar.gz")
    assert run.stages["total"].outputs["total"].startswith("s3://")
    assert run.stages["serve"].endpoint == "tiny-local"
    assert run.stages["fit"].seconds > 0
    assert run.seconds > 0
    assert any("product: 18.0" in line.text for line in run.stages["fit"].logs())
    assert any(line.source == "total" for line in run.logs())


def test_run_prints_well_in_a_notebook(run):
    page = run._repr_html_()
    assert run.id in page
    assert "<td>fit</td><td>SUCCEEDED</td>" in page
    assert run.stages["fit"]._repr_html_().count("<tr>") == 2
    assert repr(run) == f"<Run {run.id}: SUCCEEDED>"


def test_plan_starts_nothing(run):
    before = [each.id for each in sw.runs("tiny")]
    plan = sw.plan(".", parameters={"factor": 4})
    assert plan.stages["total"].action == "reuse"
    assert plan.stages["fit"].action == "run"
    assert plan.stages["fit"].requests["CreateTrainingJob"]
    assert "<td>fit</td>" in plan._repr_html_()
    assert plan.to_json()["pipeline"] == "tiny"
    assert [each.id for each in sw.runs("tiny")] == before


def test_stages_are_selected_as_on_the_command_line(run):
    plan = sw.plan(".", parameters={"factor": 3}, start="fit", skip=["serve"])
    actions = {name: stage.action for name, stage in plan.stages.items()}
    assert actions == {"total": "reuse", "fit": "run", "check": "run", "serve": "reuse"}


def test_runs_are_listed_and_compared(run):
    runs = sw.runs("tiny", since=timedelta(hours=1))
    assert run.id in [each.id for each in runs]
    assert runs.metrics[run.id] == run.metrics
    (row,) = [row for row in runs.rows() if row["run"] == run.id]
    assert (row["parameters.factor"], row["fit.product"], row["status"]) == (3, 18.0, "SUCCEEDED")
    assert run.id in runs._repr_html_()
    assert len(sw.runs(since=timedelta(0))) == 0
    assert len(sw.runs("tiny", limit=1)) == 1
    assert sw.show("tiny").id == runs[0].id


def test_prediction_is_the_models(run):
    answer = sw.predict("tiny", 2 * b"1")
    assert (answer.value, answer.endpoint, answer.content_type) == (198.0, "tiny-local", "application/json")
    assert "198.0" in answer._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "given", "answer"),
    [
        (["11"], None, "198.0"),
        (["--data", "11"], None, "198.0"),
        (["--file", "number.json"], None, "198.0"),
        (["--input", "number.json"], None, "198.0"),
        (["--file", "-", "--content-type", "application/json"], "11", "198.0"),
        ([], "11", "198.0"),
        (["--", "-1"], None, "-18.0"),
    ],
)
def test_predict_sends_rows_files_and_standard_input(run, folder, arguments, given, answer):
    (folder / "number.json").write_text("11")
    done = CommandLine(folder)("predict", "tiny", *arguments, given=given)
    assert (done.returncode, done.stdout) == (0, f"{answer}\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1", "--data", "2"], "not several of them"),
        (["--file", "lost.json"], "lost.json: No such file or directory"),
        (["--file", "code"], "code: Is a directory"),
        (["--data", ""], "no data"),
    ],
)
def test_predict_refuses_other_input(run, folder, arguments, message):
    done = CommandLine(folder)("predict", "tiny", *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


def test_calls_work_for_a_target_of_the_configuration(run, folder, monkeypatch):
    """A target whose endpoint is the local server: its session is that of an installation on AWS."""
    session = run.session
    key = session.gateway.session.get_credentials()
    installation = session.gateway.installation
    fields = ("bucket", "region", "environment", "prefix", "account")
    table = "".join(f'{name} = "{getattr(installation, name)}"\n' for name in fields)
    (folder / "stagewright.toml").write_text(f"[targets.dev]\n{table}")
    for name, value in {
        "AWS_ENDPOINT_URL": session.gateway.endpoint_url,
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
    }.items():
        monkeypatch.setenv(name, value)
    assert run.id in [each.id for each in sw.runs("tiny", target="dev")]
    monkeypatch.setenv("STAGEWRIGHT_TARGET", "dev")
    there = sw.run(".", parameters={"factor": 3}, only="total").wait(timeout=300)
    assert there.session.target == "dev"
    assert there.stages["total"].status == "REUSED"
    assert sw.show(run.id).metrics == run.metrics
    assert sw.predict("tiny", b"11").value == 198.0
    assert sw.runs("tiny", target="local")[0].id == there.id


def test_calls_of_other_threads_use_the_same_server(run):
    with ThreadPoolExecutor(4) as pool:
        listed = list(pool.map(lambda _: sw.runs("tiny", limit=1)[0].id, range(8)))
    assert len(set(listed)) == 1


def test_failed_run_raises_the_cause_and_the_log_command(run):
    failed = sw.run(".", parameters={"factor": -1})
    with pytest.raises(sw.RunFailedError, match=r"stage fit: .*negative factor") as raised:
        failed.wait()
    assert raised.value.remedy == f"stagewright logs {failed.id} fit"
    assert f"try: stagewright logs {failed.id} fit" in raised.value.__notes__
    assert failed.wait(check=False).status == "FAILED"
    assert failed.stages["serve"].status == "NOT_RUN"
    resumed = failed.resume()
    with pytest.raises(sw.RunFailedError):
        resumed.wait()
    assert resumed.record.trigger.resumes == failed.id


def test_wait_ends_after_its_timeout_and_stop_stops(run):
    slow = sw.run(".", parameters={"seconds": 60, "factor": 5})
    with pytest.raises(TimeoutError, match=r"has not ended after 0\.5 s"):
        slow.wait(timeout=0.5)
    assert slow.is_open
    assert slow.stop().status == "STOPPED"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sw.run(".", parameters={"facto": 1}), sw.DocumentError, 'did you mean "factor"'),
        (lambda: sw.run(".", parameters={"factor": "x"}), sw.DocumentError, "must be a number"),
        (lambda: sw.plan(".", only="fitt"), sw.PlanError, "no such stage: fitt"),
        (lambda: sw.plan(".", date="soon"), sw.DocumentError, "is not a date"),
        (lambda: sw.plan("tniy"), sw.NotFoundError, "no such document"),
        (lambda: sw.runs(target="tst"), sw.TargetError, "No target tst"),
        (lambda: sw.show("other"), sw.NotFoundError, "other has no runs"),
        (lambda: sw.predict("other", b"1"), sw.NotFoundError, "neither a pipeline with an endpoint"),
    ],
)
def test_errors_are_those_of_the_command_line(run, call, error, message):
    with pytest.raises(error, match=message) as raised:
        call()
    assert type(raised.value) is error
    assert raised.value.remedy or raised.value.problems


def test_missing_stage_names_the_one_that_was_meant(run):
    with pytest.raises(sw.NotFoundError, match="has no stage trian") as raised:
        run.stages["trian"]
    assert "total" in raised.value.remedy
    assert run.stages.get("trian") is None


def test_push_starts_the_run_of_a_code_trigger(run, folder, caplog):
    caplog.set_level(logging.INFO, logger="stagewright")
    (folder / "code/notes.txt").write_text("new")
    pushed = sw.push(folder)
    assert pushed.trigger_key
    assert list(pushed.uploaded) == ["notes.txt"]


def test_command_line_shows_the_run_of_a_notebook(run, folder):
    command = CommandLine(folder)
    assert command.json("show", run.id)["run"] == run.id
    done = command("runs", "tiny", "--metrics", "--since", "1h")
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header.split()[:2] == ["run", "state"]
    assert {"factor", "fit.product", "total.total"} <= set(header.split())
    (line,) = [row for row in rows if row.startswith(run.id)]
    assert line.split()[1] == "SUCCEEDED"
    assert "18" in line.split()


def test_run_that_is_not_awaited_ends_before_the_process(tmp_path):
    command = tiny(tmp_path)
    code = "import stagewright as sw; print(sw.run('.', parameters={'seconds': 1}).id)"
    command.command = [sys.executable, "-c", code]
    done = command()
    assert done.returncode == 0, done.stderr
    assert server.find(command.state) is None
    record = CommandLine(tmp_path).json("show", done.stdout.strip())
    assert record["status"] == "SUCCEEDED"


def test_outputs_and_models_are_fetched(run, folder, tmp_path):
    model = run.stages["fit"].get("model", tmp_path, unpack=True)
    assert model == [tmp_path / "model/model.json"]
    assert model[0].read_text() == '{"product": 18.0}'
    done = CommandLine(folder)("get", run.id, "total", "total/metrics.json", str(tmp_path / "report"))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/report/total/metrics.json\n"), done.stderr
    assert (tmp_path / "report/total/metrics.json").read_text() == '{"total": 6.0}'
    again = CommandLine(folder)("get", "tiny", "total", ".", str(tmp_path / "report"))
    assert again.returncode == 4
    assert "exist already" in again.stderr
    lost = CommandLine(folder)("get", run.id, "fit", "modle")
    assert lost.returncode == 5
    assert 'did you mean "model"?' in lost.stderr


def test_calls_start_another_server_when_it_was_stopped(run, folder):
    state = folder / "state"
    assert server.find(state)
    server.down(state)
    assert run.id in [each.id for each in sw.runs("tiny")]
    assert run.status == "SUCCEEDED"
    assert run.stages["fit"].get("model", folder / "again") == [folder / "again/model.tar.gz"]


def test_earlier_release_runs_again(run, folder):
    digest = run.record.release
    again = sw.run("tiny", parameters={"factor": 3}, only="total", release=digest[:12]).wait(timeout=300)
    assert again.record.release == digest
    done = CommandLine(folder)("run", "tiny", f"--release={digest[:12]}", "-p", "factor=3", "--only", "total")
    assert done.returncode == 0, done.stderr
    assert sw.show("tiny").record.release == digest
    with pytest.raises(sw.StagewrightError, match="ffffffffffff"):
        sw.run("tiny", release="ffffffffffff")
