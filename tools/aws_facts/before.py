"""The steps that create nothing. They run before anything is applied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.planner.quotas import exceeded, peaks
from tools.aws_facts import rendered
from tools.aws_facts.policies import policies, sound
from tools.aws_facts.sample_events import samples
from tools.aws_facts.step import (
    Judge,
    NotTriedError,
    Observe,
    Step,
    Target,
    answered,
    equals,
    nothing,
    rejected,
)

CONCURRENCY = ("lambda", "L-B99A9384")
"""Service Quotas: concurrent executions (Lambda developer guide, "Lambda quotas")."""
FUNCTION_CONCURRENCY = 10
"""Concurrent executions that an installation needs: its functions at the same time, with some to spare."""


def definition(target: Target) -> dict[str, Any]:
    """Return AWS's diagnosis of the definition. Calls ValidateStateMachineDefinition."""
    text = rendered.definition(target.gateway.installation)
    answer = target.client("stepfunctions").validate_state_machine_definition(
        definition=text, type="STANDARD"
    )
    return {"result": answer["result"], "diagnostics": answer["diagnostics"]}


def valid(answer: Any) -> Iterator[str]:
    errors = [item for item in answer["diagnostics"] if item["severity"] == "ERROR"]
    yield from (f"{item.get('location', '')} {item['code']}: {item['message']}" for item in errors)
    if answer["result"] != "OK" and not errors:
        yield f"the result is {answer['result']}"


def patterns(target: Target) -> list[str]:
    """Return the sample events for which EventBridge and we disagree. Calls TestEventPattern."""
    installation = target.gateway.installation
    parts = rendered.parts(target.gateway.installation)
    rules = {key: json.dumps(rule["pattern"]) for key, rule in parts["rules"].items() if rule["pattern"]}
    wrong, events = [], target.client("events")
    for name, event, expected in samples(installation):
        for key, pattern in rules.items():
            result = events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
            if result != (key in expected):
                wrong.append(f"{name}: the rule {key} {'matches' if result else 'does not match'}")
    return wrong


def caller(target: Target) -> dict[str, Any]:
    """Return whether the credentials are of the installation's account. Calls GetCallerIdentity."""
    answer = target.client("sts").get_caller_identity()
    return {"same account": answer["Account"] == target.gateway.installation.account, "arn": answer["Arn"]}


def of_account(answer: Any) -> Iterator[str]:
    if not answer["same account"]:
        yield "the credentials are of another account"


def region(target: Target) -> str:
    """Return the region that the clients use, and whether it answers: lists one state machine."""
    states = target.client("stepfunctions")
    states.list_state_machines(maxResults=1)
    return (
        "the installation's" if states.meta.region_name == target.gateway.installation.region else "another"
    )


def instances(target: Target) -> list[str]:
    """Return what the smoke pipelines need beyond the quotas.

    Calls ListServiceQuotas, which leaves out unchanged quotas in some regions, and
    ListAWSDefaultServiceQuotas. Instance types have names there, but no code that could be derived.
    """
    _needs_quotas(target)
    values = quotas(target, "list_aws_default_service_quotas") | quotas(target, "list_service_quotas")
    unknown = {name for plan in target.plans for name in peaks(plan) if name not in values}
    messages = {message for plan in target.plans for message in exceeded(plan, values)}
    return sorted(
        messages | {f"there is no quota named {name}" for name in unknown if name.startswith("ml.")}
    )


def quotas(target: Target, operation: str) -> dict[str, float]:
    pages = target.client("service-quotas").get_paginator(operation).paginate(ServiceCode="sagemaker")
    return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}


def concurrency(target: Target) -> float:
    """Return the concurrent executions of all functions. Calls GetServiceQuota."""
    _needs_quotas(target)
    service, code = CONCURRENCY
    quota = target.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    return float(quota["Value"])


def enough(answer: Any) -> Iterator[str]:
    if answer < FUNCTION_CONCURRENCY:
        yield f"it is {answer:g}, {FUNCTION_CONCURRENCY} are needed; request more in Service Quotas"


def _needs_quotas(target: Target) -> None:
    if target.is_local:
        raise NotTriedError("the local target has no Service Quotas")


def state(expression: str) -> Observe:
    """Return a step's question: the output or error of a Pass state. Calls TestState."""

    def observe(target: Target) -> dict[str, Any]:
        machine = {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": "{% " + expression + " %}",
            "End": True,
        }
        answer = target.prefixed_client("stepfunctions").test_state(
            definition=json.dumps(machine), input="{}"
        )
        return {name: answer[name] for name in ("status", "output", "error", "cause") if name in answer}

    return observe


def failed_query(word: str) -> Judge:
    def judge(answer: Any) -> Iterator[str]:
        if answer["status"] != "FAILED":
            yield f"the state ended as {answer['status']}"
        elif answer["error"] != "States.QueryEvaluationError":
            yield f"the error is {answer['error']}"
        elif word not in answer["cause"]:
            yield f"the cause has no {word!r}: {answer['cause']}"

    return judge


def output(expected: str) -> Judge:
    def judge(answer: Any) -> Iterator[str]:
        if answer.get("output") != expected:
            yield f"it is {answer.get('output') or answer.get('cause')}, not {expected}"

    return judge


def on_aws_only(expression: str) -> Observe:
    """Return the question of `state` where the page names the local target's answer as another one."""

    def observe(target: Target) -> dict[str, Any]:
        if target.is_local:
            raise NotTriedError("a known difference of the local target")
        return state(expression)(target)

    return observe


def bad_name(target: Target) -> dict[str, Any]:
    """Ask for a job by a name whose first characters match the pattern, but not the whole."""
    return answered(target, target.client("sagemaker").describe_training_job, TrainingJobName="smoke-")


STEPS = (
    Step("A1", "the credentials belong to the account", caller, of_account),
    Step("A2", "the region answers", region, equals("the installation's")),
    Step("A3", "the quotas of instances are enough", instances, nothing),
    Step("A4", "the quota of concurrent functions is enough", concurrency, enough),
    Step("A5", "EventBridge matches the sample events as we do", patterns, nothing),
    Step("F15", "AWS accepts the definition of the state machine", definition, valid),
    Step("F29", "a failed $error contains D3137", state("$error('stop')"), failed_query("D3137: ")),
    Step("F34", "$string writes 15 digits", on_aws_only("$string(0.1 + 0.2)"), output('"0.3"')),
    Step("F65", "patterns match in full", bad_name, rejected("ValidationException", "constraint")),
    Step("F73", "Access Analyzer finds no errors in policies and trusts", policies, sound),
    Step(
        "F79", "a number too large for JSONata fails the query", state("1e300 * 1e300"), failed_query("D1001")
    ),
    Step(
        "F112",
        "$substring counts beyond the BMP as we do",
        on_aws_only("$substring('a😀b', 0, 4000)"),
        failed_query("String index out of range"),
    ),
    Step("F113", "1 / 0 is the text Infinity", on_aws_only("1 / 0"), output('"Infinity"')),
)
