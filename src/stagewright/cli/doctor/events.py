"""Checks of rules, queues, event sources and topics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe, differences
from stagewright.cli.doctor.target import CheckedTarget


def probes(target: CheckedTarget) -> Iterator[Probe]:
    expected = target.expected
    for what, rule in expected["rules"].items():
        yield Probe(f"rule {what}", partial(_rule, target, rule), target.fix)
    for what, queue in expected["queues"].items():
        yield Probe(f"queue {what}", partial(_queue, target, queue), target.fix)
    for what, source in expected["event_sources"].items():
        yield Probe(f"event source of {what}", partial(_source, target, source), target.fix)
    for what, topic in expected["topics"].items():
        yield Probe(f"topic {what}", partial(_topic, target, topic["arn"]), target.fix)


def _rule(target: CheckedTarget, rule: Mapping[str, Any]) -> Iterator[str]:
    receiver = rule["target"]
    expected = {
        "state": "ENABLED",
        "pattern": rule["pattern"],
        "schedule": rule["schedule"],
        "targets": {receiver["arn"]: receiver["dead_letter_arn"]},
    }
    yield from differences(expected, target.gateway.installed.rule(rule["name"]))


def _queue(target: CheckedTarget, queue: Mapping[str, Any]) -> Iterator[str]:
    actual = target.gateway.installed.queue(queue["name"])
    expected = {
        "VisibilityTimeout": str(queue["visibility_timeout"]),
        "MessageRetentionPeriod": str(queue["retention"]),
    }
    yield from differences(expected, actual)
    if queue["redrive"]:
        redrive = json.loads(actual.get("RedrivePolicy", "{}"))
        redrive["maxReceiveCount"] = int(redrive.get("maxReceiveCount", 0))  # AWS gives it as text or number
        policy = {
            "deadLetterTargetArn": queue["redrive"]["dead_letter_arn"],
            "maxReceiveCount": queue["redrive"]["max_receives"],
        }
        yield from differences(policy, redrive)


def _source(target: CheckedTarget, source: Mapping[str, Any]) -> Iterator[str]:
    queue = target.expected["queues"][source["queue"]]["arn"]
    function = target.expected["functions"][source["function"]]["name"]
    states = target.gateway.installed.event_source_states(queue, function)
    if states != ["Enabled"]:
        yield f"its event source for {function}: {', '.join(states) or 'no event source'}"


def _topic(target: CheckedTarget, arn: str) -> Iterator[str]:
    yield from differences({"TopicArn": arn}, target.gateway.installed.topic(arn))
