"""What was approved is what is served, on a real server: an artifact that is overwritten is noticed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.places import Place

from stagewright.errors import TargetError
from stagewright.local import server
from stagewright.naming import MODEL_VERSION
from stagewright.runs.endpoints.registered_model import require_unchanged

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: kept
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  train: {kind: training, entry_point: train.py}
  register: {kind: register, model: "${stages.train.model}", entry_point: train.py, approval: approved}
  serve: {kind: model, model: "${stages.register.package}"}
"""
TRAIN = """\
import os, pathlib
if __name__ == "__main__":
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("a model")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("kept") / "place", DOCUMENT, {"code/train.py": TRAIN})
    server.up(made.state)
    yield made
    server.down(made.state)


def test_overwritten_model_is_not_served(place: Place) -> None:
    first = place.ended(place.begun())
    assert first.status == "SUCCEEDED", first.reason
    gateway = place.gateway()
    objects, bucket = gateway.objects, gateway.installation.bucket
    trained, arn, model = (
        first.stage("train").result["model"],
        first.stage("register").result["package"],
        first.stage("serve").result["name"],
    )
    package = gateway.registry.package(arn)
    assert package
    key = package.model.removeprefix(f"s3://{bucket}/")
    assert key.startswith(f"models/kept/{first.run}-register-")
    assert package.metadata[MODEL_VERSION] == objects.version_of(key)
    original = objects.get(trained.removeprefix(f"s3://{bucket}/")).body
    require_unchanged(gateway, model)

    objects.put(trained.removeprefix(f"s3://{bucket}/"), b"evil")
    again = place.ended(place.begun("--from", "serve"))
    assert again.status == "SUCCEEDED", again.reason
    assert objects.get(key).body == original
    require_unchanged(gateway, again.stage("serve").result["name"])

    objects.put(key, b"evil")
    refused = place.ended(place.begun("--from", "serve"))
    assert refused.status == "FAILED"
    assert f"s3://{bucket}/{key} was overwritten after {arn} was registered" in refused.reason
    with pytest.raises(TargetError, match="was overwritten or deleted after"):
        require_unchanged(gateway, model)
    objects.delete(key)
    with pytest.raises(TargetError, match="was overwritten or deleted after"):
        require_unchanged(gateway, model)
