"""Thousands of duplicate, shuffled events start one run per push."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import ministack.services.eventbridge as eventbridge
import pytest
from tests.support.messages import sweep

from stagewright.document.load import load
from stagewright.functions.router import handler
from stagewright.installation.resources import resources
from stagewright.installation.template import fill
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.releases.push import push

pytestmark = pytest.mark.slow

PIPELINES, PUSHES = 10, 10
FILES = 99
"""Objects of each push besides its manifest."""
OBJECTS = 10_000


def document(name):
    triggers = [{"type": "code"}, {"type": "data", "prefix": f"raw/{name}/", "suffix": "_SUCCESS"}]
    stages = {"check": {"kind": "gate", "require": "1 >= 0"}}
    return load({"name": name, "triggers": triggers, "stages": stages})


def created(gateway, key, version, time="2026-01-31T14:00:00Z"):
    """S3's event, in the forms that EventBridge matches and sends to the queue."""
    obj = {"key": key, "version-id": version, "size": 1, "etag": "e"}
    detail = {"bucket": {"name": gateway.installation.bucket}, "object": obj}
    event = {"version": "0", "id": "i", "source": "aws.s3", "detail-type": "Object Created", "time": time}
    event |= {"account": "0", "region": "us-east-1", "resources": [], "detail": detail}
    return event | {"Source": "aws.s3", "DetailType": "Object Created", "Detail": json.dumps(detail)}


def delivered(gateway, events):
    """The bodies of the events that match a rule for the queue."""
    rules = json.loads(fill(json.dumps(resources()), gateway.installation))["rules"].values()
    patterns = [
        json.dumps(rule["pattern"]) for rule in rules if rule["target"]["kind"] == "queue" and rule["pattern"]
    ]
    return [
        json.dumps(event)
        for event in events
        if any(eventbridge._matches_pattern(pattern, event) for pattern in patterns)
    ]


def route_in_batches(bodies, context):
    for start in range(0, len(bodies), 10):
        batch = [
            {"messageId": f"m{start + n}", "body": body} for n, body in enumerate(bodies[start : start + 10])
        ]
        assert handler({"Records": batch}, context) == {"batchItemFailures": []}


def claims(gateway):
    pages = gateway.runs.client.get_paginator("scan").paginate(TableName=gateway.runs.table)
    return [item for page in pages for item in page["Items"] if item["item"]["S"] == "claim"]


def all_executions(gateway):
    pages = gateway.executions.client.get_paginator("list_executions").paginate(
        stateMachineArn=gateway.installation.state_machine_arn
    )
    return [each["name"] for page in pages for each in page["executions"]]


def test_shuffled_duplicate_events_start_one_run_per_push(function, context, all_end):
    gateway, events = function, []
    names = [f"prices-{letter}" for letter in "abcdefghij"[:PIPELINES]]
    for number in range(PIPELINES * PUSHES):
        name = names[number % PIPELINES]
        content = str(number // PIPELINES % 3).encode()  # contents come back, as after a revert
        pushed = push(gateway, document(name), {"train.py": content})
        events.append(created(gateway, f"manifests/{name}.json", pushed.trigger_key.rsplit(":", 1)[1]))
        events += [created(gateway, f"staging/{name}/f{n}.py", f"{number}") for n in range(FILES)]
    assert len(events) == OBJECTS
    events += [
        created(gateway, f"raw/{names[n % PIPELINES]}/2026-01/part-{n}", f"v{n}") for n in range(OBJECTS)
    ]
    bodies = delivered(gateway, events * 2)
    assert len(bodies) == 2 * (PIPELINES * PUSHES + OBJECTS)
    random.Random(4).shuffle(bodies)
    route_in_batches(bodies, context)
    all_end()
    runs = list_runs(gateway, limit=1000)
    assert len(runs) == len(claims(gateway)) == len(set(all_executions(gateway))) == 100
    assert {run.status for run in runs} == {"SUCCEEDED"}
    assert {run.trigger.type for run in runs} == {"code"}
    assert len({run.trigger.key for run in runs}) == 100


CRASHING = """
import json, os, sys
from stagewright.aws.executions import Executions
from stagewright.gateway import Gateway
from stagewright.naming import Installation
from tests.support.messages import route

Executions.start = lambda *_: os._exit(9)
given = json.loads(sys.argv[1])
place = Installation(**given["installation"])
route(Gateway.connect(place, given["url"], "test", "test"), given["body"])
"""


def test_killed_function_loses_no_run(gateway, address, tools):
    """The process ends before StartExecution, as a function's can. The sweeper starts the run once."""
    bodies = []
    for number in range(3):
        name = f"prices-{'abc'[number]}"
        pushed = push(gateway, document(name), {"train.py": str(number).encode()})
        version = pushed.trigger_key.rsplit(":", 1)[1]
        bodies.append(json.dumps(created(gateway, f"manifests/{name}.json", version)))
    for body in bodies:
        given = {"installation": vars(gateway.installation), "url": address, "body": body}
        done = subprocess.run([sys.executable, "-c", CRASHING, json.dumps(given)], check=False)
        assert done.returncode == 9
    assert len(claims(gateway)) == 3
    assert all_executions(gateway) == []
    repairs = sweep(gateway, patience=-1)
    assert sorted(repair.subject for repair in repairs if repair.what == "started") == sorted(
        all_executions(gateway)
    )
    assert len(all_executions(gateway)) == 3
    sweep(gateway, patience=-1)
    assert len(all_executions(gateway)) == 3
    assert {show(gateway, run).status for run in all_executions(gateway)} <= {"RUNNING", "SUCCEEDED"}


@pytest.mark.parametrize("batch", [1, 10])
def test_revert_runs_again(function, context, batch, all_end):
    contents = [b"1", b"2", b"1"]
    bodies = []
    for content in contents:
        pushed = push(function, document("prices"), {"train.py": content})
        event = created(function, "manifests/prices.json", pushed.trigger_key.rsplit(":", 1)[1])
        bodies += [json.dumps(event)] * 2
    for start in range(0, len(bodies), batch):
        route_in_batches(bodies[start : start + batch], context)
    all_end()
    runs = list_runs(function, "prices")
    assert len(runs) == len(all_executions(function)) == 3
    releases = [run.release for run in sorted(runs, key=lambda run: run.created)]
    assert releases[0] == releases[2] != releases[1]
