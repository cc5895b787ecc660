"""What PIPELINE and -p mean."""

from __future__ import annotations

import os

import pytest

from stagewright.api import documents, sample_data
from stagewright.api.source import Source
from stagewright.errors import DocumentError, NotFoundError, ReleaseError
from stagewright.naming import SAMPLE

TEXT = (
    "name: small\nparameters: {size: 3, rate: 0.5, label: x, fast: false}\n"
    "sample_data: {raw/small/: data}\n"
    "defaults: {image: sklearn-1.4, instance_type: ml.m5.large}\n"
    "stages:\n  one: {kind: processing, code: one.py}\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(TEXT)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "one.py").write_text("print(1)\n")
    return tmp_path


def test_document_is_found_by_path_and_by_folder(folder):
    assert documents.path_of(str(folder)) == documents.path_of(str(folder / "pipeline.yaml"))
    assert documents.name_of(str(folder)) == "small"
    assert documents.name_of("some-pipeline") == "some-pipeline"


def test_missing_document_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=str(tmp_path)):
        documents.path_of(str(tmp_path))


def test_parameters_have_the_declared_type(folder):
    pipeline = documents.read(str(folder))
    given = documents.parse_parameters(pipeline, ["size=4", "rate=0.75", "label=7", "fast=true"])
    assert given == {"size": 4, "rate": 0.75, "label": "7", "fast": True}


def test_parameter_value_may_contain_an_equals_sign(folder):
    assert documents.parse_parameters(documents.read(str(folder)), ["label=a=b"]) == {"label": "a=b"}


def test_every_invalid_parameter_is_reported(folder):
    with pytest.raises(DocumentError) as caught:
        documents.parse_parameters(documents.read(str(folder)), ["size=many", "siez=4", "fast"])
    assert [problem.path for problem in caught.value.problems] == [
        "parameters.size",
        "parameters.siez",
        "-p fast",
    ]


def test_source_has_the_document_and_its_code_files(folder):
    source = Source.read(folder / "pipeline.yaml")
    assert source.pipeline.name == "small"
    assert source.files == {"one.py": b"print(1)\n"}


class Uploads:
    """A local session whose objects are kept in memory."""

    is_local = True

    def __init__(self):
        self.gateway, self.objects, self.kept, self.puts = self, self, {}, []

    def list(self, key, limit):
        import hashlib
        from types import SimpleNamespace

        found = [(name, body) for name, body in sorted(self.kept.items()) if name.startswith(key)][:limit]
        return [SimpleNamespace(key=name, etag=f'"{hashlib.md5(body).hexdigest()}"') for name, body in found]

    def put(self, key, body, metadata):
        assert metadata == SAMPLE
        self.kept[key] = body
        self.puts.append(key)


def test_sample_data_is_uploaded_only_when_it_changed(folder):
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("1")
    (folder / "data" / "deep" / "b.csv").write_text("2")
    (folder / "data" / ".hidden").write_text("3")
    session, source = Uploads(), Source.read(folder / "pipeline.yaml")
    assert sample_data.upload_samples(session, source) == ("raw/small/a.csv", "raw/small/deep/b.csv")
    assert sample_data.upload_samples(session, source) == ()
    (folder / "data" / "a.csv").write_text("changed")
    assert sample_data.upload_samples(session, source) == ("raw/small/a.csv",)
    assert session.kept["raw/small/a.csv"] == b"changed"


@pytest.mark.parametrize("make", ["link", "pipe", "name"])
def test_sample_data_that_leaves_its_folder_is_refused(folder, make):
    (folder / "secret").write_text("key")
    (folder / "data").mkdir()
    if make == "link":
        (folder / "data" / "a.csv").symlink_to(folder / "secret")
    elif make == "pipe":
        os.mkfifo(folder / "data" / "a.csv")
    else:
        (folder / os.fsdecode(b"data/caf\xe9")).write_text("1")
    session, source = Uploads(), Source.read(folder / "pipeline.yaml")
    with pytest.raises(ReleaseError, match=r"is a link out of|is not a file|its name is not UTF-8"):
        sample_data.upload_samples(session, source)
    assert session.puts == []


def test_missing_sample_data_is_named(folder):
    with pytest.raises(ReleaseError, match="sample_data"):
        sample_data.upload_samples(Uploads(), Source.read(folder / "pipeline.yaml"))


def test_sample_data_is_never_uploaded_to_aws(folder):
    session = Uploads()
    session.is_local = False
    assert sample_data.upload_samples(session, Source.read(folder / "pipeline.yaml")) == ()
    assert session.puts == []
