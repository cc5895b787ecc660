"""installation.json in the form of `made.py`: by names in AWS, short names resolved, prose left out."""

from __future__ import annotations

import json
from typing import Any

from stagewright.installation.artifacts import FOLDER
from stagewright.installation.template import fill
from stagewright.naming import Installation

Sections = dict[str, Any]


def wanted(place: Installation, layer: str) -> Sections:
    """`layer`: the ARN that every function's layer has there."""
    given: Sections = json.loads(fill((FOLDER / "installation.json").read_text(), place))
    roles, functions, queues = given["roles"], given["functions"], given["queues"]
    machine = given["state_machine"]
    definition = json.loads(fill((FOLDER / machine["definition"]).read_text(), place))
    overrides = {
        "STAGEWRIGHT_CODE_OVERRIDES": "no",
        "STAGEWRIGHT_BYPASS": "",
        "STAGEWRIGHT_STATE_MACHINE": f"{machine['arn']}:1",
    }
    return {
        "bucket": given["bucket"],
        "tables": _named(given["tables"]),
        "queues": _named(queues),
        "rules": _named(
            {
                what: {**rule, "target": _without(rule["target"], "name")}
                for what, rule in given["rules"].items()
            }
        ),
        "functions": _named(
            {
                what: {
                    **function,
                    "layers": [layer],
                    "role": roles[function["role"]]["arn"],
                    "environment": function["environment"] | overrides,
                }
                for what, function in functions.items()
            }
        ),
        "event_sources": {
            queues[source["queue"]]["arn"]: {
                **source,
                "queue": queues[source["queue"]]["arn"],
                "function": place.arn("lambda", f"function:{functions[source['function']]['name']}"),
            }
            for source in given["event_sources"].values()
        },
        "glue_jobs": _named(
            {
                what: {**job, "role": roles[job["role"]]["arn"]}
                for what, job in given.get("glue_jobs", {}).items()
            }
        ),
        "topics": _named(given["topics"]),
        "log_groups": _named(given["log_groups"]),
        "state_machine": {**machine, "definition": definition, "role": roles[machine["role"]]["arn"]},
        "roles": _named({what: _without(role, "service", "statements") for what, role in roles.items()}),
        "log_metrics": _named(
            {
                what: {
                    **_without(metric, "key"),
                    "log_group": given["log_groups"][metric["log_group"]]["name"],
                }
                for what, metric in given["log_metrics"].items()
            }
        ),
        "alarms": _named(
            {
                what: {
                    **_without(alarm, "key", "remedy"),
                    "description": f"{alarm['description']}. {alarm['remedy']}",
                    "actions": [given["topics"]["alarms"]["arn"]],
                }
                for what, alarm in given["alarms"].items()
            }
        ),
        "dashboard": given["dashboard"],
    }


def _named(section: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in section.values()}


def _without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in names}
