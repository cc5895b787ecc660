"""Print the state machine as JSON: `python -m stagewright.state_machine`."""

from __future__ import annotations

import json
import sys

from stagewright.state_machine.builder import build

if __name__ == "__main__":
    json.dump(build(), sys.stdout, indent=2)
    sys.stdout.write("\n")
