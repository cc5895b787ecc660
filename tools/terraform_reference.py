"""The page of the Terraform modules' variables and outputs, from their own descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

INFRA = Path(__file__).parent.parent / "infra"
MODULES = {
    "The installation": INFRA,
    "A pipeline": INFRA / "modules" / "pipeline",
    "The roles of CI": INFRA / "modules" / "ci",
    "Policies for people": INFRA / "modules" / "people",
}
REQUIRED = "required"
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.M | re.S)
_FIELD = re.compile(r"^  (description|default|type) += (.*)$", re.M)


def terraform_reference() -> str:
    parts = ["# Terraform: variables and outputs\n\nGenerated from the modules (`make docs`).\n"]
    for title, folder in MODULES.items():
        place = folder.relative_to(INFRA.parent).as_posix()
        parts.append(f"## {title}: `{place}`\n")
        variables = [
            f"| `{name}` | {_default(fields)} | {fields['description']} |"
            for name, fields in _blocks(folder / "variables.tf")
        ]
        parts.append("\n".join(["| variable | default | what |", "|---|---|---|", *variables]) + "\n")
        outputs = [
            f"| `{name}` | {fields['description']} |" for name, fields in _blocks(folder / "outputs.tf")
        ]
        parts.append("\n".join(["| output | what |", "|---|---|", *outputs]) + "\n")
    return "\n".join(parts)


def _blocks(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for _, name, body in _BLOCK.findall(path.read_text()):
        fields = {field: value.strip() for field, value in _FIELD.findall(body)}
        yield name, {**fields, "description": fields["description"].strip('"').replace('\\"', '"')}


def _default(fields: dict[str, str]) -> str:
    return f"`{fields['default']}`" if "default" in fields else REQUIRED
