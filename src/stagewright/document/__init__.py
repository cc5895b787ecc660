"""What the user wants: the document, its references and its checks."""

from __future__ import annotations
