"""Folders of stand-ins for the packages of AWS's images that a laptop cannot install."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "toolkit/stand_ins"
SHARED = "common"
"""What the stand-ins use themselves."""
OF_FRAMEWORK = {
    "sklearn": ("containers", "training", "inference"),
    "xgboost": ("containers", "inference", "xgboost"),
    "pytorch": ("training", "inference"),
    "huggingface": ("training", "inference"),
}
"""The toolkits that the requirements and Dockerfiles of AWS's images install."""
OF_OTHERS = ("inference",)


def stand_ins(framework: str) -> tuple[Path, ...]:
    """The last entries of sys.path for a job or model server of an image with this framework."""
    return tuple(FOLDER / name for name in (SHARED, *OF_FRAMEWORK.get(framework, OF_OTHERS)))
