"""The command line: commands load, call and print; everything else is in the layers below."""

from __future__ import annotations
