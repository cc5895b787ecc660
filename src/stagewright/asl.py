"""The states of the Amazon States Language that the state machine uses, as frozen values.

Each `asl()` returns the JSON of one state in the JSONata query language. `next=None` ends the machine, or the
iteration of a Map.
Source: the States Language specification, and "Managing state and transforming data" in the Step Functions
guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def expression(text: str) -> str:
    """Return a field's value: the expression on one line, between JSONata's delimiters."""
    return "{% " + " ".join(text.split()) + " %}"


Asl = dict[str, Any]


def _transition(following: str | None) -> Asl:
    return {"Next": following} if following else {"End": True}


@dataclass(frozen=True)
class Retry:
    """Retries after `interval` seconds, `backoff` times longer each time, at most `longest`, with full
    jitter."""

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
    """Sends an error to the state `next`, with `output` as its input: by default every error that can be
    caught."""

    next: str
    output: Any
    error: str = "States.ALL"

    def asl(self) -> Asl:
        return {"ErrorEquals": [self.error], "Output": self.output, "Next": self.next}


@dataclass(frozen=True)
class Task:
    """Calls a service. `resource` is the part after `arn:<partition>:states:::`. `timeout` is in seconds.
    `late` catches States.Timeout; `catch` catches the rest."""

    resource: str
    arguments: Any
    output: Any
    next: str | None
    retry: tuple[Retry, ...]
    catch: Catch
    timeout: int | str = 60
    late: Catch | None = None

    def asl(self) -> Asl:
        return {
            "Type": "Task",
            "Resource": "arn:${partition}:states:::" + self.resource,
            "Arguments": self.arguments,
            "TimeoutSeconds": self.timeout,
            "Retry": [retry.asl() for retry in self.retry],
            "Catch": [catch.asl() for catch in (self.late, self.catch) if catch],
            "Output": self.output,
            **_transition(self.next),
        }


@dataclass(frozen=True)
class Rule:
    """A rule of a choice. `output`, if not None, is the input of `next`."""

    condition: str
    next: str
    output: Any = None

    def asl(self) -> Asl:
        rule: Asl = {"Condition": self.condition, "Next": self.next}
        return rule if self.output is None else {**rule, "Output": self.output}


@dataclass(frozen=True)
class Choice:
    """Goes to the state of the first rule that holds, or to `default` with the input unchanged."""

    rules: tuple[Rule, ...]
    default: str

    def asl(self) -> Asl:
        return {"Type": "Choice", "Choices": [rule.asl() for rule in self.rules], "Default": self.default}


@dataclass(frozen=True)
class Pass:
    """Computes an output. A Pass state cannot catch errors, so its expression must not raise any."""

    output: Any
    next: str | None

    def asl(self) -> Asl:
        return {"Type": "Pass", "Output": self.output, **_transition(self.next)}


@dataclass(frozen=True)
class Wait:
    """Waits. `seconds` is a whole number, or an expression that returns one."""

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
    """Runs `states` once per item, at most `concurrency` in parallel. AWS allows 40 in inline mode."""

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
            **_transition(self.next),
        }


State = Task | Choice | Pass | Wait | Fail | Map
