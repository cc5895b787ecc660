"""The model server that runs inside a model's Python environment: `GET /ping` and `POST /invocations`.

It imports the standard library only, plus numpy where a default codec needs it, and runs on the Pythons that
the framework images carry (3.8 and later), so it uses nothing newer. `__main__.py` loads it under a private
name: a user's own `server.py` or `handlers.py` never meets ours.
"""

from __future__ import annotations
