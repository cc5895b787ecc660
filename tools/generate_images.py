"""Write src/stagewright/catalog/images.json: AWS's framework images per region, from `sagemaker` 2.x.

Run `python -m tools.generate_images <folder>`, where <folder> is an environment's `site-packages` with
`sagemaker` below 3 in it (`pip install --no-deps --target <folder> "sagemaker<3"` makes one). That package is
Apache-2.0, by Amazon.com; its version is recorded in the file. Left out: Python 2, Elastic Inference,
Graviton, Neuron, and the isolated partitions.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[1] / "src/stagewright/catalog/images.json"
FRAMEWORKS = ("sklearn", "xgboost", "pytorch", "tensorflow", "huggingface")
SCOPES = ("training", "inference")
BASES = ("pytorch", "tensorflow")

# `ARG PYTHON_VERSION` of docker/<version>/base/Dockerfile.cpu in AWS's repositories
# sagemaker-scikit-learn-container and sagemaker-xgboost-container, on the branch or tag of that version (read
# 2026-11): the tags only say "py3".
PYTHON = {
    "sklearn": {"0.20.0": "3.7", "0.23-1": "3.7", "1.0-1": "3.8", "1.2-1": "3.9", "1.4-2": "3.10"},
    "xgboost": {
        "0.90-1": "3.7",
        "1.0-1": "3.7",
        "1.2-1": "3.7",
        "1.2-2": "3.7",
        "1.3-1": "3.7",
        "1.5-1": "3.8",
        "1.7-1": "3.9",
        "3.0-5": "3.10",
    },
}


def entries(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Version -> image of one scope. Hugging Face's are two levels deep: 4.49.0-pytorch2.5.1."""
    found: dict[str, dict[str, Any]] = {}
    for version, image in config["versions"].items():
        if "repository" in image:
            found[version] = image
        else:
            inner = {f"{version}-{name}": each for name, each in image.items() if name.startswith(BASES)}
            found |= inner
    return found


def compact(
    image: dict[str, Any], config: dict[str, Any], registries: list[dict[str, str]]
) -> dict[str, Any] | None:
    """None for an image of Python 2 alone."""
    tags = image.get("py_versions", [])
    tag = next((tag for tag in reversed(tags) if tag != "py2"), "")
    if tags and not tag:
        return None
    accounts = {r: a for r, a in image["registries"].items() if not re.match(r"(us|eu)-iso", r)}
    if accounts not in registries:
        registries.append(accounts)
    kept = {
        "repository": image["repository"],
        "registries": registries.index(accounts),
        "processors": config.get("processors") or image.get("processors") or [],
        "py": tag,
        "container": image.get("container_version", {}),
    }
    return {key: value for key, value in kept.items() if value not in ("", [], {})}


def framework(name: str, config: dict[str, Any], registries: list[dict[str, str]]) -> dict[str, Any]:
    scopes = {}
    for scope in SCOPES:
        images = {
            version: kept
            for version, image in entries(config[scope]).items()
            if (kept := compact(image, config[scope], registries))
        }
        scopes[scope] = {"aliases": config[scope].get("version_aliases", {}), "versions": images}
    return scopes | {"python": PYTHON.get(name, {})}


def images(folder: Path) -> dict[str, Any]:
    (metadata,) = folder.glob("sagemaker-*.dist-info")
    version = metadata.name.removeprefix("sagemaker-").removesuffix(".dist-info")
    registries: list[dict[str, str]] = []
    read = {
        name: json.loads((folder / f"sagemaker/image_uri_config/{name}.json").read_text())
        for name in FRAMEWORKS
    }
    frameworks = {name: framework(name, config, registries) for name, config in read.items()}
    source = (
        f"sagemaker {version} (image_uri_config), Copyright Amazon.com, Inc. or its affiliates, Apache-2.0"
    )
    return {"source": source, "frameworks": frameworks, "registries": registries}


def main() -> None:
    OUTPUT.write_text(json.dumps(images(Path(sys.argv[1])), indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
