"""The command line from outside: help, exit codes, and what goes to which stream."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import commands

from stagewright import __version__
from stagewright.cli.app import ALIASES, COMMANDS
from stagewright.cli.main import IN_PROCESS

BAD = "name: Bad Name\nstages:\n  one: {kind: procesing, code: one.py}\n"


def stagewright(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end in a process of its own."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STAGEWRIGHT_"))
    }
    return commands.stagewright(arguments, cwd, inherited | environment)


def test_invalid_overlay_is_rejected_before_the_target_is_contacted(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "one.py").write_text("")
    (tmp_path / "pipeline.yaml").write_text(
        "name: small\nparameters: {size: 3}\ndefaults: {image: sklearn-1.4, instance_type: ml.m5.large}\n"
        "stages:\n  one: {kind: processing, code: one.py}\n"
    )
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text("stages:\n  one: {code: two.py}\n")
    failed = stagewright("run", ".", cwd=tmp_path)
    assert failed.returncode == 2
    assert "local.yaml:2: stages.one.code: no two.py in the code folder" in failed.stderr
    assert not (tmp_path / ".stagewright").exists()


def test_help_lists_every_command_and_exit_code(tmp_path):
    shown = stagewright("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for name, row in COMMANDS.items():
        assert re.search(rf"^  {name}\s", shown.stdout, flags=re.M)
        assert row.summary in shown.stdout
    for code in range(8):
        assert f"    {code}  " in shown.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_summary(name, tmp_path):
    shown = stagewright(*name.split(), "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert COMMANDS[name].summary in shown.stdout


def test_help_groups_the_commands(tmp_path):
    shown = stagewright("--help", cwd=tmp_path)
    headings = re.findall(r"^(\w+):$", shown.stdout, flags=re.M)
    assert headings[1:] == ["Author", "Run", "Inspect", "Configure", "Approve", "Serve", "Cost", "Local"]


def test_config_help_lists_its_commands(tmp_path):
    shown = stagewright("config", "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert re.search(r"^  show\s", shown.stdout, flags=re.M)


def test_import_is_a_hidden_alias_of_convert(tmp_path):
    alias = stagewright("import", "--help", cwd=tmp_path)
    assert alias.returncode == 0
    assert COMMANDS["convert"].summary in alias.stdout
    assert not re.search(r"^  import\s", stagewright("--help", cwd=tmp_path).stdout, flags=re.M)


def test_commands_of_their_own_process_exist():
    assert set(IN_PROCESS) - {*COMMANDS, *ALIASES} == set()


def test_help_imports_no_large_package(tmp_path):
    script = (
        "import sys\nfrom stagewright.cli.app import main\nsys.argv = ['stagewright', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'boto3', 'botocore', 'pydantic', 'yaml', 'rich', 'ministack', 'starlette'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stderr.strip() == "[]"


def test_version_option_prints_the_version(tmp_path):
    assert stagewright("--version", cwd=tmp_path).stdout.strip() == __version__


def test_unknown_command_is_a_usage_error(tmp_path):
    failed = stagewright("rum", cwd=tmp_path)
    assert failed.returncode == 2
    assert "rum" in failed.stderr


def test_invalid_document_exits_2_with_every_problem(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(BAD)
    failed = stagewright("validate", ".", cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert "name" in failed.stderr
    assert "stages.one" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_json_error_is_one_document_on_standard_output(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(BAD)
    failed = stagewright("validate", ".", "--json", cwd=tmp_path)
    error = json.loads(failed.stdout)["error"]
    assert set(error) == {"type", "code", "message", "remedy", "problems"}
    assert error["code"] == failed.returncode == 2
    assert {problem["path"] for problem in error["problems"]} >= {"name"}


def test_trigger_cycle_with_a_sibling_folder_is_rejected_with_file_and_line(tmp_path):
    small = "name: {}\nstages:\n  one: {{kind: gate, require: 1 > 0}}\n"
    waits = "triggers:\n  - {{type: upstream, pipeline: {}}}\n"
    for name, upstream in (("first", "second"), ("second", "first"), ("third", "first")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pipeline.yaml").write_text(small.format(name) + waits.format(upstream))
    failed = stagewright("validate", "first", cwd=tmp_path)
    assert failed.returncode == 2
    assert "pipeline.yaml:5: triggers[0].pipeline: upstream triggers form a cycle: " in failed.stderr
    assert "first -> second -> first" in failed.stderr
    assert stagewright("validate", ".", cwd=tmp_path / "first").returncode == 2
    assert stagewright("validate", "third", cwd=tmp_path).returncode == 0
    (tmp_path / "second" / "pipeline.yaml").write_text("not: [a document")
    assert stagewright("validate", "first", cwd=tmp_path).returncode == 0


def test_duplicate_name_in_pipelines_is_rejected_with_both_files(tmp_path):
    small = "stages:\n  one: {{kind: gate, require: 1 > 0}}\nname: {}\n"
    for folder, name in (("first", "same"), ("second", "same"), ("third", "other"), ("broken", "same: [")):
        (tmp_path / "pipelines" / folder).mkdir(parents=True)
        (tmp_path / "pipelines" / folder / "pipeline.yaml").write_text(small.format(name))
    twin = tmp_path / "pipelines/second/pipeline.yaml"
    for command in ("validate", "plan", "run", "push"):
        failed = stagewright(command, "first", cwd=tmp_path)
        assert failed.returncode == 2
        assert f"pipelines/first/pipeline.yaml:3: name: {twin} has the same name" in failed.stderr
    assert stagewright("validate", "third", cwd=tmp_path).returncode == 0
    twin.write_text(small.format("same-2"))
    assert stagewright("validate", "first", cwd=tmp_path).returncode == 0


def test_diff_help_names_its_arguments_a_and_b(tmp_path):
    said = stagewright("diff", "--help", cwd=tmp_path).stdout
    assert "{PIPELINE} [A] [B]" in said
    assert "\n  A <str> " in said


def test_invalid_date_is_rejected_before_the_document_is_read(tmp_path):
    for command, given in itertools.product(("run", "plan"), ("31.1.2024", "")):
        failed = stagewright(command, ".", "--date", given, cwd=tmp_path)
        assert failed.returncode == 2
        assert f'--date: "{given}" is not a date' in failed.stderr


def test_missing_document_exits_5_with_a_remedy(tmp_path):
    failed = stagewright("validate", "nowhere", cwd=tmp_path)
    assert failed.returncode == 5
    assert "nowhere" in failed.stderr
    assert "try:" in failed.stderr


def test_debug_shows_the_traceback_in_any_position(tmp_path):
    for arguments in (("--debug", "validate", "nowhere"), ("validate", "nowhere", "--debug")):
        failed = stagewright(*arguments, cwd=tmp_path)
        assert failed.returncode == 5
        assert "Traceback" in failed.stderr


def test_env_without_a_server_prints_how_to_start_one(tmp_path):
    failed = stagewright("env", cwd=tmp_path, STAGEWRIGHT_STATE=str(tmp_path / "state"))
    assert failed.returncode == 4
    assert failed.stdout == ""
    assert "stagewright up" in failed.stderr


@pytest.mark.parametrize(
    "command", [("show", "tiny"), ("logs", "tiny"), ("predict", "tiny", "--data", "1"), ("stop", "tiny")]
)
def test_reading_commands_create_no_state_folder(command, tmp_path):
    state = tmp_path / "state"
    failed = stagewright(*command, cwd=tmp_path, STAGEWRIGHT_STATE=str(state))
    assert failed.returncode == 5
    assert f"no runs in {state}" in failed.stderr
    assert not state.exists()


def test_runs_without_state_is_an_empty_list(tmp_path):
    state = tmp_path / "state"
    listed = stagewright("runs", "--json", cwd=tmp_path, STAGEWRIGHT_STATE=str(state))
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    assert f"no runs in {state}" in stagewright("runs", cwd=tmp_path, STAGEWRIGHT_STATE=str(state)).stderr
    assert not state.exists()


def test_missing_script_is_the_same_error_in_every_command(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(
        "name: small\ndefaults: {image: sklearn-1.4, instance_type: ml.m5.large}\n"
        "stages:\n  one: {kind: processing, code: one.py}\n"
    )
    for command in ("validate", "plan", "run", "push"):
        failed = stagewright(command, ".", cwd=tmp_path, STAGEWRIGHT_STATE=str(tmp_path / "state"))
        assert failed.returncode == 2
        assert "pipeline.yaml:1: code: there is no folder code" in failed.stderr
    (tmp_path / "code").mkdir()
    failed = stagewright("plan", ".", cwd=tmp_path, STAGEWRIGHT_STATE=str(tmp_path / "state"))
    assert failed.returncode == 2
    assert "pipeline.yaml:4: stages.one.code: no one.py in the code folder code" in failed.stderr
    assert not (tmp_path / "state").exists()


def test_unknown_target_exits_4(tmp_path):
    failed = stagewright("runs", "--target", "dev", cwd=tmp_path)
    assert failed.returncode == 4
    assert "dev" in failed.stderr
    assert "stagewright.toml" in failed.stderr


def test_invalid_parameter_is_rejected_before_the_target_is_contacted(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "one.py").write_text("")
    (tmp_path / "pipeline.yaml").write_text(
        "name: small\nparameters: {size: 3}\ndefaults: {image: sklearn-1.4, instance_type: ml.m5.large}\n"
        "stages:\n  one: {kind: processing, code: one.py}\n"
    )
    failed = stagewright("run", ".", "-p", "sise=4", "-p", "size", "-p", "size=many", cwd=tmp_path)
    assert failed.returncode == 2
    assert "sise" in failed.stderr
    assert "-p size=VALUE" in failed.stderr
    assert "many" in failed.stderr
    assert not (tmp_path / ".stagewright").exists()


@pytest.mark.parametrize("name", ["schema", "workflow"])
def test_schema_and_workflow_always_print_json(name, tmp_path):
    done = stagewright(name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    assert stagewright(name, "--json", cwd=tmp_path).stdout == done.stdout


def test_doctor_reports_every_check_with_remedies(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = stagewright("doctor", "--json", cwd=tmp_path, STAGEWRIGHT_STATE=str(tmp_path / "state"))
    report = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert report["ok"]
    names = [check["name"] for check in report["checks"]]
    assert {"Python", "uv", "isolation of jobs", "state folder", "disk", "port", "local server"} <= set(names)
    assert all(check["remedy"] for check in report["checks"] if not check["ok"])


@pytest.mark.parametrize(("package", "command"), [("typer", "--help"), ("ministack", "up")])
def test_missing_package_is_reported_with_its_extra(package, command, tmp_path):
    absent = f'raise ModuleNotFoundError("No module named {package!r}", name={package!r})'
    (tmp_path / f"{package}.py").write_text(absent)
    done = subprocess.run(
        [sys.executable, "-c", "from stagewright.cli.main import main; main()", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"STAGEWRIGHT_STATE": str(tmp_path / "state"), "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode != 0
    assert package in done.stderr
    assert "pip install 'stagewright[all]'" in done.stderr
    assert "Traceback" not in done.stderr
