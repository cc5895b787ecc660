"""Ways around a gate or an approval. Each of them must leave what it guards alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.document.load import load
from stagewright.document.triggers import trigger_name
from stagewright.errors import PlanError
from stagewright.planner.planner import plan

PROCESSING = {"kind": "processing", "code": "work.py", "outputs": ["made"]}
DOCUMENT = {
    "name": "gate-bypass",
    "parameters": {"limit": 0.88},
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
    "stages": {
        "a": {**PROCESSING, "outputs": ["made", "evaluation"], "metrics_file": "evaluation/metrics.json"},
        "quality": {"kind": "gate", "require": "${stages.a.metrics.r2} >= ${parameters.limit}"},
        "ok": {"kind": "approval", "after": ["quality"]},
        "live": {**PROCESSING, "after": ["ok"]},
        "later": {**PROCESSING, "inputs": {"live": "${stages.live.outputs.made}"}},
        "aside": {**PROCESSING},
    },
}
CODE = {"work_py": "pass"}
LATER = "2026-02-28T14:00:00.000Z"


@pytest.fixture
def scene(house):
    return Scene(house)


class Scene:
    """A pipeline whose stage `live` is behind a gate and an approval, and what its runs recorded."""

    def __init__(self, house):
        self.house = house
        self.results = {}
        self.release = house.release(**CODE)

    def document(self, **stages):
        changed = {name: {**DOCUMENT["stages"][name], **fields} for name, fields in stages.items()}
        return load(DOCUMENT | {"stages": DOCUMENT["stages"] | changed})

    def plan(self, document=None, key="manual:next", reviewed=None, force=False, **trigger):
        recorded = self.house.recorded(self.results, self.release, external={})
        recorded = replace(recorded, reviewed=reviewed or {})
        wanted = replace(self.house.trigger(key), type="manual", by="jo", **trigger)
        return plan(document or self.document(), wanted, recorded, force=force)

    def ran(self, *failed, document=None, **trigger):
        """Record a run in which all stages succeeded, but for `failed` and what is behind these."""
        made = self.plan(document, key=f"manual:{len(self.results)}", **trigger)
        kept = self.house.results_of(made)
        self.results = {name: good for name, good in kept.items() if name not in failed} | {
            name: self.results[name] for name in failed if name in self.results
        }
        return made


def action(made, stage="live"):
    return made.stage(stage).action


def test_everything_runs_while_the_controls_run(scene):
    made = scene.plan()
    assert {stage.action for stage in made.stages} == {"run"}


@pytest.mark.parametrize("control", ["quality", "ok"])
def test_skipped_control_shuts_what_it_guards(scene, control):
    made = scene.plan(skip=(control,))
    assert action(made) == action(made, "later") == "skip"
    assert action(made, "a") == action(made, "aside") == "run"
    assert made.stage("live").reason.startswith("guarded by ")
    assert made.stage("live").reason.endswith(
        f"; let {control} run too, or add --bypass {control} --reason TEXT"
    )
    assert any(warning.startswith("live: guarded by") for warning in made.warnings)


@pytest.mark.parametrize("control", ["quality", "ok"])
def test_last_result_of_a_skipped_control_counts_for_the_same_inputs_only(scene, control):
    scene.ran()
    scene.results = {name: good for name, good in scene.results.items() if name not in ("live", "later")}
    assert action(scene.plan(skip=(control,))) == "run"
    scene.release = scene.house.release(work_py="changed")
    assert action(scene.plan(skip=(control,))) == "skip"


@pytest.mark.parametrize(
    "selection", [{"only": ("live",)}, {"start": ("live",)}, {"only": ("live", "aside")}]
)
def test_naming_a_guarded_stage_rejects_the_run(scene, selection):
    with pytest.raises(PlanError, match=r"live is guarded by .* --bypass \w+ --reason TEXT"):
        scene.plan(**selection)


def test_named_guarded_stage_runs_after_its_controls_passed(scene):
    scene.ran()
    made = scene.plan(start=("live",))
    assert action(made) == "run"
    assert action(made, "ok") == "reuse"


def test_from_a_stage_before_the_control_asks_again(scene):
    scene.ran()
    made = scene.plan(start=("a",))
    assert action(made, "quality") == action(made, "ok") == action(made) == "run"
    made = scene.plan(start=("a",), skip=("quality",))
    assert action(made, "a") == "run"
    assert action(made) == action(made, "ok") == "reuse"


def test_stale_evidence_does_not_count(scene):
    scene.ran()
    scene.release = scene.house.release(work_py="changed")
    with pytest.raises(PlanError, match="live is guarded by"):
        scene.plan(only=("live",))
    with pytest.raises(PlanError, match="a is skipped in this run, and its last result has other inputs"):
        scene.plan(skip=("a",))


@pytest.mark.parametrize("cache", [False, {"max_age": "1m"}])
def test_evidence_that_must_not_be_reused_does_not_count(scene, cache):
    document = scene.document(a={"cache": cache})
    scene.ran(document=document)
    with pytest.raises(PlanError, match="a is skipped in this run, and its last result does not count"):
        scene.plan(document, skip=("a",), time=LATER)
    with pytest.raises(PlanError, match="live is guarded by"):
        scene.plan(document, start=("live",), time=LATER)


@pytest.mark.parametrize("cache", [False, {"max_age": "1m"}])
def test_expired_approval_does_not_count(scene, cache):
    document = scene.document(ok={"cache": cache})
    scene.ran(document=document)
    with pytest.raises(PlanError, match="live is guarded by ok"):
        scene.plan(document, start=("live",), time=LATER)


def test_evidence_that_was_made_again_needs_a_new_judgement(scene):
    scene.ran()
    (again,) = scene.results["a"]
    scene.results["a"] = (
        replace(again, ended="2026-01-31T23:00:00.000Z", run="forced", result={"metrics": {"r2": 0.1}}),
    )
    with pytest.raises(PlanError, match=r"live is guarded by quality \(not selected; a has a newer"):
        scene.plan(start=("live",))
    made = scene.plan()
    assert action(made, "quality") == action(made, "ok") == "run"
    assert made.stage("quality").reason == "a has a newer result"


def test_rejected_approval_leaves_no_result_to_rely_on(scene):
    scene.ran("ok", "live", "later")
    assert action(scene.plan(skip=("ok",))) == "skip"
    assert action(scene.plan()) == "run"


def test_what_is_done_already_is_reused_without_its_control(scene):
    scene.ran()
    del scene.results["ok"]
    made = scene.plan(skip=("ok",), document=scene.document(live={"after": ["ok"]}))
    assert action(made) in ("reuse", "skip")


def test_force_does_not_open_a_skipped_control(scene):
    scene.ran()
    made = scene.plan(skip=("ok",), force=True)
    assert action(made, "quality") == "run"
    assert action(made) == "skip"


@pytest.mark.parametrize("control", ["quality", "ok"])
def test_control_that_the_document_disables_is_off(scene, control):
    made = scene.plan(scene.document(**{control: {"enabled": False}}))
    assert action(made) == "run"


def test_control_that_the_document_pins_was_reviewed(scene, house):
    first = scene.ran()
    from stagewright.planner.model import Pinned

    document = scene.document(ok={"pin": first.run})
    recorded = house.recorded(scene.results, house.release(work_py="changed"), external={})
    recorded = replace(recorded, pinned={"ok": Pinned(scene.results["ok"][0], "default")})
    made = plan(document, house.trigger("manual:pinned"), recorded)
    assert action(made) == "run"


def test_bypass_runs_what_the_control_guards_and_says_who_and_why(scene):
    made = scene.plan(bypass=("quality", "ok"), reason="the labels are late")
    assert action(made) == action(made, "later") == "run"
    assert made.stage("ok").reason == "bypassed by jo: the labels are late"
    assert "ok: bypassed by jo: the labels are late" in made.warnings
    assert made.to_json()["trigger"]["bypass"] == ("quality", "ok")
    assert action(made, "quality") == "skip"


def test_bypass_of_one_control_leaves_the_other_in_force(scene):
    made = scene.plan(bypass=("ok",), reason="on call", skip=("quality",))
    assert action(made) == "skip"
    assert made.stage("live").reason.startswith("guarded by quality")


def test_result_of_a_bypassed_run_is_made_again_behind_the_control(scene):
    scene.ran(bypass=("ok",), reason="on call")
    made = scene.plan()
    assert action(made, "ok") == action(made) == "run"
    assert made.stage("live").reason == "live: now after ok"


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"bypass": ("live",), "reason": "x"}, "bypass: live is not an enabled gate or approval"),
        ({"bypass": ("okk",), "reason": "x"}, r'bypass: no such stage: okk \(did you mean "ok"'),
        ({"bypass": ("ok",)}, "--bypass and --reason belong together"),
        ({"bypass": ("ok",), "reason": "  "}, "--bypass and --reason belong together"),
        ({"reason": "because"}, "--bypass and --reason belong together"),
        ({"bypass": ("ok",), "reason": "x", "only": ("ok",)}, "only: ok is also bypassed"),
        ({"bypass": ("ok",), "reason": "x", "skip": ("ok",)}, "bypass: ok is also skipped"),
    ],
)
def test_contradictory_bypass_is_rejected(scene, selection, expected):
    with pytest.raises(PlanError, match=expected):
        scene.plan(**selection)


def gate_values(made):
    return [step["value"] for step in made.stage("quality").requests["Gate"] if step["op"] == "value"]


def test_changed_parameter_makes_a_gate_stricter_and_never_opens_it(scene):
    lowered = load(DOCUMENT | {"parameters": {"limit": 0.5}})
    made = scene.plan(lowered, reviewed={"limit": 0.88})
    assert gate_values(made)[1::2] == [0.5, 0.88]
    assert made.stage("quality").requests["Gate"][-1] == {"op": "and"}
    assert gate_values(scene.plan(lowered))[1::2] == [0.5]


def test_zero_is_a_reviewed_value(scene):
    changed = load(DOCUMENT | {"parameters": {"limit": 0.5}})
    assert gate_values(scene.plan(changed, reviewed={"limit": 0}))[1::2] == [0.5, 0]


SCHEDULED = {"type": "schedule", "cron": "0 14 ? * SAT *", "only": ["later"]}


def scheduled(scene):
    document = load(
        DOCUMENT
        | {
            "triggers": [SCHEDULED],
            "stages": {
                **DOCUMENT["stages"],
                "later": {**PROCESSING, "cache": False, "inputs": {"x": "${stages.live.outputs.made}"}},
            },
        }
    )
    return document, trigger_name(document.triggers[0].filter)


def test_stages_of_a_documents_trigger_may_use_what_passed_before(scene):
    document, name = scheduled(scene)
    scene.ran(document=document)
    passed = scene.results
    scene.release = scene.house.release(work_py="changed")
    scene.ran("quality", "ok", "live", "later", document=document)  # the gate closes on the newer candidate
    scene.results |= {name: passed[name] for name in ("quality", "ok", "live", "later")}
    made = scene.plan(document, only=("later",), name=name)
    assert action(made, "later") == "run"
    with pytest.raises(PlanError, match="later is guarded by"):
        scene.plan(document, only=("later",))


def test_stages_of_a_documents_trigger_do_not_use_what_was_rejected_since(scene):
    document, name = scheduled(scene)
    scene.ran(document=document)
    del scene.results["ok"]
    with pytest.raises(PlanError, match="later is guarded by ok"):
        scene.plan(document, only=("later",), name=name)


def test_result_of_a_bypass_is_not_behind_the_control(scene):
    document, name = scheduled(scene)
    scene.ran(document=document, bypass=("ok",), reason="on call")
    with pytest.raises(PlanError, match="later is guarded by ok"):
        scene.plan(document, only=("later",), name=name)
