"""The local SageMaker recognizes AWS's images as Stagewright's catalog of images does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sagemaker_local.images import image_list
from sagemaker_local.images.image_list import find, images, recognize
from stagewright.catalog.images import SCOPES, alias_of, aliases
from stagewright.catalog.images import resolve as image_uri
from stagewright.errors import PlanError

INSTANCE_TYPES = ("ml.m5.xlarge", "ml.g5.xlarge")
REGIONS = ("us-east-1", "eu-west-1", "cn-north-1")


def uris(alias: str) -> Iterator[str]:
    """Every URI of an alias that differs in region, processor or scope."""
    for region in REGIONS:
        for instance_type in INSTANCE_TYPES:
            for scope in SCOPES:
                try:
                    yield image_uri(alias, region, instance_type, scope)
                except PlanError:
                    continue


@pytest.mark.parametrize("alias", aliases())
def test_every_image_of_the_catalog_is_recognized(alias):
    listed = next((image for image in images() if image.full_alias == alias), None)
    for uri in uris(alias):
        assert recognize(uri) is listed, uri
        if listed is not None:
            known = alias_of(uri)
            assert known.framework == listed.framework
            assert listed.version.startswith(known.version)


def test_every_listed_image_is_in_the_catalog():
    assert {image.full_alias for image in images()} <= set(aliases())


def test_every_image_of_the_list_is_one_of_awss():
    """An alias and its AWS image URI select the same environment."""
    for image in images():
        gpu_only = image.framework == "huggingface"
        uri = image_uri(image.full_alias, "us-east-1", "ml.g5.xlarge" if gpu_only else "ml.m5.xlarge")
        assert find(uri) is image
        assert find(image.full_alias) is image
    assert find("123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1") is None


@pytest.mark.parametrize(
    ("alias", "instance", "full"),
    [
        ("pytorch-2.6", "ml.m5.large", "pytorch-2.6.0"),
        ("huggingface-4.49-pytorch2.5", "ml.g5.xlarge", "huggingface-4.49.0-pytorch2.5.1"),
        ("xgboost-3.0-5", "ml.m5.large", "xgboost-3.0-5"),
    ],
)
def test_images_of_the_deep_learning_frameworks_are_listed(alias, instance, full):
    image = image_list.find(image_uri(alias, "eu-west-1", instance))
    assert image is not None
    assert image.full_alias == full
    assert find(image.alias) == image
