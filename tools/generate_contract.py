"""Write src/stagewright/catalog/contract.json: the shapes of our requests, from botocore's service models.

Run `python -m tools.generate_contract` after botocore changed. Shapes are kept under AWS's own names, with
what a check needs: types, members, required ones, enums, lengths, ranges and patterns, the last as Python's
`re` reads them.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore
import botocore.loaders

OUTPUT = Path(__file__).parents[1] / "src/stagewright/catalog/contract.json"
OPERATIONS = {
    "sagemaker": (
        "CreateProcessingJob",
        "CreateTrainingJob",
        "CreateHyperParameterTuningJob",
        "CreateTransformJob",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "UpdateEndpoint",
        "CreateModelPackageGroup",
        "CreateModelPackage",
        "DescribeModelPackage",
    ),
    "glue": ("StartJobRun",),
}
SEPARATORS = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# Patterns that Python's `re` does not read, or reads otherwise. \w is \p{L}\p{N}_ there. The two classes that
# exclude only \p{C} are given by what they exclude; \p{Cf} and unassigned code points pass.
TRANSLATIONS = {
    r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)": rf"[\w{SEPARATORS}.:/=+\-@]*",
    r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}": rf"[\w{SEPARATORS}.:/=+\-@]*",
    r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}": rf"[\w{SEPARATORS}.:/=+\-@]*",
    r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*": r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*",
    r"[\p{L}\p{M}\p{Z}\p{N}\p{P}]{0,1024}": r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff$+<=>^`|~]{0,1024}",
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*": (
        r"[\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*"
    ),
    r"arn:[\p{Alnum}\-]+:lambda:[\p{Alnum}\-]+:[0-9]{12}:function:.*": (
        r"arn:[A-Za-z0-9\-]+:lambda:[A-Za-z0-9\-]+:[0-9]{12}:function:.*"
    ),
}
UNREADABLE = re.compile(r"\\p|\[\[:|&&|\\Q")


def pattern(text: str) -> str:
    translated = TRANSLATIONS.get(text, text)
    if UNREADABLE.search(translated):
        raise ValueError(f"no translation for the pattern {text!r}: add one to TRANSLATIONS")
    re.compile(translated)
    return translated


def compact(shape: dict[str, Any]) -> dict[str, Any]:
    """One shape of the service model without its documentation."""
    kept = {key: shape[key] for key in ("type", "required", "enum", "min", "max") if key in shape}
    if "pattern" in shape:
        kept["pattern"] = pattern(shape["pattern"])
    if "members" in shape:
        kept["members"] = {name: member["shape"] for name, member in shape["members"].items()}
    kept |= {key: shape[key]["shape"] for key in ("member", "key", "value") if key in shape}
    return kept


def reachable(shapes: dict[str, dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = compact(shapes[name])
            names += [*found[name].get("members", {}).values()]
            names += [found[name][key] for key in ("member", "key", "value") if key in found[name]]
    return dict(sorted(found.items()))


def contract() -> dict[str, Any]:
    """The contract of the installed botocore, without a date."""
    operations: dict[str, str] = {}
    shapes: dict[str, dict[str, Any]] = {}
    for service, names in OPERATIONS.items():
        model = botocore.loaders.Loader().load_service_model(service, "service-2")
        own = {name: model["operations"][name]["input"]["shape"] for name in names}
        found = reachable(model["shapes"], list(own.values()))
        if clash := shapes.keys() & found.keys():
            raise ValueError(f"two services have shapes called {', '.join(sorted(clash))}")
        operations |= own
        shapes |= found
    sagemaker = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")
    return {
        "botocore": botocore.__version__,
        "api": sagemaker["metadata"]["apiVersion"],
        "operations": operations,
        "shapes": dict(sorted(shapes.items())),
    }


def main() -> None:
    data = {"generated": f"{datetime.now(UTC):%Y-%m-%d}", **contract()}
    shapes = ",\n".join(
        f"{json.dumps(name)}:{json.dumps(shape, separators=(',', ':'))}"
        for name, shape in data.pop("shapes").items()
    )
    head = json.dumps(data, indent=1)[:-2]
    OUTPUT.write_text(f'{head},\n "shapes": {{\n{shapes}\n}}\n}}\n')


if __name__ == "__main__":
    main()
