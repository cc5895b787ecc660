"""Reused outputs are copied next to those of the run, for a stage that reads all of them."""

from __future__ import annotations

from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs.plan_inputs.gathered import copy_gathered


def plan_with(gateway, copies, action="run"):
    uri = gateway.installation.uri
    stage = StagePlan(
        "sum", "processing", action, "", copies={uri(old): uri(new) for old, new in copies.items()}
    )
    return Plan("new", "p", "default", Trigger("manual", "k", "t"), "d", 1, (stage,), ((("sum",),),))


def keys(gateway, prefix):
    return [listed.key for listed in gateway.objects.list(prefix)]


def test_folders_and_single_objects_are_copied_once_and_nothing_beside_them(gateway):
    for key in ("train/clean/eu/a/b.csv", "train/clean/eu/c.csv", "train/clean/eu-2/d.csv", "m/eu/job/model"):
        gateway.objects.put(f"runs/p/old/{key}", key.encode())
    copies = {
        "runs/p/old/train/clean/eu": "runs/p/new/train/clean/eu",
        "runs/p/old/m/eu/job/model": "runs/p/new/m/eu/job/model",
    }
    plan = plan_with(gateway, copies)
    copy_gathered(gateway, plan)
    copy_gathered(gateway, plan)  # a redelivery
    assert keys(gateway, "runs/p/new/") == [
        "runs/p/new/m/eu/job/model",
        "runs/p/new/train/clean/eu/a/b.csv",
        "runs/p/new/train/clean/eu/c.csv",
    ]
    assert gateway.objects.get("runs/p/new/train/clean/eu/a/b.csv").body == b"train/clean/eu/a/b.csv"


def test_stage_that_does_not_run_copies_nothing(gateway):
    gateway.objects.put("runs/p/old/x/eu", b"x")
    copy_gathered(gateway, plan_with(gateway, {"runs/p/old/x/eu": "runs/p/unused/x/eu"}, "reuse"))
    assert keys(gateway, "runs/p/unused/") == []
