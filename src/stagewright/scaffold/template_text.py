"""The templates of `init` and `new`, with their fields filled in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).parents[1] / "templates"

Fields = Mapping[str, str]


class Text(Template):
    """A template with fields @{name}, because Terraform, shells and GitLab use $ and %. @@ is an @."""

    delimiter = "@"


def filled(template: str, fields: Fields) -> str:
    return Text((TEMPLATES / template).read_text(encoding="utf-8")).substitute(fields)
