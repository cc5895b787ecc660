"""The `train` command of the XGBoost image for a job without a script: `python -m <this module>`."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from typing import Any

from _sagemaker_toolkit import folders


def main() -> int:
    """Train. Returns 1 after a failure. The error is in /opt/ml/output/failure, the traceback in the log.

    AWS's container writes the traceback to both, and SageMaker cuts it off before the error.
    """
    logging.basicConfig(
        level=logging.INFO, format="[%(asctime)s:%(levelname)s] %(message)s", stream=sys.stdout
    )
    logging.info("Running XGBoost Sagemaker in algorithm mode")
    try:
        from sagemaker_xgboost_container.algorithm_mode.train import train

        checkpoints = _config("checkpointconfig").get("LocalPath", "/opt/ml/checkpoints")
        has_checkpoints = os.path.exists(_file("checkpointconfig"))
        train(_config("hyperparameters"), _config("inputdataconfig"), checkpoints if has_checkpoints else "")
    except Exception as error:
        reason = "".join(traceback.format_exception_only(type(error), error)).strip()
        with open(os.path.join(folders.output_dir, "failure"), "w") as failure:
            failure.write(f"framework error: \n{reason}")
        traceback.print_exc()
        return 1
    return 0


def _config(name: str) -> dict[str, Any]:
    if not os.path.exists(_file(name)):
        return {}
    with open(_file(name)) as file:
        loaded: dict[str, Any] = json.load(file)
        return loaded


def _file(name: str) -> str:
    return os.path.join(folders.input_config_dir, f"{name}.json")


if __name__ == "__main__":
    sys.exit(main())
