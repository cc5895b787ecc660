from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from stagewright.document import layers
from stagewright.document.load import load
from stagewright.document.stored_layers import Overrides
from stagewright.errors import DocumentError, NotFoundError, TargetError
from stagewright.runs.documents import layers as layers_layers
from stagewright.runs.documents import revisions
from stagewright.runs.documents.overrides import OverridesChange, put, remove, roll_back
from stagewright.runs.releases.push import push
from stagewright.store.documents import Documents


@pytest.fixture
def stored(gateway, pipeline, files):
    push(gateway, pipeline, files, by="ada")
    revisions.record(gateway, layers.effective(layers_layers.read(gateway, "prices"), lambda: False))
    # The server has no function: whether code may be overridden, this answers.
    gateway.__dict__["functions"] = Functions()
    return gateway


class Functions:
    allowed = "no"

    def environment(self, what):
        assert what == "router"
        return {"STAGEWRIGHT_CODE_OVERRIDES": self.allowed}


def item(gateway):
    """Return the stored overrides in DynamoDB's types, without the key."""
    answer = gateway.documents.client.get_item(
        TableName=gateway.documents.table, Key={"pipeline": {"S": "prices"}, "item": {"S": "overrides"}}
    )
    return {name: value for name, value in answer.get("Item", {}).items() if name not in ("pipeline", "item")}


def edit(gateway, **typed):
    key = {"pipeline": {"S": "prices"}, "item": {"S": "overrides"}}
    gateway.documents.client.put_item(TableName=gateway.documents.table, Item=item(gateway) | key | typed)


def document(gateway):
    return layers_layers.read(gateway, "prices").document()


def test_overrides_are_stored_in_native_types(stored):
    settings = ["parameters.limit=0.5", "stages.train.enabled=false", "stages.train.hyperparameters.n=500"]
    changed = put(stored, "prices", [*settings, "defaults.instance_type=ml.m5.xlarge"], "bea")
    assert changed.version == 1
    assert changed.revision == 2
    found = item(stored)
    assert found["parameters"] == {"M": {"limit": {"N": "0.5"}}}
    assert found["defaults"] == {"M": {"instance_type": {"S": "ml.m5.xlarge"}}}
    train = {"enabled": {"BOOL": False}, "hyperparameters": {"M": {"n": {"N": "500"}}}}
    assert found["stages"] == {"M": {"train": {"M": train}}}
    assert found["by"] == {"S": "bea"}
    assert found["version"] == {"N": "1"}
    assert json.loads(stored.documents.newest_revision("prices").document) == document(stored)


def test_push_keeps_overrides(stored, files, tools):
    put(stored, "prices", ["parameters.limit=5"], "bea")
    before = item(stored)
    push(stored, load(tools.document | {"parameters": {"limit": 9}}), files)
    assert item(stored) == before
    assert document(stored)["parameters"] == {"limit": 5}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["parameters.limit=many"], "parameters.limit: must be a number"),
        (["parameters.limit=5", "parameters.limti=5"], 'no such parameter (did you mean "limit"?)'),
        (["stages.train.instance_count=0"], "stages.train.instance_count: must be at least 1"),
        (["stages.train.image=x"], "stages.train.image: overrides may not change this field"),
        (["triggers=[]"], 'unknown key "triggers"'),
        (["parameters.limit=" + "1" * 38], "the largest whole number"),
        (["stages.train.hyperparameters.x=1e-200"], "too small for DynamoDB"),
        (["stages.train.description=" + "x" * 500_000], "overrides may not change this field"),
    ],
)
def test_override_that_makes_the_document_invalid_is_not_written(stored, settings, words):
    with pytest.raises(DocumentError) as raised:
        put(stored, "prices", settings, "bea")
    assert words in raised.value.message
    assert "stagewright unset" not in raised.value.message
    assert item(stored) == {}
    assert stored.documents.newest_revision("prices").number == 1


def test_wrong_parameter_type_hides_follow_up_problems(stored, files, tools):
    gate = {"kind": "gate", "require": "1 >= ${parameters.limit}"}
    push(stored, load(tools.document | {"stages": tools.document["stages"] | {"quality": gate}}), files)
    with pytest.raises(DocumentError) as raised:
        put(stored, "prices", ["parameters.limit=many"], "bea")
    assert [problem.path for problem in raised.value.problems] == ["parameters.limit"]
    with pytest.raises(DocumentError) as raised:
        put(stored, "prices", ["parameters.limit=many", "stages.train.instance_count=0"], "bea")
    paths = {problem.path for problem in raised.value.problems}
    assert paths == {"parameters.limit", "stages.train.instance_count"}


def test_quoted_text_replaces_a_number(stored, files, tools):
    stages = copy.deepcopy(tools.document["stages"])
    stages["train"]["hyperparameters"] = {"trees": 300}
    push(stored, load(tools.document | {"stages": stages}), files)
    place = "stages.train.hyperparameters.trees"
    with pytest.raises(DocumentError, match='the document has the number 300, not "many"'):
        put(stored, "prices", [f"{place}=many"], "bea")
    with pytest.raises(DocumentError) as raised:
        put(stored, "prices", [f"{place}=many", "parameters.limit=many", "stages.trian.enabled=false"], "bea")
    assert [problem.path for problem in raised.value.problems] == [
        "parameters.limit",
        "stages.trian",
        place,
    ]
    assert item(stored) == {}
    assert put(stored, "prices", [f'{place}="many"'], "bea").version == 1
    assert document(stored)["stages"]["train"]["hyperparameters"] == {"trees": "many"}
    assert put(stored, "prices", [f"{place}=500"], "bea").revision == 3
    assert roll_back(stored, "prices", 2, "cyd").revision == 4
    assert document(stored)["stages"]["train"]["hyperparameters"] == {"trees": "many"}


def test_new_name_that_resembles_an_existing_one_is_a_warning(stored, files, tools):
    stages = copy.deepcopy(tools.document["stages"])
    stages["train"]["hyperparameters"] = {"n-estimators": 300}
    push(stored, load(tools.document | {"stages": stages}), files)
    place = "stages.train.hyperparameters"
    changed = put(stored, "prices", [f"{place}.n_estimators=5", f"{place}.depth=3"], "bea")
    assert changed.warnings == (f"{place}.n_estimators is new: the document has {place}.n-estimators",)


def test_overrides_larger_than_an_item_are_not_written(stored):
    settings = [f"stages.train.hyperparameters.h{number}={'x' * 2_400}" for number in range(90)]
    put(stored, "prices", settings, "bea")
    stored.functions.allowed = "yes"
    before = item(stored)
    with pytest.raises(DocumentError, match="DynamoDB keeps at most 409,600"):
        put(stored, "prices", ["stages.train.description=" + "x" * 200_000], "bea")
    assert item(stored) == before


def test_code_override_is_accepted_if_the_router_allows_it(stored):
    stored.functions.allowed = "yes"
    assert put(stored, "prices", ["stages.train.image=sklearn-1.2"], "bea").version == 1
    assert document(stored)["stages"]["train"]["image"] == "sklearn-1.2"


def test_concurrent_changes_lose_nothing(stored):
    def one(number):
        try:
            return put(stored, "prices", [f"stages.train.hyperparameters.h{number}={number}"], f"p{number}")
        except TargetError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one, range(4)))
    done = [each for each in answers if isinstance(each, OverridesChange)]
    assert done
    for error in (each for each in answers if isinstance(each, TargetError)):
        assert "somebody else has changed the overrides" in error.message
        assert "try again" in error.remedy
    written = document(stored)["stages"]["train"]["hyperparameters"]
    mine = {change.path[-1] for each in done for change in each.changes}
    assert set(written) == {"limit", *mine}
    assert layers_layers.read(stored, "prices").overrides.version == len(done)


@pytest.mark.parametrize(
    "by_hand",
    [
        {"parameters": {"M": {"limit": {"N": "6"}}}},
        {"defaults": {"M": {"instance_type": {"S": "ml.m5.xlarge"}}}},
        {"stages": {"M": {}}},
    ],
)
def test_concurrent_table_edit_is_not_overwritten(stored, monkeypatch, by_hand):
    put(stored, "prices", ["parameters.limit=5"], "bea")
    reads = Documents.overrides

    def and_then_somebody_edits(self, pipeline):
        found = reads(self, pipeline)
        edit(stored, **by_hand)
        return found

    monkeypatch.setattr(Documents, "overrides", and_then_somebody_edits)
    with pytest.raises(TargetError, match="nothing was written"):
        put(stored, "prices", ["stages.train.enabled=false"], "cyd")
    assert item(stored).items() >= by_hand.items()
    assert item(stored)["by"] == {"S": "bea"}


def test_unchanged_value_writes_nothing(stored):
    put(stored, "prices", ["parameters.limit=5"], "bea")
    before = item(stored)
    again = put(stored, "prices", ["parameters.limit=5"], "cyd")
    assert again.changes == ()
    assert again.version == 1
    assert again.revision == 2
    assert item(stored) == before


def test_true_in_place_of_one_is_a_change(stored):
    put(stored, "prices", ["stages.train.hyperparameters.x=1"], "bea")
    assert put(stored, "prices", ["stages.train.hyperparameters.x=true"], "bea").version == 2
    assert document(stored)["stages"]["train"]["hyperparameters"]["x"] is True


def test_unset_restores_the_value_of_the_repository(stored):
    base = document(stored)
    put(stored, "prices", ["parameters.limit=5", "stages.train.hyperparameters.n=1"], "bea")
    changed = remove(stored, "prices", [("stages", "train")], "cyd")
    assert [change.path for change in changed.changes] == [("stages", "train", "hyperparameters", "n")]
    assert layers_layers.read(stored, "prices").overrides.content == {"parameters": {"limit": 5}}
    assert remove(stored, "prices", [], "cyd").version == 3
    assert document(stored) == base
    assert item(stored).keys() == {"by", "written", "version", "checksum", "format"}
    assert stored.documents.newest_revision("prices").author == "cyd"


def test_unset_of_a_missing_override_is_rejected(stored):
    put(stored, "prices", ["parameters.limit=5"], "bea")
    with pytest.raises(DocumentError, match=r'did you mean "parameters\.limit"'):
        remove(stored, "prices", [("parameters", "limti")], "cyd")
    assert layers_layers.read(stored, "prices").overrides.version == 1


def test_invalid_table_edits_are_removed_one_by_one(stored):
    wrong = {"limit": {"SS": ["a"]}, "other": {"SS": ["a"]}}
    edit(stored, parameters={"M": wrong}, stages={"M": {"train": {"M": {"enabled": {"BOOL": False}}}}})
    with pytest.raises(DocumentError):
        put(stored, "prices", ["stages.train.instance_count=2"], "bea")
    half = remove(stored, "prices", [("parameters", "limit")], "bea")
    assert half.revision is None
    assert [problem.path for problem in half.problems] == ["parameters.other"]
    assert item(stored)["parameters"] == {"M": {"other": {"SS": ["a"]}}}
    whole = remove(stored, "prices", [("parameters", "other")], "bea")
    assert whole.problems == ()
    assert whole.revision == 2
    assert document(stored)["stages"]["train"]["enabled"] is False


def test_hidden_problems_do_not_block_removing_an_invalid_entry(stored):
    edit(stored, defaults={"L": []}, parameters={"M": {"limit": {"S": "x"}}})
    half = remove(stored, "prices", [("defaults",)], "bea")
    assert [problem.path for problem in half.problems] == ["parameters.limit"]


def test_unreadable_base_blocks_unset(stored):
    put(stored, "prices", ["parameters.limit=5"], "bea")
    key = {"pipeline": {"S": "prices"}, "item": {"S": "base"}, "document": {"S": "{"}}
    stored.documents.client.put_item(TableName=stored.documents.table, Item=key)
    before = item(stored)
    with pytest.raises(DocumentError, match="not JSON"):
        remove(stored, "prices", [], "bea")
    assert item(stored) == before


def test_override_that_another_one_needs_is_not_removed(stored):
    stored.functions.allowed = "yes"
    channel = "stages.train.channels.more=${stages.prepare.outputs.more}"
    put(stored, "prices", ['stages.prepare.outputs=["clean", "more"]', channel], "bea")
    before = item(stored)
    with pytest.raises(DocumentError, match=r"stages\.train\.channels\.more"):
        remove(stored, "prices", [("stages", "prepare")], "bea")
    assert item(stored) == before
    assert remove(stored, "prices", [("stages",)], "bea").problems == ()


def test_rollback_restores_the_document(stored):
    put(stored, "prices", ["parameters.limit=5", "stages.train.instance_count=2"], "bea")
    then = document(stored)
    put(stored, "prices", ["parameters.limit=6"], "bea")
    remove(stored, "prices", [("stages",)], "bea")
    back = roll_back(stored, "prices", 2, "cyd")
    assert document(stored) == then
    newest = stored.documents.newest_revision("prices")
    assert back.revision == 5
    assert newest.number == 5
    assert newest.author == "cyd"
    assert json.loads(newest.document) == then
    assert roll_back(stored, "prices", 1, "cyd").revision == 6
    assert layers_layers.read(stored, "prices").overrides.content == {}


def test_rollback_removes_an_invalid_table_edit(stored):
    edit(stored, stages={"L": []})
    assert roll_back(stored, "prices", 1, "cyd").changes
    assert layers_layers.read(stored, "prices").overrides.content == {}


def test_rollback_that_overrides_cannot_make_writes_nothing(stored, tools, files):
    stages = dict(tools.document["stages"])
    stages["train"] = stages["train"] | {"include": [], "hyperparameters": {"new": 1}}
    stages["more"] = {"kind": "gate", "require": "1 >= 0"}
    push(stored, load(tools.document | {"stages": stages, "description": "new"}), files)
    with pytest.raises(DocumentError) as raised:
        roll_back(stored, "prices", 1, "cyd")
    paths = {problem.path for problem in raised.value.problems}
    new = {"stages.train.hyperparameters.new", "stages.more", "description"}
    assert paths == {"stages.train.include", *new}
    assert all("revert the commit" in problem.remedy for problem in raised.value.problems)
    assert item(stored) == {}


def test_rollback_to_an_unknown_revision_is_rejected(stored):
    with pytest.raises(NotFoundError, match="no revision 9"):
        roll_back(stored, "prices", 9, "cyd")


def test_history_lists_changes_and_authors(stored):
    put(stored, "prices", ["parameters.limit=5"], "bea")
    put(stored, "prices", ["stages.train.enabled=false"], "cyd")
    entries = revisions.history(stored, "prices", 20)
    assert [(each.number, each.author) for each in entries] == [(3, "cyd"), (2, "bea"), (1, "ada")]
    (change,) = entries[1].changes
    assert change.path == ("parameters", "limit")
    assert change.before == 3
    assert change.after == 5
    assert entries[2].changes == ()
    assert [each.number for each in revisions.history(stored, "prices", 1)] == [3]
    assert revisions.history(stored, "prices", 1)[0].changes


def test_empty_overrides_item_has_no_overrides(stored):
    edit(stored)
    assert layers_layers.read(stored, "prices").overrides == Overrides(
        stored={"pipeline": {"S": "prices"}, "item": {"S": "overrides"}}
    )
    assert put(stored, "prices", ["parameters.limit=5"], "bea").version == 1
