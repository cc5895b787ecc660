"""Runs in the Python that has only what Lambda has: calls handlers, writes what came of it.

Arguments: the folder of the unpacked archive, JSON `[[handler, event], ...]`, and the file to write.
"""

import importlib
import importlib.metadata
import json
import sys
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:stagewright-test-router"
)


def outcome(handler, event):
    module, _, function = handler.rpartition(".")
    try:
        return getattr(importlib.import_module(module), function)(event, CONTEXT)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


archive, calls, target = sys.argv[1:]
installed = {found.name.replace("_", "-"): found.version for found in importlib.metadata.distributions()}
sys.path.insert(0, archive)
answers = [outcome(handler, event) for handler, event in json.loads(calls)]
package = sys.modules["stagewright"].__file__
Path(target).write_text(json.dumps({"answers": answers, "installed": installed, "package": package}))
