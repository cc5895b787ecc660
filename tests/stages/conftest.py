"""Share the document fixtures with the tests of the kinds' rules."""

from __future__ import annotations

from tests.document.conftest import house

__all__ = ["house"]
