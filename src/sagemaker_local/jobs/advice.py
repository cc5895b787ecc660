"""What to do after a script failed."""

from __future__ import annotations

import re

from sagemaker_local.images.image_list import lacks

MISSING = re.compile(r"^(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'", re.MULTILINE)


def advice(output: str, framework: str) -> str:
    """How to get a module that the script could not import; empty for another failure.

    `output` are the last lines of the script, `framework` is that of its image.
    """
    missing = MISSING.search(output)
    if missing is None:
        return ""
    name = missing[1].partition(".")[0]
    reason = lacks(framework).get(name)
    if reason:
        return f"AWS's image has {name}, and this environment does not: {reason}"
    return f"the image has no {name}: add its package to requirements.txt next to the entry point"
