from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sagemaker_local.toolkit import train

IMPORTED = "import sys; sys.path.append(sys.argv[1]); import train; print('typing' in sys.modules)"


def test_train_command_does_not_import_typing() -> None:
    command = [sys.executable, "-I", "-S", "-c", IMPORTED, str(Path(train.__file__).parent)]
    assert subprocess.check_output(command, text=True).strip() == "False"
