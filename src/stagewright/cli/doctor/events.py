"""The way of an event: rules, queues, and who reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe, differences
from stagewright.cli.doctor.installation import Place


def probes(place: Place) -> Iterator[Probe]:
    wanted = place.wanted
    for what, rule in wanted["rules"].items():
        yield Probe(f"rule {what}", partial(_rule, place, rule), place.mend)
    for what, queue in wanted["queues"].items():
        yield Probe(f"queue {what}", partial(_queue, place, queue), place.mend)
    for what, source in wanted["event_sources"].items():
        yield Probe(f"reader of {what}", partial(_source, place, source), place.mend)
    for what, topic in wanted["topics"].items():
        yield Probe(f"topic {what}", partial(_topic, place, topic["arn"]), place.mend)


def _rule(place: Place, rule: Mapping[str, Any]) -> Iterator[str]:
    target = rule["target"]
    wanted = {
        "state": "ENABLED",
        "pattern": rule["pattern"],
        "schedule": rule["schedule"],
        "targets": {target["arn"]: target["dead_letter_arn"]},
    }
    yield from differences(wanted, place.gateway.installed.rule(rule["name"]))


def _queue(place: Place, queue: Mapping[str, Any]) -> Iterator[str]:
    found = place.gateway.installed.queue(queue["name"])
    wanted = {
        "VisibilityTimeout": str(queue["visibility_timeout"]),
        "MessageRetentionPeriod": str(queue["retention"]),
    }
    yield from differences(wanted, found)
    if queue["redrive"]:
        redrive = json.loads(found.get("RedrivePolicy", "{}"))
        redrive["maxReceiveCount"] = int(redrive.get("maxReceiveCount", 0))  # AWS gives it as text or number
        ours = {
            "deadLetterTargetArn": queue["redrive"]["dead_letter_arn"],
            "maxReceiveCount": queue["redrive"]["max_receives"],
        }
        yield from differences(ours, redrive)


def _source(place: Place, source: Mapping[str, Any]) -> Iterator[str]:
    queue = place.wanted["queues"][source["queue"]]["arn"]
    function = place.wanted["functions"][source["function"]]["name"]
    states = place.gateway.installed.event_source_states(queue, function)
    if states != ["Enabled"]:
        yield f"{function} reads it: {', '.join(states) or 'not at all'}"


def _topic(place: Place, arn: str) -> Iterator[str]:
    yield from differences({"TopicArn": arn}, place.gateway.installed.topic(arn))
