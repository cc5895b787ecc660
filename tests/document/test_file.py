from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stagewright.document import canonical_json
from stagewright.document.file import read_document, read_overlay
from stagewright.document.load import load
from stagewright.errors import DocumentError

YAML = """\
name: house-price
parameters: {min_r2: 0.88}
defaults:
  image: sklearn-1.4
  instance_type: ml.m5.xlarge
stages:
  train:
    kind: training
    entry_point: train.py
    hyperparameters:
      n-estimators: 300
      rate: 0.1
      warm: true
      loss: "on"
  quality:
    kind: gate
    require: "${stages.train.metrics.mae} > ${parameters.min_r2}"
"""
YAML = YAML.replace("    hyperparameters:", "    metrics: {mae: 'MAE: ([0-9.]+)'}\n    hyperparameters:")


@pytest.fixture
def write(tmp_path):
    def to(text: str | bytes, name: str = "pipeline.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to


def problems_of(path):
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [
        (problem.line, problem.path, problem.message, problem.remedy) for problem in caught.value.problems
    ]


def test_yaml_and_json_load_equally(write):
    from_yaml = read_document(write(YAML))
    text = canonical_json.document_json(from_yaml)
    from_json = read_document(write(text, "pipeline.json"))

    assert from_yaml == from_json == load(json.loads(text))
    assert from_yaml.stages["train"].hyperparameters == {
        "n-estimators": 300,
        "rate": 0.1,
        "warm": True,
        "loss": "on",
    }
    assert canonical_json.sha256_of(canonical_json.document_json(from_json)) == canonical_json.sha256_of(text)


def test_crlf_byte_order_mark_and_json_tabs_are_accepted(write):
    plain = read_document(write(YAML))
    tabbed = json.dumps(json.loads(canonical_json.document_json(plain)), indent="\t")

    assert read_document(write(b"\xef\xbb\xbf" + YAML.replace("\n", "\r\n").encode())) == plain
    assert read_document(write(tabbed, "p.JSON")) == plain


PLACED = [
    (
        "rate: 0.1",
        "rate: 1e-3",
        13,
        "stages.train.hyperparameters.rate",
        "1e-3 is read as text by some YAML readers and as a number by others",
        'write 0.001, or "1e-3" for text',
    ),
    (
        "rate: 0.1",
        "rate: yes",
        13,
        "stages.train.hyperparameters.rate",
        "as text by some YAML readers and as true or false",
        "write true,",
    ),
    ("rate: 0.1", "on: 0.1", 13, "stages.train.hyperparameters.on", "on is read as text", 'write "on"'),
    ("rate: 0.1", "y: 0.1", 13, "stages.train.hyperparameters.y", "y is read as text", 'write "y"'),
    ("rate: 0.1", "010: 0.1", 13, "stages.train.hyperparameters.010", "010 is read as octal", 'write "010"'),
    (
        "rate: 0.1",
        "3: 0.1",
        13,
        "stages.train.hyperparameters.3",
        "3 is not a text; keys must be",
        'write "3"',
    ),
    ("rate: 0.1", "true: 0.1", 13, "stages.train.hyperparameters.true", "true is not a text", 'write "true"'),
    (
        "rate: 0.1",
        "? [a]\n      : 1",
        13,
        "stages.train.hyperparameters.?",
        "a key must be a text",
        "key: value",
    ),
    ("rate: 0.1", "<<: {a: 1}", 13, "stages.train.hyperparameters.<<", "<< merges", 'write "<<"'),
    (
        "entry_point: train.py",
        "entry_point: train.py\n    after: [~]",
        10,
        "stages.train.after[0]",
        "~ is nothing",
        "write null",
    ),
    (
        "rate: 0.1",
        "rate: &a 0.1",
        13,
        "stages.train.hyperparameters.rate",
        "&a: anchors are not allowed",
        "repeat the value",
    ),
    (
        "rate: 0.1",
        "rate: !!str 0.1",
        13,
        "stages.train.hyperparameters.rate",
        "!!str: tags are not allowed",
        "quote",
    ),
    (
        "rate: 0.1",
        "rate: !mine 0.1",
        13,
        "stages.train.hyperparameters.rate",
        "!mine: tags are not allowed",
        "quote",
    ),
    (
        "rate: 0.1",
        "!!str rate: 0.1",
        13,
        "stages.train.hyperparameters.rate",
        "anchors and tags",
        "remove them",
    ),
    (
        "rate: 0.1",
        "rate: 9007199254740993",
        13,
        "stages.train.hyperparameters.rate",
        "larger than 9007199254740991",
        "fewer digits",
    ),
    (
        "rate: 0.1",
        "rate: 2026-01-01",
        13,
        "stages.train.hyperparameters.rate",
        "read as a date",
        'write "2026-01-01"',
    ),
    (
        "rate: 0.1",
        "n-estimators: 1",
        13,
        "stages.train.hyperparameters.n-estimators",
        "is repeated",
        "the first is in line 12",
    ),
    ("  quality:", "  train:", 16, "stages.train", "is repeated", "the first is in line 7"),
    ("rate: 0.1", "rate: 0.1\n---\nname: b", 14, "---", "a second document begins", "one document per file"),
    # wrong as a document, so with the lines of the file
    ("rate: 0.1", "rate: ", 13, "stages.train.hyperparameters.rate", "not nothing (null)", ""),
    (
        "entry_point: train.py",
        "entry_pont: train.py",
        9,
        "stages.train.entry_pont",
        'unknown key "entry_pont"',
        '"entry_point"',
    ),
    ("metrics.mae", "metrics.mea", 18, "stages.quality.require", "no metric 'mea'", '"mae"'),
    ("min_r2: 0.88", "min_r: 0.88", 18, "stages.quality.require", "no such parameter", '"min_r"'),
    ("    entry_point: train.py\n", "", 7, "stages.train", "no entry_point", ""),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "message", "remedy"), PLACED, ids=[case[1] for case in PLACED]
)
def test_problem_has_line_path_and_remedy(write, old, new, line, path, message, remedy):
    assert old in YAML
    reported = problems_of(write(YAML.replace(old, new, 1)))

    assert [(place, where) for place, where, _, _ in reported] == [(line, path)], reported
    assert message in reported[0][2]
    assert remedy in reported[0][3]


def test_alias_and_anchor_are_rejected(write):
    reported = problems_of(write(YAML.replace("rate: 0.1", "rate: &a 0.1").replace("warm: true", "warm: *a")))

    assert [(line, message.split(":")[0]) for line, _, message, _ in reported] == [(13, "&a"), (14, "*a")]


def test_ambiguous_scalars_are_reported_together(write):
    reported = problems_of(write(YAML.replace("0.88", ".5").replace("300", "0o10").replace("0.1", "12:30")))

    assert [line for line, *_ in reported] == [2, 12, 13]


def test_ambiguous_scalar_does_not_hide_other_problems(write):
    text = YAML.replace("rate: 0.1", "rate: 1e-3").replace("sklearn-1.4", "sklearn-9")
    text = text.replace("metrics.mae}", "metrics.mea}").replace(
        "kind: training", "kind: training\n    enabled: off"
    )
    reported = [(line, path) for line, path, *_ in problems_of(write(text))]

    assert reported == [
        (4, "defaults.image"),
        (9, "stages.train.enabled"),
        (14, "stages.train.hyperparameters.rate"),
        (19, "stages.quality.require"),
    ]


def test_ambiguous_scalar_in_an_enumeration_lists_its_values(write):
    register = (
        "  keep:\n    {kind: register, model: '${stages.train.model}', entry_point: a.py, approval: yes}\n"
    )
    reported = problems_of(write(YAML + register))

    assert [(path, remedy) for _, path, _, remedy in reported] == [
        ("stages.keep.approval", "must be 'manual', 'approved' or 'rejected'")
    ]


SYNTAX = [
    ("a:\n  b: 1\n c: 2\n", 3, "the indentation does not fit the lines above", "in the same column"),
    ("a:\n  - x\n y: 1\n", 3, "the indentation does not fit the lines above", "in the same column"),
    ("a:\n\tb: 1\n", 2, "a tab in the indentation", "spaces"),
    ("a:\n  b: 1\n\tc: 2\n", 3, "a tab in the indentation", "spaces"),
    ("a: 1\n  b: 2\n", 2, "an indentation that does not fit the lines above", "quote"),
    ("a: @x\n", 1, "a text cannot begin with @", 'quote it: "@..."'),
]


@pytest.mark.parametrize(("text", "line", "message", "remedy"), SYNTAX, ids=[case[0] for case in SYNTAX])
def test_syntax_error_is_explained_in_plain_words(write, text, line, message, remedy):
    reported = problems_of(write(text))

    assert [problem[0] for problem in reported] == [line]
    assert message in reported[0][2]
    assert remedy in reported[0][3]


UNREADABLE = [
    (b"", "pipeline.yaml", None, "the file is empty"),
    (b"# only a remark\n", "pipeline.yaml", None, "the file is empty"),
    (b"", "pipeline.json", None, "the file is empty"),
    (b"- a\n- b\n", "pipeline.yaml", None, "the file does not contain a mapping"),
    (b"[1]", "pipeline.json", None, "the file does not contain a mapping"),
    (b"name: x\nstages: \xff\n", "pipeline.yaml", 2, "the file is not UTF-8"),
    (b"name: x\n\tstages: 1\n", "pipeline.yaml", 2, "(column 1)"),
    (b"name: 'x\n", "pipeline.yaml", 1, "invalid YAML: this quote is not closed"),
    (b"a: b: c\n", "pipeline.yaml", 1, "invalid YAML: mapping values are not allowed"),
    (b"a: 1\nname: \x00", "pipeline.yaml", 2, "characters are not allowed (column 7)"),
    (b'{"name": "x",\n "a" 1}', "pipeline.json", 2, "invalid JSON: Expecting ':' delimiter (column 6)"),
    (b"a: " + b"[" * 100, "pipeline.yaml", 1, "invalid YAML: nested too deeply"),
    (b'{"a": ' + b"[" * 100_000, "pipeline.json", None, "nested too deeply"),
    (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "pipeline.json", None, "nested too deeply"),
]


@pytest.mark.parametrize(("content", "name", "line", "message"), UNREADABLE, ids=str)
def test_unreadable_file_is_one_problem(write, content, name, line, message):
    reported = problems_of(write(content, name))

    assert len(reported) == 1
    assert reported[0][0] == line
    assert message in reported[0][2]


@pytest.mark.parametrize("name", ["pipeline.yaml", "pipeline.json"])
def test_file_that_is_too_large_is_not_parsed(write, name):
    text = json.dumps({"a": "x" * 1_000_000})
    assert problems_of(write(text, name))[0][2] == "the file is larger than 1,000,000 bytes"


def test_unquoted_reference_in_flow_mapping_has_a_remedy(write):
    reported = problems_of(write("name: x\nstages:\n  a: {kind: gate, require: ${run.id} == 1}\n"))

    assert reported[0][0] == 3
    assert "need quotes" in reported[0][3]


def test_missing_file_and_folder_are_rejected(tmp_path):
    assert problems_of(tmp_path / "none.yaml")[0][2] == "no such file"
    assert problems_of(tmp_path)[0][2] == "this is a folder"


JSON_PROBLEMS = [
    ('{"name": "x", "name": "y"}', 1, "name", "is repeated"),
    (
        '{\n"name": "a\\"}b",\n"stages": {"s": [1, {"a": {},\n"b": NaN}]}}',
        4,
        "stages.s[1].b",
        "NaN is not a JSON number",
    ),
    ('{"a": [[], {}, [1,\n-0.0]]}', 2, "a[2][1]", "minus zero"),
    ('{"a": 123456789012345678901234567890}', 1, "a", "larger than 9007199254740991"),
    ('{"name":\n"X",\n"stages": {"g": {"kind": "gate",\n"require": "1 < 2"}}}', 1, "name", "must consist of"),
    (
        '{"name": "x",\n"stages": {"g": {"kind": "gate",\n"require": "1"}}}',
        3,
        "stages.g.require",
        "expected a comparison",
    ),
]


@pytest.mark.parametrize(
    ("text", "line", "path", "message"), JSON_PROBLEMS, ids=[case[2] for case in JSON_PROBLEMS]
)
def test_json_problem_has_a_line(write, text, line, path, message):
    reported = {problem[:2]: problem[2] for problem in problems_of(write(text, "pipeline.json"))}

    assert message in reported[line, path]


def test_loading_models_imports_neither_yaml_nor_difflib():
    unwanted = ("yaml", "difflib", "boto3")
    code = f"import sys, stagewright.document.load; print([m for m in {unwanted} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_unknown_image_alias_has_a_line(write):
    text = YAML.replace("sklearn-1.4", "sklearn-9").replace(
        "    entry_point:", "    image: xgbost-1\n    entry_point:"
    )
    with pytest.raises(DocumentError) as refused:
        read_document(write(text))
    reported = [(problem.path, problem.line, problem.message) for problem in refused.value.problems]
    assert reported == [
        ("defaults.image", 4, "unknown image: sklearn-9"),
        ("stages.train.image", 9, "unknown image: xgbost-1"),
    ]


def test_referenced_image_is_not_checked_in_the_file(write):
    listed = "{min_r2: 0.88, image: sklearn-9}\nallowed_values: {image: [sklearn-9]}"
    text = YAML.replace("{min_r2: 0.88}", listed)
    text = text.replace("image: sklearn-1.4", 'image: "${parameters.image}"')
    assert read_document(write(text)).defaults.image == "${parameters.image}"


OVERLAID = """name: tiny
parameters: {limit: 3}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  train: {kind: training, entry_point: train.py}
"""


@pytest.fixture
def overlay(tmp_path):
    def read_text(text: str):
        document, file = tmp_path / "pipeline.yaml", tmp_path / "environments" / "prod.yaml"
        document.write_text(OVERLAID)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return read_overlay(file, tmp_path, read_document(document))

    return read_text


def test_overlay_is_read_as_a_partial_document(overlay):
    changes = overlay("parameters: {limit: 4.0, month: a}\nstages:\n  train: {instance_count: 2}\n")
    assert changes == {"parameters": {"limit": 4, "month": "a"}, "stages": {"train": {"instance_count": 2}}}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("parameters: {limit: 4}\nstages:\n  train: {enabled: on}\n", 3, "stages.train.enabled"),
        ("parameters:\n  limit: 4\n stages: {}\n", 3, "invalid YAML"),
        ("parameters: [\n", 2, "invalid YAML"),
        ("stages:\n  train:\n    instance_tipe: x\n", 3, 'did you mean "instance_type"'),
        ("stages:\n  more: {enabled: false}\n", 2, "stages.more: the document has no such stage"),
        ("stages:\n  tain: {enabled: false}\n", 2, 'did you mean "train"?; to add a stage'),
        ("stages:\n  more: {kind: trainin}\n", 2, 'stages.more.kind: unknown kind "trainin"'),
        ("parameters:\n  limit: many\n", 2, 'the document declares a number, not "many"'),
        ("parameters:\n  limt: 4\n", 2, 'did you mean "limit"?'),
        ("parameters: {}\nname: other\n", 2, "name: an overlay cannot change it"),
        ("code: elsewhere\n", 1, "code: an overlay cannot change it"),
        ("stages:\n  train:\n    image: sklern-1.4\n", 3, "stages.train.image"),
        ("parameters: {limit: 12345678901234567890}\n", 1, "larger than 9007199254740991"),
        ("- a\n", None, "the file does not contain a mapping"),
        ("", None, "the file is empty"),
    ],
)
def test_overlay_problem_has_a_line(overlay, text, line, words):
    with pytest.raises(DocumentError) as raised:
        overlay(text)
    first = raised.value.problems[0]
    assert words in str(first)
    assert first.file.endswith("environments/prod.yaml")
    assert first.line == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "name: x\nstages:\n  a:\n\u00a0  kind: gate\n    require: x\n",
            "5: invalid YAML: a no-break space",
        ),
        ('name: "x\nstages: {}\n', "1: invalid YAML: this quote is not closed (column 7) (close it)"),
        (
            "name: x\ndefaults: {instance_type: ml.m5.lrage}\nstages: {a: {kind: gate, require: 1 < 2}}\n",
            "2: defaults.instance_type: ml.m5.lrage is not an instance type in AWS's list of ",
        ),
    ],
)
def test_inconspicuous_mistake_is_explained(tmp_path, text, words):
    file = tmp_path / "pipeline.yaml"
    file.write_text(text)
    with pytest.raises(DocumentError) as raised:
        read_document(file)
    assert any(words in str(problem) for problem in raised.value.problems), raised.value.message


def test_invalid_json_has_a_remedy(tmp_path):
    file = tmp_path / "pipeline.json"
    file.write_text('{"name": "x",}')
    with pytest.raises(DocumentError, match="no comma before"):
        read_document(file)
