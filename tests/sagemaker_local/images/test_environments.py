"""Environments built from local wheels. Nothing is downloaded."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from zipfile import ZipFile

import pytest

from sagemaker_local.errors import JobEnvironmentError, RequirementsError
from sagemaker_local.images import environments, image_list, interpreters
from sagemaker_local.images.environments import Environments
from sagemaker_local.images.overlay import lay_over

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.9" if HERE != "3.9" else "3.10"


def wheel(folder, name, version, source, requires=()):
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        info = f"{name}-{version}.dist-info"
        file.writestr(f"{name}.py", source)
        needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        recorded = (f"{name}.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        file.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in recorded))


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The only place that packages come from, and an empty cache."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "part", "1.0", "VERSION = '1.0'\n")
    wheel(folder, "part", "2.0", "VERSION = '2.0'  # of another size\n")
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    interpreters.find.cache_clear()
    return folder


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """`listed(pythons, packages, instead)`: images.toml with one image, frame 1.0-1."""

    def write(python, packages, instead=None):
        text = (
            f'[[image]]\nframework = "frame"\nversion = "1.0-1"\npython = {python}\npackages = {packages}\n'
        )
        if instead:
            text += f"[[image.instead]]\npython = {instead[0]}\npackages = {instead[1]}\n"
        (tmp_path / "images.toml").write_text(text)
        monkeypatch.setattr(image_list, "IMAGES", tmp_path / "images.toml")
        forget()

    def forget():
        image_list._data.cache_clear()
        image_list.images.cache_clear()

    yield write
    forget()


def printed(python, code):
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_environment_is_built_once(wheels, listed):
    listed([HERE], ["part==1.0"])
    lines = []
    first = Environments().resolve("frame-1.0", lines.append)
    second = Environments().resolve("frame-1.0-1", lines.append)
    assert first == second
    assert (first.framework, first.version, first.warning) == ("frame", "1.0-1", "")
    assert len(lines) == 1
    assert "building the environment of frame-1.0" in lines[0]
    assert printed(first.python, "import part; print(part.VERSION)") == "1.0"
    assert list(first.python.parents[1].glob("lib/python*/site-packages/__pycache__/part.*.pyc"))


def test_concurrent_requests_share_one_build(wheels, listed):
    listed([HERE], ["part==1.0"])
    lines, found = [], []
    threads = [
        threading.Thread(target=lambda: found.append(Environments().resolve("frame-1.0", lines.append)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines) == 1
    assert found[0] == found[1]


def test_nearest_python_has_a_warning(wheels, listed, monkeypatch):
    own = interpreters.find(HERE)
    monkeypatch.setattr(interpreters, "find", lambda version: own if version == HERE else None)
    listed([OTHER, HERE], ["part==1.0"])
    assert Environments().resolve("frame-1.0").warning == (
        f"frame-1.0 runs on Python {HERE} here; the image has {OTHER}"
    )
    listed([OTHER], ["part==1.0"], instead=([HERE], ["part==2.0"]))
    other = Environments().resolve("frame-1.0")
    assert other.warning.startswith("frame-1.0 cannot be built on this machine: part==2.0 on Python")
    assert printed(other.python, "import part; print(part.VERSION)") == "2.0"


def test_missing_python_is_an_error_with_versions(wheels, listed, monkeypatch):
    monkeypatch.setattr(interpreters, "find", lambda _version: None)
    listed(["3.10", "3.11"], ["part==1.0"])
    with pytest.raises(
        JobEnvironmentError, match=r"frame-1\.0 needs Python 3\.10 or 3\.11, which is not installed"
    ):
        Environments().resolve("frame-1.0")


def test_missing_package_leaves_no_partial_environment(wheels, listed, tmp_path):
    listed([HERE], ["absent==1.0"])
    with pytest.raises(JobEnvironmentError, match=r"the environment could not be built: (.|\n)*absent"):
        Environments().resolve("frame-1.0")
    assert [path for path in (tmp_path / "cache/environments").iterdir() if path.is_dir()] == []


def test_python_in_local_toml_wins(wheels, listed, tmp_path):
    listed([HERE], ["absent==1.0"])
    (tmp_path / "local.toml").write_text(f'[pythons]\n"frame-1.0" = "{sys.executable}"\n')
    found = Environments(tmp_path / "local.toml").resolve("frame-1.0-1")
    assert str(found.python) == sys.executable
    assert "local.toml" in found.warning
    (tmp_path / "local.toml").write_text('[pythons]\n"frame-1.0" = "/no/python"\n')
    with pytest.raises(JobEnvironmentError, match="/no/python does not run"):
        Environments(tmp_path / "local.toml").resolve("frame-1.0")


def test_invalid_local_toml_is_reported(tmp_path):
    (tmp_path / "local.toml").write_text("[pythons\n")
    with pytest.raises(JobEnvironmentError, match=r"local\.toml: "):
        Environments(tmp_path / "local.toml").resolve("sklearn-1.4")


def test_requirements_change_a_copy_and_never_the_base(wheels, listed, tmp_path):
    listed([HERE], ["part==1.0"])
    base = Environments().resolve("frame-1.0")
    file = tmp_path / "requirements.txt"
    file.write_text("part>=2\n")
    changed = Environments().with_requirements(base, file)
    assert printed(changed.python, "import part; print(part.VERSION)") == "2.0"
    assert printed(base.python, "import part; print(part.VERSION)") == "1.0"
    file.write_text("part\n")
    kept = Environments().with_requirements(base, file)
    assert printed(kept.python, "import part; print(part.VERSION)") == "1.0"


@pytest.mark.parametrize("data", ["part>=2\n".encode("utf-16"), b"# coding: latin-1\npart>=2 # caf\xe9\n"])
def test_requirements_in_other_encodings_are_installed(wheels, listed, tmp_path, data):
    listed([HERE], ["part==1.0"])
    file = tmp_path / "requirements.txt"
    file.write_bytes(data)
    changed = Environments().with_requirements(Environments().resolve("frame-1.0"), file)
    assert printed(changed.python, "import part; print(part.VERSION)") == "2.0"


def test_requirements_error_names_no_path_of_this_machine(wheels, listed, tmp_path):
    listed([HERE], ["part==1.0"])
    file = tmp_path / "requirements.txt"
    file.write_text("absent==1.0\n")
    with pytest.raises(RequirementsError, match="absent") as raised:
        Environments().with_requirements(Environments().resolve("frame-1.0"), file)
    assert str(tmp_path) not in raised.value.message


def test_packages_installed_in_an_overlay_stay_out_of_the_base(wheels, listed, tmp_path):
    listed([HERE], ["part==1.0"])
    base = Environments().resolve("frame-1.0")
    layer = lay_over(base.python, tmp_path / "layer")
    assert printed(layer, "import part; print(part.VERSION)") == "1.0"
    (site,) = (tmp_path / "layer").glob("lib/python*/site-packages")
    (site / "mine.py").write_text("VALUE = 1\n")
    assert printed(layer, "import mine, sys; print(mine.VALUE, sys.prefix)") == f"1 {tmp_path / 'layer'}"
    with pytest.raises(subprocess.CalledProcessError):
        printed(base.python, "import mine")


def test_unbuilt_names_images_whose_environment_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path / "cache"))
    known = Environments(tmp_path / "local.toml")
    assert known.unbuilt("sklearn-1.4") == "sklearn-1.4"
    assert known.unbuilt("own/image:1") == ""
    monkeypatch.setattr(environments, "is_built", lambda _folder: True)
    assert known.unbuilt("sklearn-1.4") == ""
    monkeypatch.setattr(environments, "is_built", lambda _folder: False)
    (tmp_path / "local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
    assert known.unbuilt("sklearn-1.4") == ""


def test_problem_reports_failures_without_building(wheels, listed, tmp_path):
    listed([HERE], ["part==1.0"])
    assert Environments().problem("frame-1.0") == ""
    assert "use one of frame-1.0 (frame 1.0-1)" in Environments().problem("nobodys:1")
    own = tmp_path / "local.toml"
    own.write_text(f'[pythons]\n"nobodys:1" = "{sys.executable}"\n')
    assert Environments(own).problem("nobodys:1") == ""
    listed(["3.99"], ["part==1.0"])
    assert "needs Python 3.99, which is not installed" in Environments().problem("frame-1.0")
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_torch_with_cuda_is_rejected_unless_allowed(wheels, listed, tmp_path, monkeypatch):
    wheel(wheels, "torch", "2.0", "", requires=["nvidia-cudnn-cu12"])
    wheel(wheels, "nvidia_cudnn_cu12", "1.0", "")
    listed([HERE], ["torch==2.0"])
    with pytest.raises(JobEnvironmentError, match="SAGEMAKER_LOCAL_LARGE_ENVIRONMENTS=1") as caught:
        Environments().resolve("frame-1.0")
    assert "local.toml" in caught.value.remedy
    assert not list(tmp_path.glob("cache/environments/*.new"))
    monkeypatch.setenv("SAGEMAKER_LOCAL_LARGE_ENVIRONMENTS", "1")
    assert Environments().resolve("frame-1.0").python.exists()


def test_cpu_build_of_torch_is_installed(wheels, listed):
    wheel(wheels, "torch", "3.0", "")
    listed([HERE], ["torch==3.0"])
    assert Environments().resolve("frame-1.0").python.exists()


BACKEND = """
import json, os, pathlib
def get_requires_for_build_wheel(*_):
    pathlib.Path({seen!r}).write_text(json.dumps(dict(os.environ)))
    raise SystemExit("seen")
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def test_package_that_is_built_sees_no_secret_but_of_indexes(wheels, listed, tmp_path, monkeypatch):
    """The build of a requirement runs code of its own on this machine."""
    secrets = ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PIP_PASSWORD", "UV_PUBLISH_TOKEN", "DATABASE_URL")
    for name in secrets:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("UV_INDEX_OWN_PASSWORD", "for the index")
    listed([HERE], ["part==1.0"])
    source = tmp_path / "source"
    source.mkdir()
    (source / "backend.py").write_text(BACKEND.format(seen=str(tmp_path / "seen")))
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "requirements.txt").write_text("./\n")
    with pytest.raises(RequirementsError):
        Environments().with_requirements(Environments().resolve("frame-1.0"), source / "requirements.txt")
    seen = json.loads((tmp_path / "seen").read_text())
    assert "hunter2" not in seen.values()
    assert seen["UV_INDEX_OWN_PASSWORD"] == "for the index"
