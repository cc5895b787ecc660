"""What a job leaves in its folders: links, special files and names, and what the uploader does with them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sagemaker_local.errors import JobFailure
from sagemaker_local.jobs import job_files
from sagemaker_local.jobs.job_files import JobFiles

OUTPUT = "/opt/ml/processing/output/made"


@pytest.fixture
def made(tmp_path):
    """The folder that the job sees as its output. Next to /opt/ml is a secret."""
    (tmp_path / "secret").write_text("key")
    folder = tmp_path / "ml/processing/output/made"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("1")
    (tmp_path / "ml/model").mkdir()
    (tmp_path / "ml/model/weights").write_text("2")
    return folder


@pytest.fixture
def notes():
    return []


@pytest.fixture
def tree(made, notes):
    files = JobFiles(made.parents[2], notes.append)

    def contents(folder=OUTPUT):
        entries = files.tree(folder)
        return {name: file.read_text() if file.is_file() else None for name, file in entries.items()}

    return contents


@pytest.mark.parametrize(
    "target",
    [
        "/opt/ml/model/weights",
        "../../../model/weights",
        "/opt/ml/processing/../model/weights",
        "inner",
    ],
)
def test_link_inside_the_folder_is_resolved(made, tree, target):
    (made / "inner").symlink_to("/opt/ml/model/weights")
    (made / "link").symlink_to(target)
    assert tree() == {"a.csv": "1", "inner": "2", "link": "2"}


def test_link_by_the_real_path_is_resolved(made, tree):
    """Without namespaces, the job sees the real path instead of /opt/ml."""
    (made / "link").symlink_to(made.parents[2] / "model/weights")
    assert tree()["link"] == "2"


def test_link_to_a_folder_has_its_files(made, tree):
    (made / "v1/deep").mkdir(parents=True)
    (made / "v1/deep/x").write_text("3")
    (made / "latest").symlink_to("v1")
    assert tree() == {
        "a.csv": "1", "latest": None, "latest/deep": None, "latest/deep/x": "3", "v1": None,
        "v1/deep": None, "v1/deep/x": "3",
    }  # fmt: skip


@pytest.mark.parametrize(
    "target",
    [
        "{top}/secret",
        "/etc/passwd",
        "../../../../secret",
        "/opt/ml/../secret",
        "hop",
        "/opt/mlx",
        "/",
        "itself",
    ],
)
def test_link_out_of_the_job_fails(made, tree, target):
    (made / "hop").symlink_to("../../../..")
    (made / "itself").symlink_to("itself")
    (made / "evil").symlink_to(target.format(top=made.parents[3]))
    with pytest.raises(
        JobFailure, match=f"^ClientError: Data upload failed: {OUTPUT}/(evil|hop) is a link out"
    ):
        tree()


@pytest.mark.parametrize("above", ["", "..", "../..", "../../.."])
def test_output_folder_that_is_a_link_is_checked(made, tree, above):
    """Also the folders above the output can be links, and /opt/ml itself by its real path."""
    replaced = made / above if above else made
    replaced = Path(os.path.normpath(replaced))
    replaced.rename(made.parents[3] / "moved")
    replaced.symlink_to(made.parents[3] / "moved")
    with pytest.raises(JobFailure, match="is a link out of /opt/ml"):
        tree()


def test_link_to_a_folder_above_itself_fails(made, tree):
    (made / "deep").mkdir()
    (made / "deep/loop").symlink_to("..")
    with pytest.raises(JobFailure, match=f"{OUTPUT}/deep/loop is a link to a folder that has it"):
        tree()


def test_links_that_stand_for_millions_of_files_fail(made, tree, monkeypatch):
    monkeypatch.setattr(job_files, "LINKED_ENTRIES", 1_000)
    for level in range(20):
        (made / f"{level}").mkdir()
        for name in "xy":
            (made / f"{level}/{name}").symlink_to(f"../{level + 1}")
    (made / "20").mkdir()
    with pytest.raises(JobFailure, match=f"links in {OUTPUT} lead to over 1000 files"):
        tree()


def test_hard_link_to_a_file_outside_fails(made, tree):
    os.link(made.parents[3] / "secret", made / "c")
    with pytest.raises(JobFailure, match=f"{OUTPUT}/c is a hard link to a file out of /opt/ml"):
        tree()


def test_hard_links_between_the_jobs_files_are_uploaded(made, tree):
    os.link(made / "a.csv", made / "b.csv")
    os.link(made.parents[2] / "model/weights", made / "w")
    assert tree() == {"a.csv": "1", "b.csv": "1", "w": "2"}


def test_files_without_content_are_skipped_with_a_warning(made, tree, notes):
    os.mkfifo(made / "pipe")
    (made / "nothing").symlink_to("missing")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(made)  # a socket's path is short
        server.bind("socket")
        os.chdir(here)
    assert tree() == {"a.csv": "1"}
    assert notes == [
        f"WARNING: '{OUTPUT}/nothing' is not uploaded: it leads to nothing",
        f"WARNING: '{OUTPUT}/pipe' is not uploaded: it is a pipe, a socket or a device",
        f"WARNING: '{OUTPUT}/socket' is not uploaded: it is a pipe, a socket or a device",
    ]


def test_large_sparse_file_fails(made, tree):
    with (made / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(JobFailure, match=f"{OUTPUT}/huge is a sparse file of 1,024 GiB"):
        tree()


def test_folder_that_is_gone_or_a_file_fails(made, tree):
    (made / "a.csv").unlink()
    made.rmdir()
    with pytest.raises(JobFailure, match=f"{OUTPUT} was removed"):
        tree()
    made.write_text("a file")
    with pytest.raises(JobFailure, match=f"{OUTPUT} is a file"):
        tree()


def test_text_is_read_within_the_folder_and_the_limit(made):
    files = JobFiles(made.parents[2], print)
    (made / "long").write_bytes(b"\xff" + b"x" * 10_000_000)
    (made / "device").symlink_to("/dev/zero")
    os.mkfifo(made / "pipe")
    assert files.text(f"{OUTPUT}/long", 10) == "�" + "x" * 9
    assert files.text(f"{OUTPUT}/pipe", 10) == ""
    assert files.text(f"{OUTPUT}/missing", 10) == ""
    with pytest.raises(JobFailure, match="is a link out of /opt/ml"):
        files.text(f"{OUTPUT}/device", 10)


UNREADABLE = """
import os, sys, pathlib
from sagemaker_local.jobs.job_files import JobFiles
from sagemaker_local.regular_file import open_regular
os.setgid(65534); os.setuid(65534)
root = pathlib.Path(sys.argv[1])
(root / "out/closed").mkdir(parents=True)
(root / "out/closed/x").write_text("content")
(root / "out/closed/x").chmod(0)
(root / "out/closed").chmod(0)
with open_regular(JobFiles(root, print).tree("/opt/ml/out")["closed/x"]) as file:
    print(file.read())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="root can become another user, and reads everything itself")
def test_files_without_permissions_are_uploaded_as_on_aws():
    """A container runs as root on AWS, so its files without permissions are readable there.

    Another user than root cannot enter pytest's folders.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        command = [sys.executable, "-c", UNREADABLE, f"{folder}/ml"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("b'content'\n", "")


def processed(bench, name, script):
    """Runs a script whose output is declared. Returns the job, and the keys that it uploaded."""
    uri = bench.uri(f"{name}/out")
    outputs = {"Outputs": [bench.s3_output("made", uri, OUTPUT)]}
    bench.process(name, script, ProcessingOutputConfig=outputs)
    return bench.ended(name), bench.keys(f"{name}/out")


def test_link_to_a_hidden_file_fails_the_job(bench, tmp_path):
    (tmp_path / "credentials").write_text("aws_secret_access_key = x")
    script = f"import os; os.symlink({str(tmp_path / 'credentials')!r}, {OUTPUT + '/c'!r})"
    job, keys = processed(bench, "link", script)
    assert job["FailureReason"] == (
        f"ClientError: Data upload failed: {OUTPUT}/c is a link out of /opt/ml; copy the content instead"
    )
    assert keys == []


def test_exit_message_that_is_a_link_fails_the_job(bench, tmp_path):
    (tmp_path / "credentials").write_text("aws_secret_access_key = x")
    script = f"import os; os.symlink({str(tmp_path / 'credentials')!r}, '/opt/ml/output/message')"
    job, _ = processed(bench, "message", script)
    assert job["FailureReason"].startswith(
        "ClientError: Data upload failed: /opt/ml/output/message is a link"
    )
    assert "ExitMessage" not in job


def test_pipe_in_the_output_does_not_block_the_job(bench):
    script = f"import os; os.mkfifo({OUTPUT + '/p'!r}); open({OUTPUT + '/a'!r}, 'w').write('1')"
    job, keys = processed(bench, "pipe", script)
    assert (job["ProcessingJobStatus"], keys) == ("Completed", ["pipe/out/a"])
    assert f"WARNING: '{OUTPUT}/p' is not uploaded" in bench.log("pipe")


def test_link_in_the_model_fails_the_training_job(bench, tmp_path):
    (tmp_path / "credentials").write_text("aws_secret_access_key = x")
    bench.train("link", f"import os; os.symlink({str(tmp_path / 'credentials')!r}, '/opt/ml/model/c')")
    job = bench.ended("link", "Training")
    assert job["FailureReason"].startswith(
        "ClientError: Data upload failed: /opt/ml/model/c is a link out of"
    )
    assert bench.keys("models") == []


def test_failure_file_that_is_a_link_is_not_read(bench, tmp_path):
    (tmp_path / "credentials").write_text("aws_secret_access_key = x")
    link = f"import os; os.symlink({str(tmp_path / 'credentials')!r}, '/opt/ml/output/failure')"
    spec = {"ContainerEntrypoint": ["python3", "-c", f"{link}; raise SystemExit(3)"]}
    bench.train("failure", "", spec=spec)
    job = bench.ended("failure", "Training")
    assert job["FailureReason"].endswith(", exit code: 3")
    assert "aws_secret_access_key" not in job["FailureReason"]


def test_checkpoint_that_is_a_link_fails_the_job(bench, tmp_path):
    (tmp_path / "credentials").write_text("aws_secret_access_key = x")
    bench.train(
        "checkpoint",
        f"import os; os.symlink({str(tmp_path / 'credentials')!r}, '/opt/ml/checkpoints/c')",
        CheckpointConfig={"S3Uri": bench.uri("checkpoint/points")},
    )
    job = bench.ended("checkpoint", "Training")
    assert "/opt/ml/checkpoints/c is a link out of /opt/ml" in job["FailureReason"]
    assert bench.keys("checkpoint/points") == []


def test_model_archive_has_contents_and_no_owner(bench):
    import io
    import tarfile

    script = (
        "import os; os.makedirs('/opt/ml/model/v1/empty'); open('/opt/ml/model/v1/w', 'w').write('1');"
        "os.symlink('v1/w', '/opt/ml/model/w'); os.link('/opt/ml/model/v1/w', '/opt/ml/model/h')"
    )
    bench.train("archive", script)
    assert bench.ended("archive", "Training")["TrainingJobStatus"] == "Completed"
    body = bench.get("models/archive/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        members = {member.name: (member.isreg(), member.uname) for member in tar}
    assert members == {
        "h": (True, "root"), "v1": (False, "root"), "v1/empty": (False, "root"), "v1/w": (True, "root"),
        "w": (True, "root"),
    }  # fmt: skip
