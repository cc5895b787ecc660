"""Imports that nothing provides are warned of; what may come from elsewhere is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sagemaker_local.images.image_list import images as local_images
from stagewright.catalog import images
from stagewright.catalog.python_packages import modules_of, packages_of

LISTS = Path(__file__).parents[1] / "sagemaker_local/images/requirements"
SERVERS = {
    "cmake",
    "curl",
    "libcurl",
    "mkl",
    "mkl-include",
    "pybind11",
    "sagemaker-pytorch-training",
    "ninja",
}
"""Packages that are no Python modules."""
ROOTS = {
    "cuda-python": "cuda", "cython": "Cython", "flash-attn": "flash_attn", "protobuf": "google",
    "pyopenssl": "OpenSSL", "sagemaker-experiments": "smexperiments", "opencv-python": "cv2",
}  # fmt: skip


def warned(found):
    assert not found.errors
    return [(problem.file, problem.line, problem.message) for problem in found.warnings]


def test_a_module_that_the_image_lacks_is_warned_of(check):
    found = check({"train.py": "import os\nimport lightgbm as lgb\nimport numpy, yaml\n"})
    (warning,) = found.warnings
    assert (warning.file, warning.line) == ("train.py", 2)
    assert warning.message == "imports lightgbm, which the image sklearn-1.4-2 does not have"
    assert warning.remedy == "add lightgbm to requirements.txt in the root of the code folder"


@pytest.mark.parametrize(
    ("module", "package"),
    [("cv2", "opencv-python-headless"), ("bs4", "beautifulsoup4"), ("skimage.io", "scikit-image"),
     ("imblearn.over_sampling", "imbalanced-learn"), ("dotenv", "python-dotenv"), ("xgboost", "xgboost")],
)  # fmt: skip
def test_the_remedy_names_the_package(check, module, package):
    (warning,) = check({"train.py": f"from {module} import x\n"}).warnings
    assert warning.remedy.startswith(f"add {package} to requirements.txt")


@pytest.mark.parametrize(
    ("line", "module"),
    [("lightgbm", "lightgbm"), ("LightGBM==4.1  # fast", "lightgbm"), ("opencv-python>=4", "cv2"),
     ("imbalanced_learn ~= 0.12", "imblearn"), ("beautifulsoup4", "bs4"), ("transformers", "tokenizers"),
     ("scikit-image[data]; python_version > '3.8'", "skimage"), ("-r other.txt", "lightgbm"),
     ("git+https://github.com/x/y", "lightgbm"), ("./wheels/z.whl", "lightgbm"), ("in-house==1", "toolkit"),
     ("# lightgbm\n--index-url https://x\nlightgbm", "lightgbm"), ("\ufefflightgbm", "lightgbm")],
)  # fmt: skip
def test_requirements_bring_modules(check, line, module):
    files = {
        "train.py": f"import {module}\n",
        "requirements.txt": f"pandas\n{line}\n" if line[0] != "\ufeff" else line,
    }
    assert warned(check(files)) == []


def test_requirements_without_the_module_do_not_help(check):
    files = {
        "train.py": "import lightgbm\n",
        "requirements.txt": "pandas==2.2\n\n# lightgbm\nPyYAML\ntqdm>=4\n",
    }
    assert len(warned(check(files))) == 1


OTHER = {
    "try": "try:\n    import lightgbm\nexcept ImportError:\n    lightgbm = None\n",
    "condition": "import sys\nif sys.platform == 'x':\n    import lightgbm\n",
    "typing": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import lightgbm\n",
    "function": "def model_fn(folder):\n    import lightgbm\n",
    "suppress": "from contextlib import suppress\nwith suppress(ImportError):\n    import lightgbm\n",
    "pip": "import subprocess as s, sys\ns.run([sys.executable, '-m', 'pip', 'install', 'x'])\nimport x\n",
    "os.system": "import os\nos.system('pip install -q lightgbm')\nimport lightgbm\n",
    "path": "import sys\nsys.path.append('/opt/ml/input/data/lib')\nimport mine\n",
    "toolkit": "import sagemaker_training.environment\nfrom sagemaker_containers.beta import framework\n",
    "standard": "from __future__ import annotations\nimport asyncio, distutils.core\nfrom os import path\n",
    "relative": "from . import helpers\n",
}  # fmt: skip


@pytest.mark.parametrize("source", OTHER.values(), ids=list(OTHER))
def test_what_may_come_from_elsewhere_is_accepted(check, source):
    assert warned(check({"train.py": source})) == []


def test_what_follows_the_main_guard_runs(check):
    assert warned(check({"train.py": "if __name__ == '__main__':\n    import lightgbm\n"}))


def test_own_modules_are_found_wherever_they_are(check):
    files = {
        "train.py": "import helpers, lib.model\n",
        "helpers.py": "import lightgbm\n",
        "lib/model.py": "import shap\n",
    }
    found = warned(check(files, include=["helpers.py", "lib"]))
    assert [(file, line) for file, line, _ in found] == [("helpers.py", 1), ("lib/model.py", 1)]


def test_a_module_that_the_stage_does_not_include_is_warned_of(check):
    files = {"train.py": "import helpers\nfrom lib import x\n", "helpers.py": "", "lib/__init__.py": "x = 3"}
    found = check(files, image="123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1")
    assert [problem.remedy for problem in found.warnings] == ["include: [helpers.py]", "include: [lib]"]


def test_a_processing_job_installs_no_requirements(check):
    files = {"train.py": "import lightgbm\n", "requirements.txt": "lightgbm\n"}
    (warning,) = check(files, "processing", include=["requirements.txt"]).warnings
    assert "installs no requirements.txt" in warning.remedy


def test_requirements_in_a_subfolder_are_not_installed(check):
    files = {"src/train.py": "import pandas\n", "src/requirements.txt": "lightgbm\n"}
    (warning,) = check(files, entry_point="src/train.py").warnings
    assert (warning.file, warning.remedy) == (
        "src/requirements.txt",
        "move it to the root of the code folder",
    )
    files["requirements.txt"] = "lightgbm\n"
    files["src/train.py"] = "import lightgbm\n"
    assert warned(check(files, entry_point="src/train.py")) == []


@pytest.mark.parametrize("image", ["tensorflow-2.14", "pytorch-2.1", "${parameters.image}"])
def test_an_image_whose_packages_are_not_known_has_every_module(check, image):
    parameters = {"parameters": {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"}}
    assert warned(check({"train.py": "import lightgbm\n"}, image=image, **parameters)) == []


@pytest.mark.parametrize("image", local_images(), ids=lambda image: image.full_alias)
def test_the_modules_of_an_image_are_those_of_aws_s_list(image):
    modules = modules_of(images.Image(image.framework, image.version, image.python))
    assert modules is not None
    lines = (LISTS / f"{image.full_alias}.txt").read_text().splitlines()
    names = [re.split(r"[^\w.-]", line)[0].lower() for line in lines if not line.startswith("#")]
    missing = [name for name in names if name not in SERVERS and roots(name).isdisjoint(modules)]
    assert missing == []


def roots(package: str) -> set[str]:
    named = {
        "scikit-learn": "sklearn",
        "pyyaml": "yaml",
        "python-dateutil": "dateutil",
        "pillow": "PIL",
        **ROOTS,
    }
    return {
        named.get(package, package.replace("-", "_")),
        package.capitalize(),
        {"ipython": "IPython"}.get(package, ""),
    }


def test_packages_that_share_a_module_are_known():
    assert packages_of("cv2")[:2] == ("opencv-python-headless", "opencv-python")
    assert packages_of("in_house") == ()
