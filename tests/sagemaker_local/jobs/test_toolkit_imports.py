from __future__ import annotations

import subprocess
import sys

from sagemaker_local.toolkit import train

IMPORTED = "import runpy, sys; runpy.run_path(sys.argv[1]); print('typing' in sys.modules)"


def test_train_command_does_not_import_typing() -> None:
    command = [sys.executable, "-I", "-S", "-c", IMPORTED, train.__file__]
    assert subprocess.check_output(command, text=True).strip() == "False"
