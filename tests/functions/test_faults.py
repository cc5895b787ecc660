"""Functions that die at any call: every push becomes exactly one run, which ends, is announced and frees its
lease.

A botocore hook ends a function before a call is sent, or after its answer came, with an exception that no
code catches. SQS delivers the message again, the recorder's event is lost, and the sweeper comes later. The
rest is real: S3, DynamoDB, SQS, SNS and Step Functions of the test server.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from tests.functions.test_many_events import all_executions, created, document, route_in_batches
from tests.support.installation import ACCOUNT, COUNTER, KEY, REGION, install, machine

from stagewright.aws import queue
from stagewright.functions import environment, recorder, router, sweeper
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.releases import pushes
from stagewright.runs.releases.push import push

pytestmark = pytest.mark.slow

FAILING = {"StartAt": "Go", "States": {"Go": {"Type": "Fail", "Error": "Boom", "Cause": "boom"}}}
ROUNDS = 12
"""Rounds of deliveries and sweeps after which everything is settled."""
PIPELINES, PUSHES, COPIES = 4, 5, 50


class Killed(BaseException):
    """The function's process has ended. No `except Exception` sees it."""


@dataclass
class Fault:
    """Counts the calls of functions, and ends the function at call number `at`: `before` or `after` it."""

    at: int = 0
    moment: str = ""
    calls: int = 0
    active: bool = False

    def before(self, **_):
        if self.active:
            self.calls += 1
            self._kill("before")

    def after(self, **_):
        if self.active:
            self._kill("after")

    def _kill(self, moment):
        if (self.calls, self.moment) == (self.at, moment):
            self.at = 0
            raise Killed

    def arm(self, at, moment):
        self.at, self.moment, self.calls = at, moment, 0


@pytest.fixture(scope="module")
def fault():
    return Fault()


@pytest.fixture(scope="module")
def hooked(address, fault):
    gateway = OperatorGateway.connect(Installation("none", REGION, ACCOUNT), address, KEY, KEY)
    gateway.session.events.register("before-call", fault.before)
    gateway.session.events.register("after-call", fault.after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "LONG_POLL", 0)
        yield gateway
    gateway.close()


class World:
    """One installation with its functions. The event of the second push and the end of the second run are
    lost."""

    def __init__(self, hooked, fault, context, monkeypatch):
        name = f"f{next(COUNTER)}"
        place = Installation(f"{name}-bucket", REGION, ACCOUNT, environment="test", prefix=name)
        self.gateway = install(replace(hooked, installation=place))
        machine(self.gateway, FAILING)
        self.fault, self.context = fault, context
        self.recorded: set[str] = set()
        for key, value in {"BUCKET": place.bucket, "PREFIX": name, "ENVIRONMENT": "test"}.items():
            monkeypatch.setenv(f"STAGEWRIGHT_{key}", value)
        monkeypatch.setenv("STAGEWRIGHT_TOPIC", self._topic(name))
        monkeypatch.setattr(environment, "gateway", lambda _: self.gateway)
        self.keys = [
            push(self.gateway, document("prices"), {"x.py": text}).trigger_key for text in (b"1", b"2")
        ]
        version = self.keys[0].rsplit(":", 1)[1]
        self.gateway.queue.send(created(self.gateway, "manifests/prices.json", version))

    def _topic(self, name):
        sns, sqs = self.gateway.topics.client, self.gateway.queue.client
        topic = sns.create_topic(Name=f"{name}-topic")["TopicArn"]
        self.notices = sqs.create_queue(QueueName=f"{name}-notices")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-notices"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return topic

    def call(self, handler, event):
        """The answer of a function, None if it died."""
        self.fault.active = True
        try:
            return handler(event, self.context)
        except Killed:
            return None
        finally:
            self.fault.active = False

    def deliver(self):
        sqs, url = self.gateway.queue.client, self.gateway.queue.url
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get(
            "Messages", []
        ):
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            if self.call(router.handler, {"Records": [record]}) == {"batchItemFailures": []}:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def record(self):
        """The event of the first run's end, delivered once. That of the second is lost."""
        run = self.gateway.runs.claimed(self.keys[0])
        header = self.gateway.runs.header(run) if run else None
        if header and header.execution and run not in self.recorded:
            self.recorded.add(run)
            self.call(recorder.handler, {"detail": {"executionArn": header.execution}})

    def settle(self):
        for number in itertools.count():
            assert number < ROUNDS, "stuck"
            self.deliver()
            self.record()
            self.deliver()
            self.call(sweeper.handler, {"detail": {"patience": -1}})
            if self.is_settled():
                return

    def is_settled(self):
        runs = [self.gateway.runs.claimed(key) for key in self.keys]
        return all(runs) and not self.gateway.runs.open_runs(10) and not self.gateway.runs.unfinished()

    def subjects(self):
        sqs, found = self.gateway.queue.client, []
        while messages := sqs.receive_message(QueueUrl=self.notices, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            found += [json.loads(message["Body"])["Subject"] for message in messages]
        return Counter(found)


def check(world):
    """Assert what is promised. Returns how many notices were sent more than once."""
    gateway = world.gateway
    runs = [gateway.runs.claimed(key) for key in world.keys]
    headers = gateway.runs.of_pipeline("prices", 100)
    assert {header.run for header in headers} == set(runs)
    assert [gateway.runs.header(run).status for run in runs] == ["FAILED", "FAILED"]
    assert sorted(all_executions(gateway)) == sorted(runs)
    starts = [gateway.executions.describe(gateway.executions.arn_of(run)).started for run in runs]
    assert starts == sorted(starts)
    subjects = world.subjects()
    assert set(subjects) == {f"prices failed: {run}" for run in runs}
    assert list(gateway.run_queue.entries("prices")) == []
    assert gateway.run_queue.lease("prices") is None
    return sum(subjects.values()) - len(subjects)


def test_functions_killed_before_and_after_every_call_lose_nothing(hooked, fault, context, monkeypatch):
    def scenario(at=0, moment=""):
        world = World(hooked, fault, context, monkeypatch)
        fault.arm(at, moment)
        world.settle()
        return check(world)

    scenario()
    calls = fault.calls
    assert calls > 50
    repeated = [scenario(at, moment) for at in range(1, calls + 1) for moment in ("before", "after")]
    print(f"{len(repeated)} kills at {calls} calls: 2 runs each; {sum(repeated)} notices were sent twice")


def test_shuffled_duplicate_events_never_run_an_older_release_after_a_newer(function, context, all_end):
    gateway, order, bodies = function, random.Random(10), []
    names = [f"prices-{letter}" for letter in "abcd"[:PIPELINES]]
    for name, number in itertools.product(names, range(PUSHES)):
        key = push(gateway, document(name), {"train.py": str(number).encode()}).trigger_key
        bodies += [json.dumps(created(gateway, f"manifests/{name}.json", key.rsplit(":", 1)[1]))] * COPIES
    order.shuffle(bodies)
    assert len(bodies) == 1_000
    for start in range(0, len(bodies), 100):
        route_in_batches(bodies[start : start + 100], context)
        if order.random() < 0.5:
            all_end()
    all_end()
    statuses = Counter()
    for name in names:
        headers = gateway.runs.of_pipeline(name, 100)
        assert len(headers) == PUSHES
        statuses.update(header.status for header in headers)
        versions = [each.key for each in pushes.newest_first(gateway, name)][::-1]
        executed = sorted((header for header in headers if header.execution), key=lambda each: each.started)
        ran = [versions.index(header.trigger.key) for header in executed]
        assert ran == sorted(ran)
        assert ran[-1] == PUSHES - 1
    assert len(set(all_executions(gateway))) == statuses["SUCCEEDED"]
    print(f"1,000 events of 20 pushes: {dict(statuses)}")
