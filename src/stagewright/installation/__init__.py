"""Everything that an installation consists of, as data that Terraform and the local target both read."""

from __future__ import annotations

from stagewright.installation.render import fill
from stagewright.installation.resources import resources

__all__ = ["fill", "resources"]
