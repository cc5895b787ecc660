"""Planning 1,000 stages, new and unchanged. Budget: 1 s for each plan."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from stagewright.document.expansion import expanded
from stagewright.document.load import load
from stagewright.naming import Installation
from stagewright.planner.model import GoodResult, Plan, Recorded, Trigger
from stagewright.planner.pages import pages
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release

STAGES = 1_000
BUDGET = 1.0
ROUNDS = 5


def document() -> dict[str, Any]:
    """250 branches of prepare, train, evaluate and a gate."""
    stages: dict[str, Any] = {}
    for branch in range(STAGES // 4):
        prepare, train, evaluate = f"prepare-{branch}", f"train-{branch}", f"evaluate-{branch}"
        stages[prepare] = {
            "kind": "processing",
            "code": "prepare.py",
            "inputs": {"raw": "s3://${bucket}/raw/"},
            "outputs": ["train", "test"],
            "arguments": ["--branch", str(branch)],
        }
        stages[train] = {
            "kind": "training",
            "entry_point": "train.py",
            "channels": {"train": f"${{stages.{prepare}.outputs.train}}"},
            "hyperparameters": {"n-estimators": 300, "branch": branch},
        }
        stages[evaluate] = {
            "kind": "processing",
            "code": "evaluate.py",
            "inputs": {
                "model": f"${{stages.{train}.model}}",
                "test": f"${{stages.{prepare}.outputs.test}}",
            },
            "outputs": ["report"],
            "metrics_file": "report/metrics.json",
        }
        stages[f"quality-{branch}"] = {
            "kind": "gate",
            "require": f"${{stages.{evaluate}.metrics.r2}} >= ${{parameters.min_r2}}",
        }
    defaults = {"image": "sklearn-1.4", "instance_type": "ml.m5.xlarge"}
    return {"name": "wide", "parameters": {"min_r2": 0.8}, "defaults": defaults, "stages": stages}


def listed() -> dict[str, Any]:
    """The same branches, as the items of a list."""
    written = document()
    text = json.dumps({name: stage for name, stage in written["stages"].items() if name.endswith("-0")})
    stages = json.loads(text.replace("-0.", ".").replace('-0":', '":'))
    for stage in stages.values():
        stage["for_each"] = "branches"
    stages["prepare"]["arguments"] = ["--branch", "${each.name}"]
    stages["train"]["hyperparameters"]["branch"] = "${each.name}"
    items = [f"branch-{branch}" for branch in range(STAGES // 4)]
    return {**written, "lists": {"branches": {"items": items}}, "stages": stages}


def recorded(made: Plan | None = None) -> Recorded:
    installation = Installation(bucket="bucket", region="eu-west-1", account="123456789012")
    files = {f"{name}.py": CodeFile(name[0] * 64) for name in ("prepare", "train", "evaluate")}
    results = {
        stage.name: [
            GoodResult(
                made.run,
                "2026-01-31T15:00:00.000Z",
                stage.fingerprint,
                {"outputs": stage.outputs, "model": "s3://bucket/model.tar.gz", "metrics": {"r2": 0.9}},
                stage.inputs,
            )
        ]
        for stage in (made.stages if made else ())
    }
    return Recorded(installation, Release("wide", files), 1, results, {"s3://bucket/raw/": "d"})


def measure(what: str, call: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(f"{what:<42} median {median:6.3f} s  (first {seconds[0]:.3f}, best {min(seconds):.3f})")
    return median


def main() -> int:
    data = document()
    trigger = Trigger("code", "code:wide:1", "2026-01-31T14:00:00.000Z")
    pipeline = load(data)
    first, again = recorded(), recorded(plan(pipeline, trigger, recorded()))
    made = plan(pipeline, trigger, first)
    measure(f"validation of {STAGES} stages", lambda: load(data))
    medians = [
        measure(f"plan of {STAGES} stages, all run", lambda: plan(pipeline, trigger, first)),
        measure(f"plan of {STAGES} stages, all reused", lambda: plan(pipeline, trigger, again)),
    ]
    short = load(listed())
    measure(f"expansion of a list to {STAGES} stages", lambda: expanded(short))
    medians.append(measure("plan of the list, all run", lambda: plan(expanded(short), trigger, first)))
    measure("its pages", lambda: pages(made))
    measure("its JSON", made.to_json)
    print(f"waves {len(made.waves)}, pages {sum(map(len, pages(made)))}; budget {BUDGET} s per plan")
    return int(max(medians) > BUDGET)


if __name__ == "__main__":
    raise SystemExit(main())
