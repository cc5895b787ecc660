from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.document.trigger_checks import is_expensive
from stagewright.errors import DocumentError

DATA = {"type": "data", "prefix": "raw/", "suffix": "_SUCCESS"}
WRONG = [
    (
        {"type": "code", "only": ["trian"]},
        "triggers[0].only[0]",
        "no such stage: trian",
        'did you mean "train"?',
    ),
    (
        {"type": "code", "parameters": {"moth": "x"}},
        "triggers[0].parameters.moth",
        "no such parameter",
        "month",
    ),
    (
        DATA | {"parameters": {"size": "${trigger.date}"}},
        "triggers[0].parameters.size",
        "size is declared as a number, not ${trigger.date}, which is a text",
        "",
    ),
    (
        {"type": "code", "parameters": {"fast": 1}},
        "triggers[0].parameters.fast",
        "is declared as true or false, not the number 1",
        "",
    ),
    (
        {"type": "code", "parameters": {"month": "${stages.train.model}"}},
        "triggers[0].parameters.month",
        "cannot be used in triggers",
        "it may begin with: trigger",
    ),
    ({"type": "data", "prefix": "raw/"}, "triggers[0]", "each object would start a run", "give suffix"),
    (DATA | {"prefix": "runs/x"}, "triggers[0].prefix", "runs/x is reserved", ""),
    (
        DATA | {"prefix": "s3://b/raw/"},
        "triggers[0].prefix",
        "is not a prefix in the bucket",
        "raw/house-price/",
    ),
    (DATA | {"prefix": ""}, "triggers[0].prefix", "is not a prefix in the bucket", ""),
    (DATA | {"date": "(["}, "triggers[0].date", "is not a regular expression", ""),
    (DATA | {"date": "day=.*"}, "triggers[0].date", "has 0 groups", "for the date only"),
    (
        DATA | {"settle": "ten"},
        "triggers[0].settle",
        "must consist of a number and a unit (s, m, h, d or w)",
        "",
    ),
    ({"type": "schedule"}, "triggers[0]", "requires either cron or rate", ""),
    (
        {"type": "schedule", "cron": "0 1 * * ? *", "rate": "1 day"},
        "triggers[0]",
        "requires either cron or rate",
        "",
    ),
    (
        {"type": "schedule", "cron": "0 14 * * SAT *"},
        "triggers[0].cron",
        "one of day-of-month",
        "Saturdays at 14:00",
    ),
    ({"type": "schedule", "rate": "6h"}, "triggers[0].rate", '"6h" is not a rate', "such as 6 hours"),
    (
        {"type": "schedule", "cron": "0 1 * * ? *", "timezone": "Europe/Zurch"},
        "triggers[0].timezone",
        "unknown time zone: ",
        "Europe/Zurich",
    ),
    (
        {"type": "schedule", "rate": "1 day", "timezone": "UTC"},
        "triggers[0].timezone",
        "a rate has no time zone",
        "",
    ),
    ({"type": "upstream", "pipeline": "house-price"}, "triggers[0].pipeline", "cannot start itself", ""),
]


@pytest.mark.parametrize(("trigger", "path", "message", "remedy"), WRONG)
def test_invalid_trigger_is_rejected_at_its_path(house, trigger, path, message, remedy):
    with pytest.raises(DocumentError) as raised:
        load(house({"triggers": [trigger]}))
    assert [problem.path for problem in raised.value.problems] == [path]
    assert message in raised.value.problems[0].message
    assert remedy in raised.value.problems[0].remedy


def test_repeated_trigger_is_rejected(house):
    twice = [DATA | {"only": ["train"]}, DATA]
    with pytest.raises(DocumentError, match=r"triggers\[1\]: the trigger is repeated"):
        load(house({"triggers": twice}))


def test_model_approved_trigger_needs_a_group(house):
    document = house({"triggers": [{"type": "model-approved"}]})
    load(document)
    del document["stages"]["register"], document["stages"]["deploy"]
    with pytest.raises(DocumentError, match="without group, the document needs one register stage"):
        load(document)
    load(document | {"triggers": [{"type": "model-approved", "group": "other"}]})


def test_filter_leaves_out_fields_that_do_not_select_events(house):
    plain, more = (
        load(house({"triggers": [DATA | extra]})).triggers[0]
        for extra in ({}, {"only": ["train"], "cooldown": "1h", "parameters": {"month": "${trigger.date}"}})
    )
    assert plain.filter == more.filter
    assert plain.filter["type"] == "data"


@pytest.mark.parametrize(
    "regex",
    [
        "((?:[0-9]+)+)x$",
        "(a*)*b",
        "(?:a|a)*(b)",
        "(.*).*.*x",
        "((?:[0-9]{1,50}){1,50})x",
        "(?:(?:a?){30}(b))+",
        "a?" * 30 + "(b)",
        "(?:ab|a)" * 30 + "(b)",
        "a{0,999}b{0,999}c{0,999}(d)",
    ],
)
def test_expensive_regex_is_detected(regex):
    assert is_expensive(regex)


@pytest.mark.parametrize(
    "regex",
    [
        r"day=([0-9-]+)/",
        r"raw/(\d{4}-\d{2})/",
        r"(?:a|b)/(\d+)",
        r"/(\d{8})[^/]*$",
        r"y=(\d{4}(?:-\d{2})?)",
        r".*/(?:dt|date)=(\d{4}-?\d{2})/.*",
        r"((?:\d{2}-){2}\d{4})",
    ],
)
def test_typical_date_regex_is_not_expensive(regex):
    assert not is_expensive(regex)


def test_date_expression_has_a_maximum_length(house):
    long = "(?i)" + r"[\x00-\U0010ffff]" * 100 + "(a)"
    with pytest.raises(DocumentError, match=r"triggers\[0\].date: 1[0-9]+ characters; the maximum is 500"):
        load(house({"triggers": [DATA | {"date": long}]}))


def test_message_shortens_a_long_expression(house):
    with pytest.raises(DocumentError) as raised:
        load(house({"triggers": [DATA | {"date": "(a+)+" + "b" * 450}]}))
    (problem,) = raised.value.problems
    assert "..." in problem.message
    assert len(problem.message) < 300
