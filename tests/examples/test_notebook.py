"""The notebook of examples/notebook, executed by Jupyter's own kernel, cell by cell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.cached_python import python_with

from stagewright.local import server

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
REQUIREMENTS = Path(__file__).parent / "requirements/notebook.txt"
SECONDS = 900
EXECUTE = """
import sys, nbformat, nbclient
source, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="stagewright").execute()
nbformat.write(notebook, target)
"""


def packages_of(python: Path) -> str:
    (folder,) = (python.parents[1] / "lib").glob("python*/site-packages")
    return str(folder)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The notebook with its outputs. The kernel is this Python, so that the local server has its packages."""
    python = python_with(REQUIREMENTS, "no package index can be reached")
    root = tmp_path_factory.mktemp("jupyter")
    shutil.copytree(EXAMPLES / "notebook", root / "notebook")
    kernel = root / "kernels/stagewright"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    packages = {"PYTHONPATH": packages_of(python)}
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "env": packages, "language": "python", "display_name": "Stagewright"})
    )
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_TARGET"))}
    folders = {
        "JUPYTER_PATH": str(root), "IPYTHONDIR": str(root / "ipython"),
        "STAGEWRIGHT_STATE": str(root / "state"), "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }  # fmt: skip
    command = [str(python), "-c", EXECUTE, "house_prices.ipynb", str(root / "executed.ipynb")]
    try:
        done = subprocess.run(
            command, cwd=root / "notebook", env=inherited | folders, capture_output=True, text=True,
            check=False, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        assert server.find(root / "state") is None
    finally:
        server.down(root / "state")
    return json.loads((root / "executed.ipynb").read_text())


def outputs(notebook: dict[str, Any], text: str) -> dict[str, Any]:
    """What the cell that contains `text` shows: MIME type -> content."""
    (cell,) = [cell for cell in notebook["cells"] if text in "".join(cell["source"])]
    return {kind: value for output in cell["outputs"] for kind, value in output.get("data", {}).items()}


def test_plan_and_runs_are_tables(executed):
    plan = "".join(outputs(executed, 'sw.plan(".")')["text/html"])
    assert "<td>train</td>" in plan
    assert "<td>deploy</td>" in plan
    runs = "".join(outputs(executed, "runs = sw.runs")["text/html"])
    assert runs.count("<td>SUCCEEDED</td>") == 10


def test_metrics_of_ten_runs_are_plotted(executed):
    frame = "".join(outputs(executed, "frame = runs.to_frame()")["text/html"])
    assert frame.count("<tr") == 11
    assert outputs(executed, "plt.subplots")["image/png"]


def test_endpoint_predicts_the_prices(executed):
    served = "".join(outputs(executed, "served = sw.run")["text/html"])
    assert re.search("<td>train</td><td>(REUSED|SUCCEEDED)</td>", served)
    assert "<td>deploy</td><td>SUCCEEDED</td>" in served
    table = "".join(outputs(executed, "prices = sw.predict")["text/html"])
    rows = [row.split("</td>") for row in table.split("<tr>")[1:] if "<td>" in row]
    prices = [[int(cell.rpartition(">")[2]) for cell in row[-3:-1]] for row in rows]
    assert len(prices) == 5
    assert all(abs(predicted - sold) < 0.5 * sold for sold, predicted in prices)


def test_committed_notebook_has_no_outputs():
    notebook = json.loads((EXAMPLES / "notebook/house_prices.ipynb").read_text())
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])
