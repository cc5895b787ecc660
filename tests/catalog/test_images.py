from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from stagewright.catalog.images import Image, alias_of, aliases, resolve
from stagewright.errors import NotFoundError, PlanError

GENERATOR = Path(__file__).parents[2] / "tools/generate_images.py"

# As the `sagemaker` package's image_uris.retrieve answers for these.
URIS = [
    (
        "sklearn-1.4",
        "eu-west-1",
        "ml.m5.xlarge",
        "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
    ),
    (
        "sklearn-1.2-1",
        "us-east-1",
        "ml.m5.xlarge",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    ),
    (
        "sklearn-1.2",
        "cn-north-1",
        "ml.m5.xlarge",
        "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.2-1-cpu-py3",
    ),
    (
        "sklearn-1.2",
        "us-gov-west-1",
        "ml.m5.xlarge",
        "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    ),
    (
        "xgboost-1.7",
        "us-west-2",
        "ml.m5.xlarge",
        "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1",
    ),
    (
        "pytorch-2.6",
        "us-east-1",
        "ml.m5.xlarge",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312",
    ),
    (
        "pytorch-2.6",
        "us-east-1",
        "ml.g5.xlarge",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-gpu-py312",
    ),
    (
        "huggingface-4.49",
        "us-east-1",
        "ml.p3.2xlarge",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04",
    ),
]


@pytest.mark.parametrize(("alias", "region", "instance", "uri"), URIS)
def test_resolve(alias, region, instance, uri):
    assert resolve(alias, region, instance) == uri


def test_uri_is_returned_unchanged():
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:7"
    assert resolve(uri, "eu-west-1", "ml.m5.xlarge") == uri


def test_inference_has_its_own_or_the_training_image():
    serving = resolve("pytorch-2.6", "us-east-1", "ml.m5.xlarge", "inference")
    assert serving.endswith("/pytorch-inference:2.6.0-cpu-py312")
    assert resolve("sklearn-1.4", "us-east-1", "ml.m5.large", "inference").endswith(":1.4-2-cpu-py3")


@pytest.mark.parametrize(
    ("alias", "region", "instance", "message"),
    [
        (
            "sklearn-1.5",
            "us-east-1",
            "ml.m5.xlarge",
            r'image: unknown image: sklearn-1.5 \(did you mean "sklearn-1',
        ),
        ("sklaern-1.4-2", "us-east-1", "ml.m5.xlarge", r'did you mean "sklearn-1.4-2"\?'),
        ("sklearn", "us-east-1", "ml.m5.xlarge", "unknown image: sklearn"),
        (
            "sklearn-1.4",
            "mars-1",
            "ml.m5.xlarge",
            r"image sklearn-1.4 is not available in mars-1 \(it is available in af-south-1, .*us-west-2",
        ),
        ("huggingface-4.49", "us-east-1", "ml.m5.xlarge", "runs on GPU instances only, not on ml.m5.xlarge"),
        ("pytorch-2.6", "us-east-1", "ml.m6g.xlarge", "image pytorch-2.6 is not available for ml.m6g.xlarge"),
        (
            "pytorch-2.6",
            "us-east-1",
            "ml.trn1.2xlarge",
            "image pytorch-2.6 is not available for ml.trn1.2xlarge",
        ),
    ],
)
def test_unavailable_image_is_rejected(alias, region, instance, message):
    with pytest.raises(PlanError, match=message):
        resolve(alias, region, instance)


@pytest.mark.parametrize(
    ("alias", "instance", "image"),
    [
        ("sklearn-1.4", "", Image("sklearn", "1.4-2", "3.10")),
        ("sklearn-0.23", "", Image("sklearn", "0.23-1", "3.7")),
        ("xgboost-3.0", "", Image("xgboost", "3.0-5", "3.10")),
        ("xgboost-0.90-2", "", Image("xgboost", "0.90-2", "")),
        ("pytorch-2.6", "ml.g5.xlarge", Image("pytorch", "2.6.0", "3.12")),
        ("tensorflow-2.19", "", Image("tensorflow", "2.19.0", "3.12")),
        ("huggingface-4.49", "ml.g5.xlarge", Image("huggingface", "4.49.0", "3.11")),
    ],
)
def test_framework_of_an_image_uri(alias, instance, image):
    assert alias_of(resolve(alias, "eu-west-1", instance)) == image


@pytest.mark.parametrize("alias", aliases())
def test_every_alias_round_trips(alias):
    image = alias_of(resolve(alias, "us-east-1", "ml.g4dn.xlarge"))
    assert alias.startswith(f"{image.framework}-{image.version}")


@pytest.mark.parametrize(
    "uri", ["sklearn-1.4", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:7", "python:3.12"]
)
def test_other_image_has_no_alias(uri):
    with pytest.raises(NotFoundError, match="not one of AWS's framework images"):
        alias_of(uri)


def test_generator_writes_the_catalog(tmp_path):
    spec = importlib.util.spec_from_file_location("generate_images", GENERATOR)
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    (tmp_path / "sagemaker-2.1.0.dist-info").mkdir()
    folder = tmp_path / "sagemaker/image_uri_config"
    folder.mkdir(parents=True)
    accounts = {"eu-west-1": "1", "us-iso-east-1": "2"}
    scope = {
        "version_aliases": {"1": "1.0"},
        "processors": ["cpu"],
        "versions": {
            "1.0": {"registries": accounts, "repository": "r", "py_versions": ["py2", "py3"]},
            "0.1": {"registries": accounts, "repository": "r", "py_versions": ["py2"]},
            "2.0": {"pytorch3": {"registries": accounts, "repository": "s"}, "version_aliases": {}},
        },
    }
    for name in generator.FRAMEWORKS:
        (folder / f"{name}.json").write_text(json.dumps({"training": scope, "inference": scope}))
    made = generator.images(tmp_path)
    assert made["source"].startswith("sagemaker 2.1.0 ")
    assert made["registries"] == [{"eu-west-1": "1"}]
    assert made["frameworks"]["pytorch"]["training"] == {
        "aliases": {"1": "1.0"},
        "versions": {
            "1.0": {"repository": "r", "registries": 0, "processors": ["cpu"], "py": "py3"},
            "2.0-pytorch3": {"repository": "s", "registries": 0, "processors": ["cpu"]},
        },
    }
