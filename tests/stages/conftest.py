"""The document of the tests of `document`, for the rules of the kinds."""

from __future__ import annotations

from tests.document.conftest import house

__all__ = ["house"]
