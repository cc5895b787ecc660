"""Writes the generated pages of `docs/`. A test fails when what is committed is stale."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from stagewright.document.json_schema import schema
from tools.compliance_reference import compliance_reference
from tools.iam_reference import iam_reference
from tools.pipeline_reference import document_reference
from tools.python_reference import python_reference
from tools.rules_reference import rules_reference
from tools.sagemaker_reference import sagemaker_reference
from tools.terraform_reference import terraform_reference

DOCS = Path(__file__).parent.parent / "docs"


def schema_page() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def cli_page() -> str:
    """The help of every command, as a terminal 100 columns wide shows it."""
    os.environ |= {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    from click.testing import CliRunner
    from typer.main import get_command

    from stagewright.cli.app import COMMANDS, app

    command = get_command(app)
    runner = CliRunner()
    names = ("", *COMMANDS)
    parts = ["# The command line\n\nGenerated from the commands' own help (`make docs`).\n"]
    for name in names:
        arguments = [*name.split(), "--help"]
        text = runner.invoke(command, arguments, prog_name="stagewright").output
        text = "\n".join(line.rstrip() for line in text.strip().splitlines())
        parts.append(f"## stagewright {name}".rstrip() + f"\n```\n{text}\n```\n")
    return "\n".join(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "document.md": document_reference,
    "pipeline.schema.json": schema_page,
    "cli.md": cli_page,
    "python-api.md": python_reference,
    "sagemaker.md": sagemaker_reference,
    "sagemaker-rules.md": rules_reference,
    "iam.md": iam_reference,
    "compliance.md": compliance_reference,
    "terraform-variables.md": terraform_reference,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
