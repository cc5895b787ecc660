"""The Python of a job run.

Python shell: an environment that is built on first use, like those of SageMaker's images. It has the most
used packages of the library set `analytics` (developer guide, "Python shell jobs"). boto3 is newer than in
the set, because the set's version does not support AWS_ENDPOINT_URL.

Spark: no environment is built, because of its size.

The table [pythons] in `local.toml` can name another Python as `glue-pythonshell-3.9` and `glue-spark-5.0`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sagemaker_local.images import interpreters
from sagemaker_local.images.environments import Environment, Environments, Report
from sagemaker_local.images.image_list import Image, Packages
from stagewright.local.glue.protocol import unsupported

PYTHON_SHELL = Image(
    "glue-pythonshell",
    "3.9",
    (
        Packages(
            ("3.9", "3.10"),
            (
                "numpy==1.22.3",
                "pandas==1.4.2",
                "scipy==1.8.0",
                "scikit-learn==1.0.2",
                "requests==2.27.1",
                "boto3",
                "pip",
                "setuptools<81",
            ),
        ),
        Packages(
            ("3.11", "3.12", "3.13"),
            (
                "numpy==2.1.3",
                "pandas==2.2.3",
                "scipy==1.14.1",
                "scikit-learn==1.5.2",
                "requests",
                "boto3",
                "pip",
                "setuptools<81",
            ),
        ),
    ),
)


def python_shell(environments: Environments, report: Report) -> Environment:
    """Return the environment of Python shell. Raise JobEnvironmentError if it cannot be built."""
    return environments.of(PYTHON_SHELL.full_alias, PYTHON_SHELL, report)


def spark(environments: Environments, version: str) -> Environment:
    """Return a Python with pyspark. Raise InvalidInputException with the remedy if there is none."""
    alias = f"glue-spark-{version}"
    own = environments.own_python(alias, None)
    python = own or Path(sys.executable)
    if not any((Path(site) / "pyspark").is_dir() for site in interpreters.inspect(python).sites):
        raise unsupported(
            f"Spark, because {python} has no pyspark. Install it (pip install pyspark), or name a Python"
            f" with "
            f'pyspark in local.toml, table [pythons], as "{alias}"'
        )
    return Environment(python, warning=f"Spark runs on {python}, on this machine only")
