"""Write the definitions of AWS's public pipelines, as their unchanged code makes them.

    python generate.py GIT_DIRECTORY_OF_aws/amazon-sagemaker-examples [NAME]...

Run it in a Python with the requirements of tests/sagemaker_local/clients/requirements/sdk2.txt. The SDK's
session is a mock, as in the SDK's own unit tests, so nothing is uploaded and no AWS account is needed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock, patch

HERE = Path(__file__).parent
REGION, ACCOUNT, BUCKET = "us-east-1", "111122223333", "my-bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole"
CHURN = " archived/customizing_build_train_deploy_project/modelbuild/pipelines/customer_churn"
CALIFORNIA = " archived/tensorflow2-california-housing-sagemaker-pipelines-deploy-endpoint"
ABALONE = "   ml_ops/sm-pipelines_preprocess_train_evaluate_batch_transform"
CLARIFY = "   ml_ops/sm-pipelines_clarify_model_monitor_integration"
SOURCES = {
    "customer-churn": f"{CHURN}/pipeline.py",
    "abalone-transform": f"{ABALONE}/{ABALONE.rpartition('/')[2]}.ipynb",
    "abalone-tuning": "   ml_ops/sm-pipelines_hyperparameter_tuning.ipynb",
    "california-housing": f"{CALIFORNIA}/{CALIFORNIA.rpartition('/')[2]}.ipynb",
    "abalone-checks": f"{CLARIFY}/{CLARIFY.rpartition('/')[2]}.ipynb",
}


def main(repository: str) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", repository, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    import sagemaker

    commit = git("rev-parse", "HEAD").strip()
    for name in sys.argv[2:] or SOURCES:
        path = SOURCES[name]
        definition = definition_of(git("show", f"HEAD:{path}"), path)
        source = {"repository": "aws/amazon-sagemaker-examples", "commit": commit, "path": path}
        made = {"source": {**source, "license": "Apache-2.0", "sdk": sagemaker.__version__}}
        text = json.dumps({**made, "definition": definition}, indent=1)
        (HERE / f"{name}.json").write_text(text + "\n")


def definition_of(text: str, path: str) -> Any:
    """The definition that a script or notebook makes, in an empty folder with its files."""
    with tempfile.TemporaryDirectory() as folder, mocked():
        os.chdir(folder)
        Path("code").mkdir()
        Path("code/train.py").write_text("")
        namespace: dict[str, Any] = {"__file__": f"{folder}/pipeline.py", "__name__": "pipeline"}
        if path.endswith(".py"):
            for script in ("preprocess.py", "evaluate.py"):
                Path(script).write_text("")
            exec(text, namespace)
            made = namespace["get_pipeline"](region=REGION, role=ROLE, default_bucket=BUCKET)
            return json.loads(made.definition())
        for cell in cells(text):
            run_cell(cell, namespace)
        return json.loads(namespace["pipeline"].definition())


def cells(text: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def run_cell(cell: str, namespace: dict[str, Any]) -> None:
    """Run a cell. Cells that download data or start the pipeline are left out."""
    if written := re.match(r"%%writefile (\S+)\n", cell):
        Path(written[1]).write_text(cell[written.end() :])
        return
    lines = [line for line in cell.splitlines() if not line.lstrip().startswith(("!", "%"))]
    code = "\n".join(lines)
    try:
        exec(code, namespace)
    except Exception as error:
        print(f"left out: {error!r}: {code.splitlines()[:1]}", file=sys.stderr)


@contextmanager
def mocked() -> Iterator[None]:
    """boto3 without AWS."""
    import boto3
    import sagemaker

    session = MagicMock(region_name=REGION)
    identity = {"Account": ACCOUNT, "Arn": ROLE}
    client = session.client.return_value
    client.get_caller_identity.return_value = identity
    client.create_function.side_effect = lambda FunctionName, **_: {  # noqa: N803 -- boto3's name
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FunctionName}"
    }
    helper, split = ModuleType("iam_helper"), ModuleType("sklearn.model_selection")
    made = ("create_s3_lambda_role", "create_sagemaker_lambda_role")
    vars(helper).update(dict.fromkeys(made, lambda _: ROLE))
    vars(split)["train_test_split"] = lambda *_, **__: (MagicMock(),) * 4
    modules = {"iam_helper": helper, "sklearn": ModuleType("sklearn"), split.__name__: split}
    replaced = {"Session": lambda *_, **__: session, "client": session.client, "resource": session.resource}
    with (
        patch.multiple(boto3, **replaced),
        patch.object(boto3.session, "Session", replaced["Session"]),
        patch.object(sagemaker, "get_execution_role", lambda *_, **__: ROLE),
        patch("numpy.save"),
        patch("pandas.read_csv"),
        patch.dict(sys.modules, modules),
    ):
        yield


if __name__ == "__main__":
    main(sys.argv[1])
