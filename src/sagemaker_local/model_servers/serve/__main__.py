"""Load this package under a private name and run the server: `python <this folder> --framework sklearn
--socket FILE`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "_sagemaker_local_serve"
TOOLKIT = "toolkit/stand_ins/common"
"""The shared part of the stand-ins for AWS's toolkits, which this package uses too."""


def load() -> None:
    here = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        NAME, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{here} is not a package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    sys.path.append(str(here.parents[1] / TOOLKIT))
    spec.loader.exec_module(module)
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]


if __name__ == "__main__":
    load()
    sys.exit(importlib.import_module(NAME + ".server").main(sys.argv[1:]))
