"""A house-price document, its release, and the results of a run."""

from __future__ import annotations

import hashlib

import pytest
from tests.support import documents
from tests.support.house_price import DOCUMENT, FILES

from stagewright.document.load import load
from stagewright.naming import Installation
from stagewright.planner.model import GoodResult, Recorded, Trigger
from stagewright.planner.release import CodeFile, Release
from stagewright.stages.base.job_settings import JobSettings

SALES = "s3://bucket/raw/sales/"
INSTALLATION = Installation(bucket="bucket", region="eu-west-1", account="123456789012")


def changed(path="", value=None):
    """The document with one place changed; None removes it."""
    changes = {path: documents.GONE if value is None else value} if path else {}
    return load(documents.changed(DOCUMENT, changes))


def release(**files):
    """FILES with some contents replaced; "." in a name is written "_"."""
    contents = FILES | {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    hashed = {p: CodeFile(hashlib.sha256(t.encode()).hexdigest(), f"v{t}", 1) for p, t in contents.items()}
    return Release("house-price", hashed, commit="abc123")


def trigger(key="code:house-price:1", time="2026-01-31T14:00:00.000Z"):
    return Trigger("code", key, time)


def recorded(results=None, code=None, external=None, outputs=("s3://own/", "s3://other/")):
    external = {SALES: "d1"} if external is None else external
    jobs = JobSettings(output_locations=outputs)
    return Recorded(INSTALLATION, code or release(), 3, results or {}, external, jobs=jobs)


def result_of(plan, stage):
    """What the state machine records when `stage` of `plan` ended well."""
    planned = plan.stage(stage)
    extra = {
        "train": {"model": planned.outputs.get("model")},
        "evaluate": {"metrics": {"r2": 0.91}},
        "register": {"package": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/house-price/1"},
        "deploy": {"endpoint": "house-price-local"},
    }
    return {"job": planned.job, "outputs": dict(planned.outputs), "metrics": {}, **extra.get(stage, {})}


def results_of(*plans):
    """All that good runs of `plans`, the newest first, leave behind; what a plan reused it did not make."""
    results = {}
    for number, plan in enumerate(plans):
        for stage in plan.stages:
            if stage.action == "run":
                ended = f"2026-01-31T1{9 - number}:00:00.000Z"
                good = GoodResult(
                    plan.run, ended, stage.fingerprint, result_of(plan, stage.name), stage.inputs
                )
                results.setdefault(stage.name, []).append(good)
    return results


@pytest.fixture
def house():
    """The module itself: fixtures of one import mode for all test files of this folder."""
    import sys

    return sys.modules[__name__]
