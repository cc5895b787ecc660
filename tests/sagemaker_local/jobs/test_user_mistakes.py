"""A mistake of the user fails the job with its name. It never is an InternalServerError."""

from __future__ import annotations

import io
import json
import sys
import tarfile

import pytest

from sagemaker_local.errors import JobEnvironmentError, JobFailure
from sagemaker_local.images.requirements import normalize
from sagemaker_local.jobs.failure_reason import reason_of

pytestmark = pytest.mark.slow

OUTPUT = "/opt/ml/processing/output/made"
INPUT = "/opt/ml/processing/input/raw"


@pytest.fixture
def put(s3, request):
    """Put objects below a prefix of the test's own. Returns the prefix."""

    def objects(*keys):
        for key in keys:
            s3.put_object(Bucket="jobs", Key=f"{request.node.originalname}/{key}", Body=b"1\n")
        return f"s3://jobs/{request.node.originalname}"

    return objects


@pytest.mark.parametrize(
    ("keys", "prefix", "named"),
    [
        (("a/2026", "a/2026/x.csv"), "a/", ("a/2026", "a/2026/x.csv")),
        (("b/x/y", "b/x/y/z/deep"), "b/", ("b/x/y", "b/x/y/z/deep")),
        (("c/x", "c//x"), "c/", ("c//x", "c/x")),
        (("d/x//y", "d/x/y"), "d/", ("d/x//y", "d/x/y")),
        (("e/2026/x", "e2026"), "e", ("e/2026/x",)),
    ],
)
def test_keys_that_clash_are_named(storage, put, tmp_path, keys, prefix, named):
    uri = put(*keys)
    if len(named) == 1:
        assert storage.download(f"{uri}/{prefix}", "S3Prefix", tmp_path / "in") == 2
        return
    with pytest.raises(JobFailure) as raised:
        storage.download(f"{uri}/{prefix}", "S3Prefix", tmp_path / "in")
    first, second = (f"{uri}/{key}" for key in named)
    assert str(raised.value) == (
        f"ClientError: Data download failed: {first} and {second} cannot both be files of one folder: rename "
        "or delete one of these objects, or use a prefix that selects only one"
    )


@pytest.mark.parametrize("key", ["L" * 300 + ".csv", "ä" * 128, "x/../y", "./y", "..", "a\0b"])
def test_key_that_cannot_be_a_file_is_named(storage, put, tmp_path, key, s3, request):
    uri = put("good")
    manifest = json.dumps([{"prefix": f"{uri}/"}, "good", key]).encode()
    s3.put_object(Bucket="jobs", Key=f"{request.node.originalname}.json", Body=manifest)
    with pytest.raises(JobFailure, match=r"^ClientError: Data download failed: 's3://.* cannot be a file"):
        storage.download(f"s3://jobs/{request.node.originalname}.json", "ManifestFile", tmp_path / "in")
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("key", ["plain", "folder/", "a b+c%20é", "quote'\"", "tab\tline\nend"])
def test_unusual_keys_become_files(storage, put, tmp_path, key):
    uri = put(f"u/{key}", "u/other")
    storage.download(f"{uri}/u/", "S3Prefix", tmp_path / "in")
    assert (tmp_path / "in/other").is_file()
    assert key.endswith("/") or (tmp_path / "in" / key).is_file()


@pytest.mark.parametrize(
    "body", [b"[1]", b"[{}]", b'[{"prefix": 3}, "a"]', b"\xff\xfe", b"[" * 100_000, b"{}"]
)
def test_manifest_that_is_none_is_named(storage, s3, tmp_path, body):
    s3.put_object(Bucket="jobs", Key="wrong.json", Body=body)
    with pytest.raises(JobFailure, match=r"^ClientError: "):
        storage.download("s3://jobs/wrong.json", "ManifestFile", tmp_path / "in")


@pytest.mark.parametrize(
    "uri", ["s3://Not_A_Bucket!/x", "s3://bucket", "s3://", "s3:///x", "file:///etc/passwd"]
)
def test_wrong_location_is_a_client_error(storage, tmp_path, uri):
    (tmp_path / "a").write_text("1")
    with pytest.raises(JobFailure, match=r"^ClientError: "):
        storage.download(uri, "S3Prefix", tmp_path / "in")
    with pytest.raises(JobFailure, match=r"^ClientError: "):
        storage.upload_bytes(b"1", uri)


def test_folder_in_the_way_of_a_file_names_the_object(storage, put, tmp_path):
    uri = put("x")
    (tmp_path / "in/x").mkdir(parents=True)
    with pytest.raises(JobFailure, match=rf"^ClientError: Data download failed: {uri}/x: Is a directory$"):
        storage.download(f"{uri}/x", "S3Prefix", tmp_path / "in")


def test_file_that_disappears_during_the_upload_names_the_object(storage, tmp_path):
    (tmp_path / "a").write_text("1")
    entries = {"a": tmp_path / "a", "b": tmp_path / "b"}
    with pytest.raises(JobFailure, match=r"^ClientError: Data upload failed: s3://jobs/gone/b: No such file"):
        storage.upload_files(entries, "s3://jobs/gone")
    with pytest.raises(JobFailure, match=r"^ClientError: Data upload failed: s3://jobs/gone/m.tar.gz: No "):
        storage.upload_archive(entries, tmp_path / "m.tar.gz", "s3://jobs/gone/m.tar.gz")
    assert not (tmp_path / "m.tar.gz").exists()


def test_full_disk_names_the_object(storage, put, tmp_path):
    """/dev/full has no space: open it in place of the target."""
    uri = put("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x").symlink_to("/dev/full")
    with pytest.raises(JobFailure, match=rf"^ClientError: .*: {uri}/x: No space left on device$"):
        storage.download(f"{uri}/x", "S3Prefix", tmp_path / "in")


def test_own_fault_is_internal_and_names_no_path_of_this_machine(tmp_path):
    folders = {tmp_path / "job/ml": "/opt/ml", tmp_path / "job": "the job's folder"}
    for error, reason in (
        (IsADirectoryError(21, "Is a directory", str(tmp_path / "job/ml/x")),
         "ClientError: /opt/ml/x: Is a directory"),
        (FileExistsError(17, "File exists", str(tmp_path / "job/python")),
         "InternalServerError: FileExistsError: the job's folder/python: File exists"),
        (OSError(28, "No space left on device", "/somewhere"), "ClientError: No space left on device"),
        (OSError(5, "Input/output error", "/somewhere"), "InternalServerError: OSError: Input/output error"),
        (KeyError(f"{tmp_path}/job/ml/y"), "InternalServerError: KeyError: '/opt/ml/y'"),
        (JobFailure("AlgorithmError: \udcff"), "AlgorithmError: \\udcff"),
    ):  # fmt: skip
        assert reason_of(error, folders) == reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("humanize==4.9.0\n".encode("utf-16"), "humanize==4.9.0\n"),
        (b"\xfe\xff" + "humanize\n".encode("utf-16-be"), "humanize\n"),
        ("humanize\n".encode("utf-32"), "humanize\n"),
        (b"\xef\xbb\xbfhumanize\n", "humanize\n"),
        (
            b"# -*- coding: latin-1 -*-\n# caf\xe9\nhumanize\n",
            "# -*- coding: latin-1 -*-\n# café\nhumanize\n",
        ),
        ("# café\nhumanize\r\n".encode(), "# café\nhumanize\r\n"),
    ],
    ids=["utf-16", "utf-16-be", "utf-32", "utf-8-mark", "declared", "utf-8"],
)
def test_requirements_are_read_as_pip_reads_them(tmp_path, data, text):
    file = tmp_path / "requirements.txt"
    file.write_bytes(data)
    assert normalize(file) == text
    assert file.read_bytes() == text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"caf\xe9\n",
        b"\xff\xfeh",
        b"# coding: no-such\nx\n",
        "x\n".encode("utf-16-le"),
        b"# coding: \xff\n\xff",
    ],
)
def test_requirements_that_are_no_text_are_named(tmp_path, data):
    file = tmp_path / "requirements.txt"
    file.write_bytes(data)
    with pytest.raises(JobEnvironmentError, match=r"^requirements\.txt (is not text in|contains null bytes)"):
        normalize(file)


def test_object_that_is_listed_twice_is_no_clash(storage, put, s3, tmp_path, request):
    uri = put("x")
    manifest = json.dumps([{"prefix": f"{uri}/"}, "x", "x"]).encode()
    s3.put_object(Bucket="jobs", Key=f"{request.node.originalname}.json", Body=manifest)
    storage.download(f"s3://jobs/{request.node.originalname}.json", "ManifestFile", tmp_path / "in")
    assert [file.name for file in (tmp_path / "in").iterdir()] == ["x"]


@pytest.mark.parametrize(
    "text",
    ["[pythons\n", "pythons = 3\n", "[pythons]\nplain-python = 3\n", "[pythons]\n".encode("utf-16")],
)
def test_settings_with_mistakes_are_named(bench, text):
    bench.settings.overrides.write_bytes(text.encode() if isinstance(text, str) else text)
    bench.process("job", "")
    job = bench.ended("job")
    assert job["FailureReason"].startswith(f"ClientError: {bench.settings.overrides}: ")


def test_cache_that_cannot_be_written_is_named(bench, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path / "cache/inside"))
    bench.train("job", "", {"requirements_txt": "part\n"})
    assert "the environment could not be written to the cache: " in failed(bench, "job", "Training")


@pytest.mark.parametrize("uri", ["s3://Not_A_Bucket!/x", "s3://no-such-bucket-here/x"])
def test_channel_without_a_bucket_is_rejected(bench, uri):
    from sagemaker_local.api.protocol import ApiError

    with pytest.raises(ApiError, match="No S3 objects found under S3 URL"):
        bench.train("job", "", InputDataConfig=[bench.channel("train", uri)])


def test_request_that_nests_too_deeply_is_rejected(bench):
    from sagemaker_local.api import protocol

    headers = {"x-amz-target": "SageMaker.CreateModel"}
    status, _, body = protocol.handle(bench.service, "/", headers, b'{"a":' + b"[" * 200_000)
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")


def test_hyperparameter_that_nests_too_deeply_fails_the_job(bench):
    bench.train("job", "", hyperparameters={"sagemaker_program": "[" * 2500})
    failed(bench, "job", "Training")


def failed(bench, name, noun="Processing"):
    job = bench.ended(name, noun)
    assert job[f"{noun}JobStatus"] == "Failed", job
    assert "InternalServerError" not in job["FailureReason"]
    assert str(bench.settings.root.parent) not in job["FailureReason"]
    return job["FailureReason"]


def test_clash_of_keys_fails_one_job_only(bench):
    raw = bench.uri("raw/")
    for key in ("raw/2026", "raw/2026/x.csv"):
        bench.put(key, b"1\n")
    show = f"import os; print(sorted(os.listdir({INPUT!r})))"
    bench.process("clash", show, inputs=[bench.s3_input("raw", raw, INPUT)])
    assert f"{raw}2026 and {raw}2026/x.csv cannot both be files" in failed(bench, "clash")
    bench.s3.delete_object(Bucket="jobs", Key=f"{bench.prefix}/raw/2026")
    bench.process("after", show, inputs=[bench.s3_input("raw", raw, INPUT)])
    assert bench.ended("after")["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("shutil.rmtree(made)", f"{OUTPUT} was removed; the job must leave the folder there"),
        ("shutil.rmtree('/opt/ml/processing')", f"{OUTPUT} was removed"),
        ("os.rmdir(made); open(made, 'w')", f"{OUTPUT} is a file"),
        ("open(os.fsencode(made) + b'/caf\\xe9', 'w')", "is not UTF-8, and S3 keys are; rename the file"),
        ("os.makedirs(made + '/d' * 600)", ""),
        (
            "[os.mkdir('x' * 200) or os.chdir('x' * 200) for _ in range(6)]; open('f', 'w')",
            "the limit of S3 is 1024",
        ),
    ],
)
def test_what_a_job_does_to_its_output_is_named(bench, does, reason):
    script = f"import os, shutil; made = {OUTPUT!r}; os.chdir(made); {does}"
    outputs = {"Outputs": [bench.s3_output("made", bench.uri("out"), OUTPUT)]}
    bench.process("job", script, ProcessingOutputConfig=outputs)
    if reason:
        assert reason in failed(bench, "job")
    else:
        assert bench.ended("job")["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("shutil.rmtree('/opt/ml/model')", "/opt/ml/model was removed"),
        ("os.rmdir('/opt/ml/model'); open('/opt/ml/model', 'w')", "/opt/ml/model is a file"),
        ("shutil.rmtree('/opt/ml/output/data'); raise SystemExit(3)", "exit code: 1"),
        ("shutil.rmtree('/opt/ml/output'); raise SystemExit(3)", "exit code: "),
        ("shutil.rmtree('/opt/ml/model'); raise ValueError('mine')", "mine"),
    ],
)
def test_what_a_job_does_to_its_model_is_named(bench, does, reason):
    bench.train("job", f"import os, shutil; {does}")
    assert reason in failed(bench, "job", "Training")


def test_model_with_names_that_are_not_utf8_round_trips(bench):
    bench.train("names", "open(b'/opt/ml/model/caf\\xe9', 'w').write('1')")
    assert bench.ended("names", "Training")["TrainingJobStatus"] == "Completed"
    assert list(bench.archive("models/names/output/model.tar.gz")) == ["caf\udce9"]


def tar_of(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name.replace("_", "."))
            member.size, member.mode = len(body), 0
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


TRAIN = b"print('ran')"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"no tarball", "source.tar.gz cannot be unpacked: Not a gzipped file"),
        (b"", "cannot be unpacked"),
        (tar_of(other_py=TRAIN), "exit code: 1"),
        (tar_of(train_py=TRAIN, requirements_txt=b"hum anize===\n"), "InstallRequirementsError"),
        (tar_of(train_py=TRAIN, requirements_txt=b"caf\xe9\n"), "requirements.txt is not text in utf-8"),
        (tar_of(train_py=TRAIN, requirements_txt=b"-r other.txt\n"), "InstallRequirementsError"),
        (tar_of(train_py=TRAIN), ""),
    ],
    ids=["text", "empty", "no-script", "bad-line", "latin-1", "missing-file", "no-permissions"],
)
def test_source_archives_with_mistakes_are_named(bench, source, reason):
    submit = bench.put("job/broken/source.tar.gz", source)
    bench.train("job", "", hyperparameters={"sagemaker_submit_directory": json.dumps(submit)})
    if reason:
        assert reason in failed(bench, "job", "Training")
    else:
        assert bench.ended("job", "Training")["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    "directory", ["s3://jobs/nowhere.tar.gz", "s3://", "/opt/ml/../../etc/passwd", "/opt/ml/x"]
)
def test_source_that_is_not_there_is_named(bench, directory):
    bench.train("job", "", hyperparameters={"sagemaker_submit_directory": json.dumps(directory)})
    failed(bench, "job", "Training")


@pytest.mark.parametrize(
    "parameters",
    [
        {"a=b": "1"},
        {"é ü": "x y"},
        {"long": "x" * 2500},
        {"-": "--"},
        {"quote'\"": "$(id) `id` \\"},
        {"json": "[1, {"},
    ],
)
def test_unusual_hyperparameters_reach_the_script_or_are_named(bench, parameters):
    bench.train("job", "import sys; print(sys.argv)", hyperparameters=parameters)
    job = bench.ended("job", "Training")
    assert "InternalServerError" not in job.get("FailureReason", "")


@pytest.mark.parametrize("text", ["nul\0", "\ud800"])
def test_text_that_no_process_can_receive_is_rejected(bench, text):
    from sagemaker_local.api.protocol import ApiError

    with pytest.raises(ApiError, match="failed to satisfy constraint: Member must be text without null"):
        bench.process("job", "", Environment={"A": text})


def test_local_path_that_cannot_be_a_folder_is_named(bench):
    """`a` is a file of another input, so that `a/b` cannot be a folder."""
    raw = bench.put("raw/a", b"1")
    inputs = [
        bench.s3_input("one", raw, "/opt/ml/processing/input"),
        bench.s3_input("two", raw, "/opt/ml/processing/input/a/b"),
    ]
    bench.process("job", "", inputs=inputs)
    assert failed(bench, "job").startswith("ClientError: /opt/ml/processing/input/")


def test_program_that_cannot_run_is_named(bench):
    specification = {"ImageUri": "plain-python", "ContainerEntrypoint": ["x" * 256]}
    bench.process("job", "", AppSpecification=specification)
    assert failed(bench, "job").startswith("AlgorithmError: ")


def test_python_of_the_machine_that_is_gone_is_named(bench):
    (bench.settings.overrides).write_text(f'[pythons]\n"plain-python" = "{sys.prefix}/gone/python"\n')
    bench.process("job", "")
    assert failed(bench, "job").startswith("ClientError: the Python ")
