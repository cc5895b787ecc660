"""The acts: push a release, plan, claim, start, stop, see what happened. The first layer with boto3."""

from __future__ import annotations
