"""The states of the Amazon States Language that the machine uses, as frozen values.

Each `asl()` gives the JSON of one state (JSONata query language). `next=None` ends the (sub-)machine.
Source: the States Language specification, and "Managing state and transforming data" in the Step Functions
guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def expression(text: str) -> str:
    """A field's value: the expression on one line, between JSONata's delimiters."""
    return "{% " + " ".join(text.split()) + " %}"


Asl = dict[str, Any]


def _way_out(following: str | None) -> Asl:
    return {"Next": following} if following else {"End": True}


@dataclass(frozen=True)
class Retry:
    """Tries again after `interval` seconds, `backoff` times longer each time up to `longest`, jittered."""

    errors: tuple[str, ...]
    attempts: int = 6
    interval: int = 2
    longest: int = 60
    backoff: float = 2.0

    def asl(self) -> Asl:
        return {
            "ErrorEquals": list(self.errors),
            "IntervalSeconds": self.interval,
            "MaxAttempts": self.attempts,
            "BackoffRate": self.backoff,
            "MaxDelaySeconds": self.longest,
            "JitterStrategy": "FULL",
        }


@dataclass(frozen=True)
class Catch:
    """Any error that can be caught goes to `next`, with `output` as its input."""

    next: str
    output: Any

    def asl(self) -> Asl:
        return {"ErrorEquals": ["States.ALL"], "Output": self.output, "Next": self.next}


@dataclass(frozen=True)
class Task:
    """One call of a service. `resource` is what follows `arn:<partition>:states:::`; `timeout` in seconds."""

    resource: str
    arguments: Any
    output: Any
    next: str | None
    retry: tuple[Retry, ...]
    catch: Catch
    timeout: int | str = 60

    def asl(self) -> Asl:
        return {
            "Type": "Task",
            "Resource": "arn:${partition}:states:::" + self.resource,
            "Arguments": self.arguments,
            "TimeoutSeconds": self.timeout,
            "Retry": [retry.asl() for retry in self.retry],
            "Catch": [self.catch.asl()],
            "Output": self.output,
            **_way_out(self.next),
        }


@dataclass(frozen=True)
class Rule:
    """One rule of a choice. `output`, where given, is the input of `next`."""

    condition: str
    next: str
    output: Any = None

    def asl(self) -> Asl:
        rule: Asl = {"Condition": self.condition, "Next": self.next}
        return rule if self.output is None else {**rule, "Output": self.output}


@dataclass(frozen=True)
class Choice:
    """The first rule that holds decides. The default passes its input on as it is."""

    rules: tuple[Rule, ...]
    default: str

    def asl(self) -> Asl:
        return {"Type": "Choice", "Choices": [rule.asl() for rule in self.rules], "Default": self.default}


@dataclass(frozen=True)
class Pass:
    """Computes an output. Nothing catches an error here, so its expression must not raise any."""

    output: Any
    next: str | None

    def asl(self) -> Asl:
        return {"Type": "Pass", "Output": self.output, **_way_out(self.next)}


@dataclass(frozen=True)
class Wait:
    """`seconds` is a whole number, or an expression that gives one."""

    seconds: int | str
    next: str

    def asl(self) -> Asl:
        return {"Type": "Wait", "Seconds": self.seconds, "Next": self.next}


@dataclass(frozen=True)
class Fail:
    """Ends the execution as failed."""

    error: str
    cause: str

    def asl(self) -> Asl:
        return {"Type": "Fail", "Error": self.error, "Cause": self.cause}


@dataclass(frozen=True)
class Map:
    """Runs `states` once per item, at most `concurrency` side by side (inline mode: AWS allows 40)."""

    items: str
    selector: Mapping[str, Any]
    start: str
    states: Mapping[str, State]
    output: Any
    catch: Catch
    next: str | None
    concurrency: int = field(default=40)

    def asl(self) -> Asl:
        return {
            "Type": "Map",
            "Items": self.items,
            "ItemSelector": dict(self.selector),
            "MaxConcurrency": self.concurrency,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": self.start,
                "States": {name: state.asl() for name, state in self.states.items()},
            },
            "Catch": [self.catch.asl()],
            "Output": self.output,
            **_way_out(self.next),
        }


State = Task | Choice | Pass | Wait | Fail | Map
