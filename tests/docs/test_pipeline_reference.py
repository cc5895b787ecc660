from __future__ import annotations

import re

from tools.pipeline_reference import document_reference

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_values import STAGE_VALUES, VALUES
from stagewright.stages.base.schema import Defaults
from stagewright.stages.endpoint.schema import Endpoint
from stagewright.stages.gate.schema import Gate
from stagewright.stages.processing.schema import Processing
from stagewright.stages.register.schema import Register
from stagewright.stages.training.schema import Training
from stagewright.syntax.ambiguous_scalars import AMBIGUOUS_SCALARS


def sections():
    parts = re.split(r"^## (.*)\n", document_reference(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_field_of_every_model_is_in_its_section():
    models = {
        "The document": Pipeline,
        "`defaults`": Defaults,
        "Stages of kind `processing`": Processing,
        "Stages of kind `training`": Training,
        "Stages of kind `gate`": Gate,
        "Stages of kind `register`": Register,
        "Stages of kind `endpoint`": Endpoint,
    }
    for title, model in models.items():
        fields = re.findall(r"^\| `(\w+)` \|", sections()[title], flags=re.MULTILINE)
        assert fields == [field.alias or name for name, field in model.model_fields.items()]


def test_every_row_has_four_cells_and_a_description():
    for row in sections()["Stages of kind `training`"].splitlines():
        if row.startswith("| `"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            assert len(cells) == 4
            assert cells[1]
            assert cells[3]


def test_types_limits_and_defaults_are_in_plain_words():
    training = sections()["Stages of kind `training`"]

    assert (
        "| `instance_count` | whole number (at least 1), or reference such as `${parameters.size}` |"
        in training
    )
    assert "| `kind` | `training` | required |" in training
    assert "mapping of text to: text, number, or true or false" in training
    for word in ("Union", "Optional", "NoneType", "tuple", "Mapping", "<class"):
        assert word not in document_reference()


def test_limits_of_lists_and_mappings_count_entries():
    assert "mapping of text to: mapping (at most 30 entries)" in sections()["Stages of kind `tuning`"]
    assert "or list of: text (at most 100 entries)" in sections()["Stages of kind `gate`"]
    assert "text (at most 60,000 characters)" in document_reference()


def test_every_section_that_the_page_names_exists():
    named = re.findall(r"See \*([^*]+)\*", document_reference())
    assert named
    assert set(named) <= set(sections())


def test_page_has_every_reference_and_ambiguous_scalar():
    text = document_reference()

    for path in VALUES:
        assert f"`${{{'.'.join(path)}}}`" in text
    for word, value in STAGE_VALUES.items():
        assert f"`${{stages.<stage>.{word}{'.<name>' if value.named else ''}}}`" in text
    for trap in AMBIGUOUS_SCALARS:
        assert all(f"`{example}`" in sections()["Rejected YAML"] for example in trap.examples)
