"""Common mistakes are reported as one problem with a remedy."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError

MISTAKES = [
    ({"stages.train.channels": ["x"]}, "stages.train.channels", "write name: value, without a - before it"),
    ({"stages.prepare.inputs": "s3://b/x"}, "stages.prepare.inputs", "write name: value"),
    ({"stages.prepare.outputs": "train"}, "stages.prepare.outputs", "write [train]"),
    ({"stages.train.after": "prepare"}, "stages.train.after", "write [prepare]"),
    ({"stages.prepare.arguments": {"--x": 3}}, "stages.prepare.arguments", 'begin each entry with "- "'),
    ({"stages.prepare.arguments": ["--x", 3]}, "stages.prepare.arguments[1]", 'write "3"'),
    ({"stages.train.environment": {"LEVEL": True}}, "stages.train.environment.LEVEL", 'write "true"'),
    ({"stages.train.enabled": "false"}, "stages.train.enabled", "write false, without quotes"),
    ({"stages.train.instance_count": "2"}, "stages.train.instance_count", "write 2, without quotes"),
    ({"stages.train.retry": 3}, "stages.train.retry", "keys: attempts, wait"),
    ({"stages.train.cache": "7d"}, "stages.train.cache", "keys: max_age"),
    ({"budget": 100}, "budget", "keys: instance_hours, money, prices"),
    ({"triggers": ["code"]}, "triggers[0]", "write {type: code}"),
    ({"triggers": {"type": "code"}}, "triggers", 'begin each entry with "- "'),
    ({"triggers": [{"typ": "code"}]}, "triggers[0].typ", 'did you mean "type"?'),
    (
        {"triggers": [{"type": "schedule", "cron": "cron(0 14 ? * SAT *)"}]},
        "triggers[0].cron",
        'write "0 14 ? * SAT *"',
    ),
    ({"triggers": [{"type": "schedule", "rate": "rate(1 day)"}]}, "triggers[0].rate", "write 1 day"),
    (
        {"stages.train.hyperparameters.x": "${size}"},
        "stages.train.hyperparameters.x",
        "write ${parameters.size}",
    ),
    (
        {"stages.train.channels.x": "${prepare.outputs.train}"},
        "stages.train.channels.x",
        "write ${stages.prepare.outputs.train}",
    ),
    (
        {"stages.train.channels.x": "${stage.prepare.outputs.train}"},
        "stages.train.channels.x",
        "write ${stages.prepare.outputs.train}",
    ),
    (
        {"stages.train.channels.x": "${ stages.prepare.outputs.train }"},
        "stages.train.channels.x",
        "write ${stages.prepare.outputs.train}",
    ),
    (
        {"stages.train.channels.x": "${stages['prepare'].outputs.train}"},
        "stages.train.channels.x",
        "write ${stages.prepare.outputs.train}",
    ),
    ({"stages.train.channels.x": "${nothing.known}"}, "stages.train.channels.x", "known: account, bucket"),
    ({"stages.Score_It": {"kind": "gate", "require": "1 < 2"}}, "stages.Score_It", "write score-it"),
    ({"stages.12": {"kind": "gate", "require": "1 < 2"}}, "stages.12", ""),
]


@pytest.mark.parametrize(("changes", "path", "remedy"), MISTAKES, ids=[str(case[0]) for case in MISTAKES])
def test_common_mistake_is_one_problem_with_its_remedy(house, changes, path, remedy):
    with pytest.raises(DocumentError) as raised:
        load(house(changes))
    (problem,) = raised.value.problems
    assert problem.path == path
    assert remedy in problem.remedy


def test_stage_with_an_invalid_name_is_still_checked(house):
    document = house({"stages.train.after": ["nowhere"], "stages.quality.require": "1 < 2"})
    document["stages"]["Train"] = document["stages"].pop("train")
    with pytest.raises(DocumentError) as raised:
        load(document)
    assert {problem.path for problem in raised.value.problems} == {"stages.Train", "stages.Train.after[0]"}
