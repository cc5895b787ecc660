"""The model server inside a model's Python environment: `GET /ping` and `POST /invocations`.

It needs only the standard library, plus numpy for the default codecs, and runs on the Pythons of the
framework images (3.8 and later). `sagemaker_local` is not installed there, so imports are relative.
`__main__.py` loads the package under a private name, so that a user's `server.py` or `handlers.py` does not
collide with it.
"""

from __future__ import annotations
