"""User errors on the command line: one message with location and fix, and the exit code."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from tests.support import processes
from tests.support.command_line import CommandLine, tiny
from tests.support.waiting import PATIENCE, until

from stagewright.local import server as local_server
from stagewright.local.state import State

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

OUTPUT = """\
import json, os, pathlib, sys, time
out = pathlib.Path("/opt/ml/processing/output/total")
out.mkdir(parents=True, exist_ok=True)
metrics = out / "metrics.json"
"""
CREDENTIALS = """\
import json, os, pathlib, botocore.session
found = []
for gone in ((), ("AWS_ENDPOINT_URL",), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
             ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")):
    for name in gone:
        del os.environ[name]
    credentials = botocore.session.Session().get_credentials()
    found.append(credentials and [credentials.access_key, credentials.token])
print("found", json.dumps([found, sorted(name for name in os.environ if name.startswith("AWS_"))]))
"""
Project = Callable[..., CommandLine]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A server whose starter has an account of AWS in every place where one may be."""
    command = tiny(tmp_path_factory.mktemp("bad"))
    home = command.folder / "home"
    (home / ".aws").mkdir(parents=True)
    theirs = "[default]\naws_access_key_id = AKIATHEIRS\naws_secret_access_key = theirs\nregion = eu-west-1\n"
    (home / ".aws" / "credentials").write_text(theirs)
    command.environment |= {
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": "AKIATHEIRS",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_SESSION_TOKEN": "theirs",
        "AWS_PROFILE": "default",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/theirs",
    }
    up = command("up")
    assert up.returncode == 0, up.stderr
    yield command
    local_server.down(command.state)
    no_process(str(command.state))


@pytest.fixture
def project(base: CommandLine, tmp_path: Path) -> Project:
    """The small pipeline, changed: texts of the document, and the script of its first stage."""

    def make(*changes: tuple[str, str], total: str = "", name: str = "tiny") -> CommandLine:
        shutil.copytree(base.folder / "code", tmp_path / "code")
        shutil.copy(base.folder / "numbers.txt", tmp_path)
        document = (base.folder / "pipeline.yaml").read_text().replace("name: tiny", f"name: {name}")
        for old, new in changes:
            assert old in document
            document = document.replace(old, new)
        (tmp_path / "pipeline.yaml").write_text(document)
        if total:
            (tmp_path / "code" / "total.py").write_text(total)
        command = CommandLine(tmp_path)
        command.state = base.state
        command.environment = base.environment
        return command

    return make


def no_process(text: str) -> None:
    """Returns when none is left with this text in its arguments; one that is just leaving may do so."""
    until(lambda: not any(text in line for line in processes.command_lines().values()))


def refused(done: subprocess.CompletedProcess[str], code: int, *told: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    for text in told:
        assert text in done.stderr


def failed(done: subprocess.CompletedProcess[str], *told: str) -> None:
    """A run that has ended badly: the sentence about the stage is there, once."""
    assert done.returncode == 6, done.stdout + done.stderr
    (sentence,) = (line for line in done.stderr.splitlines() if line.startswith("stage "))
    for text in told:
        assert text in sentence


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (("stages.fit.metrics", "stages.fitt.metrics"), 2, ("pipeline.yaml:21", "no such stage", '"fit"?')),
        (("    code: total.py", "    code: total.py\n    after: [serve]"), 2, ("depend on each other",)),
        (('{total: "', '{x: 3, total: "'), 2, ("stages.fit.channels.x", "not the number 3")),
        (("code: total.py", "code: none.py"), 2, ("stages.total.code: no none.py", "code folder")),
        (("sklearn-1.4", "sklearn-9"), 2, ("pipeline.yaml:4: defaults.image: unknown image", "sklearn-1.4")),
        (("numbers.txt", "none.txt"), 2, ("none.txt does not exist", "correct the path")),
        (("name: tiny", f"name: tiny\ndescription: {'x' * 420_000}"), 2, ("409,600", "split the pipeline")),
    ],
    ids=["unknown-stage", "cycle", "wrong-type", "missing-file", "unknown-image", "no-data", "too-large"],
)
def test_invalid_document_is_rejected_before_any_run_starts(base, project, change, code, told):
    before = base.json("runs")
    refused(project(change)("run", "."), code, *told)
    assert base.json("runs") == before


def test_push_rejects_external_symlink_and_oversized_file(project):
    command = project()
    (command.folder / "code" / "link.py").symlink_to("/etc/hostname")
    refused(command("push", "."), 2, "code/link.py is a link out of code", "copy the file")
    (command.folder / "code" / "link.py").unlink()
    with (command.folder / "code" / "huge.bin").open("wb") as file:
        file.truncate(1 << 30)
    refused(command("push", "."), 2, "code/huge.bin has 1,024 MB", "keep data in the bucket")


def test_overlong_pipeline_name_is_not_found(base):
    refused(base("show", "a" * 5000), 5, "has no runs")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("raise RuntimeError('bröken')", "RuntimeError: bröken"),
        ("sys.exit(3)", "exit code: 3"),
        ("pass", "total/total/metrics.json was not written by the job"),
        ("metrics.write_text('')", "metrics.json is empty"),
        ("metrics.write_text('{')", "metrics.json: Expecting property name"),
        ("metrics.write_text('[1]')", "metrics.json is not a JSON object"),
        ("metrics.write_text('{\"total\": NaN}')", "metrics.json: NaN is no number"),
        ("metrics.write_bytes(b'\\xff{')", "metrics.json: Expecting value"),
        ("metrics.write_text(json.dumps({'ü' * 40_000: 1}))", "metrics.json is larger than 64 KiB"),
    ],
)
def test_stage_fails_when_script_errors_or_metrics_are_invalid(project, script, told):
    failed(project(total=f"{OUTPUT}{script}\n")("run", "."), "stage total: ", told)


def test_timeout_kills_script_and_its_child_processes(project):
    own = f"86400.{os.getpid()}"  # seconds, by which it is found
    hang = f"import subprocess\nsubprocess.Popen(['setsid', 'sleep', '{own}'])\ntime.sleep(86400)\n"
    command = project(("code: total.py", "code: total.py\n    max_runtime_seconds: 1"), total=OUTPUT + hang)
    failed(command("run", "."), "stage total: ", "longer than 1 seconds")
    no_process(own)


def test_stage_fails_when_script_rejects_a_hyperparameter(project):
    command = project(("hyperparameters: {", "hyperparameters: {depth: 3, "), name="refusing")
    done = command("run", ".")
    failed(done, "stage fit: ")
    assert "unrecognized arguments: --depth 3" in done.stderr


def test_run_accepts_special_characters_in_keys_files_and_parameters(project):
    key = "raw/t i+n&y=%?#ü✓/"
    command = project(
        ("raw/tiny/: numbers.txt", f'"{key}": "zahlen ü #1.txt"'),
        ("${bucket}/raw/tiny/", "${bucket}/" + key),
        ("code: total.py", "code: sub ü/tötal 1.py"),
        ("factor: 2,", "factor: 2, text: 'ü 😀 \"q\" <<x>> $y {z}',"),
        ('seconds: "${parameters.seconds}"}', 'seconds: 0}\n    environment: {TEXT: "${parameters.text}"}'),
        name="odd",
    )
    (command.folder / "zahlen ü #1.txt").write_text("4\n")
    (command.folder / "code" / "sub ü").mkdir()
    (command.folder / "code" / "total.py").rename(command.folder / "code" / "sub ü" / "tötal 1.py")
    fit = command.folder / "code" / "fit.py"
    fit.write_text(fit.read_text() + '    print(os.environ["TEXT"])\n')
    done = command("run", ".")
    assert done.returncode == 0, done.stderr
    assert 'ü 😀 "q" <<x>> $y {z}' in command("logs", "odd", "fit").stdout


def test_corrupt_model_leaves_endpoint_unchanged(base, project):
    command = project(name="corrupt")
    record = command.json("run", ".")
    model = next(stage["result"]["model"] for stage in record["stages"] if stage["name"] == "fit")
    bucket, _, key = model.removeprefix("s3://").partition("/")
    with client(base, "s3") as s3:
        s3.put_object(
            Bucket=bucket, Key=key, Body=flipped(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        )
    (command.folder / "code" / "serve.py").write_bytes((command.folder / "code" / "fit.py").read_bytes())
    document = command.folder / "pipeline.yaml"
    head, tail = document.read_text().rsplit("entry_point: fit.py", 1)
    document.write_text(f"{head}entry_point: serve.py{tail}")
    failed(command("run", "."), "stage serve: ", key, "is a valid tar.gz archive", "cannot be unpacked")
    assert command.json("predict", "corrupt", "--data", "2")["prediction"] == 24


def flipped(archive: bytes) -> bytes:
    """The same files, but for gzip's checksum of them."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames()
    return archive[:-8] + bytes(byte ^ 0xFF for byte in archive[-8:-4]) + archive[-4:]


def client(base: CommandLine, service: str):
    up = local_server.find(base.state)
    keys = {"aws_access_key_id": up.access_key, "aws_secret_access_key": up.secret_key}
    return closing(boto3.client(service, endpoint_url=up.url, region_name="us-east-1", **keys))


def test_job_cannot_read_user_aws_credentials(base, project):
    done = project(total=CREDENTIALS, name="spy")("run", ".")
    assert "stage total: metrics file" in done.stderr
    said = next(line for line in done.stderr.splitlines() if "found [" in line)
    found, left = json.loads(said.partition("found ")[2])
    key = State(base.state).owner().access_key
    assert found == [[key, None], [key, None], None, None]
    assert left == ["AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_REGION"]
    kept = (path.read_bytes() for path in base.state.rglob("*") if path.is_file())
    assert not any(b"AKIATHEIRS" in content for content in kept)


def test_concurrent_run_commands_create_separate_runs(project):
    command = project(name="twice")
    both = [command.start("run", ".", "-p", f"least={number}") for number in (0, 1)]
    said = [process.communicate(timeout=PATIENCE) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(command.json("runs", "twice")) == 2


def test_up_rejects_port_in_use(tmp_path):
    command = CommandLine(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused(command("up", "--port", str(taken.getsockname()[1])), 4, "is in use", "choose another port")
    no_process(str(tmp_path))


def test_up_rejects_unwritable_state_directory(tmp_path):
    command = CommandLine(tmp_path)
    command.environment["STAGEWRIGHT_STATE"] = "/proc/state"
    refused(command("up"), 4, "The state directory /proc/state cannot be used", "STAGEWRIGHT_STATE")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
def test_command_reports_full_disk(tmp_path):
    command = CommandLine(tmp_path)
    command.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(command.state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        refused(command("runs"), 4, "Only 1 MB are free", "free some space")
        no_process(str(tmp_path))
    finally:
        subprocess.run(["umount", str(command.state)], check=True)


def test_command_reports_corrupt_state_files(tmp_path):
    command = CommandLine(tmp_path)
    command.state.mkdir()
    (command.state / "identity.json").write_text("{")
    refused(command("runs"), 4, "identity.json is damaged: it has no server's key", "doctor --repair")
    (command.state / "identity.json").unlink()
    (command.state / "sagemaker").mkdir()
    (command.state / "sagemaker" / "sagemaker.sqlite").write_text("garbage" * 1000)
    refused(command("runs"), 4, "sagemaker.sqlite is damaged", "doctor --repair")
