"""The packages of every environment against those of AWS's own image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sagemaker_local.images.image_list import Image, images

LISTS = Path(__file__).with_name("requirements")
STAND_INS = {"sagemaker-containers", "sagemaker-training", "sagemaker-pytorch-training"}
"""Packages that need a C compiler: src/sagemaker_local/toolkit/stand_ins has what scripts use of them."""
SERVERS = {"multi-model-server", "model-archiver"}
"""The container's own server, which needs Java. Scripts do not import it."""
SYSTEM = {
    "botocore", "charset-normalizer", "cmake", "curl", "cython", "idna", "libcurl", "mkl",
    "mkl-include", "parso", "pybind11", "typing", "urllib3",
}  # fmt: skip
"""Tools, libraries of conda, and what boto3 and requests bring."""
LARGE = {
    "awscli", "blis", "bokeh", "fastai", "ipykernel", "ipython", "opencv-python", "s3torchconnector",
    "sagemaker", "sagemaker-experiments", "shap", "smclarify", "spacy", "thinc", "torchdata", "torchtext",
    "torchtnt", "pyopenssl", "ninja", "mpi4py",
}  # fmt: skip
"""Packages of the PyTorch images that few scripts import, together over a gigabyte."""
GPU = {"dask-cuda", "cuda-python", "pynvml", "bitsandbytes", "flash-attn"}
UNSUPPORTED = {"smdebug"}
LEFT_OUT = STAND_INS | SERVERS | SYSTEM | LARGE | GPU | UNSUPPORTED

OLD = "no wheels of AWS's version for these Pythons"
OTHER = {
    "boto3": "AWS_ENDPOINT_URL needs 1.28",
    "psutil": OLD,
    "gevent": OLD,
    "setuptools": "later ones build the source packages of the list as well",
    "pyyaml": OLD,
    "werkzeug": "0.15 does not run on Python 3.10",
    "numpy": OLD,
    "pandas": OLD,
    "scipy": OLD,
    "scikit-learn": OLD,
    "pillow": OLD,
    "matplotlib": OLD,
    "urllib3": "the version that boto3 1.28 accepts",
    "jinja2": OLD,
    "markupsafe": OLD,
    "six": "1.15 does not run on Python 3.12, so AWS's image for it has 1.16 as well",
    "transformers": "extras for audio and vision are large",
    "huggingface-hub": "hf_transfer only makes downloads faster",
}
"""Packages of another version than AWS's, and why."""
BY_IMAGE = {
    "sklearn-1.4-2": {"psutil", "six"},
    "sklearn-1.2-1": {"boto3", "pandas", "psutil", "scipy", "setuptools", "six", "werkzeug"},
    "sklearn-1.0-1": {"boto3", "numpy", "pandas", "psutil", "scipy", "six", "werkzeug"},
    "xgboost-1.7-1": {
        "boto3", "matplotlib", "numpy", "pandas", "pillow", "psutil", "pyyaml", "scikit-learn", "scipy",
        "werkzeug",
    },
    "xgboost-1.5-1": {"boto3", "numpy", "pandas", "psutil", "pyyaml", "scikit-learn", "scipy", "werkzeug"},
    "xgboost-3.0-5": {"boto3", "gevent", "pillow", "psutil", "pyyaml", "scikit-learn", "werkzeug"},
    "huggingface-4.49.0-pytorch2.5.1": {"transformers", "huggingface-hub"},
}  # fmt: skip


def listed(name: str) -> Iterator[Requirement]:
    for line in (LISTS / f"{name}.txt").read_text().splitlines():
        if not line.startswith("#"):
            yield Requirement(line)


def own(image: Image) -> dict[str, Requirement]:
    requirements = map(Requirement, image.ways[0].packages)
    return {canonicalize_name(each.name): each for each in requirements}


@pytest.mark.parametrize("image", images(), ids=lambda image: image.full_alias)
def test_environment_has_the_packages_of_the_image(image: Image) -> None:
    names = {canonicalize_name(each.name) for each in listed(image.full_alias)}
    assert names - own(image).keys() - LEFT_OUT == set()


@pytest.mark.parametrize("image", images(), ids=lambda image: image.full_alias)
def test_other_versions_are_listed_with_a_reason(image: Image) -> None:
    here = own(image)
    differing = {
        canonicalize_name(each.name)
        for each in listed(image.full_alias)
        if (mine := here.get(canonicalize_name(each.name))) and not _same(mine, each)
    }
    assert differing == BY_IMAGE.get(image.full_alias, set())
    assert differing <= OTHER.keys()


def _same(mine: Requirement, aws: Requirement) -> bool:
    """Whether every version that the environment may get is one that AWS's list allows."""
    exact = [item.version for item in mine.specifier if item.operator == "=="]
    allowed = not aws.specifier or aws.specifier == mine.specifier or any(map(aws.specifier.contains, exact))
    return allowed and mine.extras >= aws.extras


@pytest.mark.parametrize("image", images(), ids=lambda image: image.full_alias)
def test_every_way_to_build_has_the_same_packages(image: Image) -> None:
    first, *others = [{canonicalize_name(Requirement(p).name) for p in way.packages} for way in image.ways]
    for other in others:
        assert first - other <= {"certifi", "urllib3", "pyarrow", "wheel"}
