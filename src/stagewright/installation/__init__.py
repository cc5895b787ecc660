"""Everything that an installation consists of, as data that Terraform and the local target both read."""

from __future__ import annotations
