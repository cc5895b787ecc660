"""The AWS resources of an installation, as data that Terraform and the local target both read."""

from __future__ import annotations
