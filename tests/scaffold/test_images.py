"""The image and the packages of a script follow from its imports and from what images have."""

from __future__ import annotations

import pytest

from stagewright.catalog.images import Image, resolve
from stagewright.scaffold.images import LocalImage, choose_image, missing_packages

SKLEARN = Image("sklearn", "1.4-2", "3.10")


@pytest.mark.parametrize(
    ("modules", "missing"),
    [
        (None, ["lightgbm"]),
        (["pandas", "PIL"], ["lightgbm"]),
        (["pandas"], ["lightgbm", "pillow"]),
        ([], None),
    ],
)
def test_package_is_missing_unless_the_image_has_it_here_and_on_aws(modules, missing):
    image = LocalImage(SKLEARN, "sklearn-1.4", modules)
    read = missing_packages(["os", "pandas", "PIL", "lightgbm", "sagemaker_training"], image)
    assert read == (missing or ["lightgbm", "pandas", "pillow"])


def test_newest_image_that_this_machine_can_run_is_chosen():
    images = [
        LocalImage(Image("sklearn", "1.2-1", "3.8"), "sklearn-1.2"),
        LocalImage(SKLEARN, "sklearn-1.4", can_run=False),
        LocalImage(Image("xgboost", "1.7-1", "3.8"), "xgboost-1.7"),
        LocalImage(Image("xgboost", "3.0-5", "3.10"), "xgboost-3.0"),
    ]
    assert choose_image(["pandas"], images).alias == "sklearn-1.2"
    assert choose_image(["xgboost"], images, "sklearn-1.4-2").alias == "sklearn-1.4"
    assert choose_image(["pandas"], images, "xgboost-1.7").alias == "xgboost-1.7"
    uri = resolve("xgboost-1.7", "eu-west-1")
    assert choose_image(["pandas"], images, uri).alias == "xgboost-1.7"
    assert choose_image(["pandas"], images, "1.dkr.ecr.eu-west-1.amazonaws.com/own:1").alias == "sklearn-1.2"
    assert choose_image(["pandas", "xgboost"], images).alias == "xgboost-3.0"
