"""Which pushes run, and in which order: what was in force when a push came decides."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from tests.support.messages import accept_all, route, sweep

from stagewright.document.load import load
from stagewright.functions import environment
from stagewright.runs.dead_letters import replay
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.lifecycle import accept
from stagewright.runs.reconciling.sweep import Repair
from stagewright.runs.releases import pushes
from stagewright.runs.releases.push import push
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.store.items import encode

NO_TRIGGER = {"triggers": []}


def version(pushed):
    return pushed.trigger_key.rsplit(":", 1)[1]


def text(number):
    return {"train.py": f"VERSION = {number}".encode()}


@pytest.fixture
def pushed(gateway, files, tools):
    """`pushed(1)` pushes the first release; its event is lost. Returns the version of the manifest."""

    def made(number, **document):
        push(gateway, load(tools.document | document), files | text(number))
        return next(pushes.newest_first(gateway, "prices")).version

    return made


@pytest.fixture
def deliver(gateway):
    """Accept the messages of the queue until there are none."""

    def delivered():
        while messages := list(gateway.queue.receive()):
            for message in messages:
                accept_all(gateway, message.body, message.origin)
                gateway.queue.delete(message)

    return delivered


def by_hand(gateway, **typed):
    key = {"pipeline": {"S": "prices"}, "item": {"S": "overrides"}}
    gateway.documents.client.put_item(TableName=gateway.documents.table, Item=key | typed)


def hide(gateway, version):
    """Keep the event of a later push from claiming this one, as if it were older than a day."""
    gateway.runs.mark_skipped(f"code:prices:{version}")


def reveal(gateway, version):
    key = {"run": f"trigger#code:prices:{version}", "item": "claim"}
    gateway.runs.client.delete_item(TableName=gateway.runs.table, Key=encode(key))


def ran(gateway):
    """The version of the manifest of each executed run, in the order of their starts."""
    headers = [header for header in gateway.runs.of_pipeline("prices", 100) if header.execution]
    started = sorted(headers, key=lambda header: (header.started, header.trigger.time))
    return [header.trigger.key.rsplit(":", 1)[1] for header in started]


def test_added_code_trigger_starts_no_run_for_earlier_pushes(gateway, pushed, created, deliver, all_end):
    earlier = [pushed(number, **NO_TRIGGER) for number in (1, 2)]
    newest = pushed(3)
    route(gateway, created(newest))
    all_end()
    sweep(gateway, patience=-1)
    deliver()
    for event in earlier:
        assert route(gateway, created(event)) is None
    all_end()
    assert ran(gateway) == [newest]
    assert len(list_runs(gateway, "prices")) == 1
    assert sweep(gateway, patience=-1) == []


def test_removed_code_trigger_does_not_lose_an_earlier_push(gateway, pushed, deliver, all_end):
    first = pushed(1)
    pushed(2, **NO_TRIGGER)
    assert sweep(gateway, patience=-1) == [Repair("requeued", f"prices: {first}")]
    deliver()
    all_end()
    assert ran(gateway) == [first]


def test_wrong_override_rejects_no_push_that_wanted_no_run(gateway, pushed, created):
    wanted_none = pushed(1, **NO_TRIGGER)
    by_hand(gateway, parameters={"M": {"limit": {"S": "many"}}})
    assert sweep(gateway, patience=-1) == []
    assert route(gateway, created(wanted_none)) is None
    assert list_runs(gateway, "prices") == []
    wanted = pushed(2)
    assert show(gateway, route(gateway, created(wanted)).run).status == "REJECTED"


def test_overtaken_push_is_closed_and_runs_only_when_asked_for(gateway, pushed, created, requested, all_end):
    first, second = pushed(1), pushed(2)
    hide(gateway, first)
    newest = route(gateway, created(second))
    all_end()
    reveal(gateway, first)
    assert sweep(gateway, patience=-1) == []
    overtaken = show(gateway, route(gateway, created(first)).run)
    assert overtaken.status == "STOPPED"
    assert overtaken.reason == (
        f"superseded by run {newest.run}, the run of a newer push;"
        f" to run it anyway: stagewright run prices --release={first}"
    )
    assert route(gateway, created(first)).run == overtaken.run
    assert sweep(gateway, patience=-1) == []
    assert ran(gateway) == [second]
    manifest = pushes.find_release(gateway, "prices", first)
    again = route(gateway, requested(request="2", version=manifest.version))
    all_end()
    assert show(gateway, again.run).release == manifest.release.digest
    assert gateway.run_queue.lease("prices") is None


def test_late_push_does_not_cancel_the_run_of_a_newer_one(waiting, pushed, created, tools):
    cancelling = {"concurrency": "cancel-running"}
    first, second = pushed(1, **cancelling), pushed(2, **cancelling)
    hide(waiting, first)
    newest = route(waiting, created(second))
    reveal(waiting, first)
    assert show(waiting, route(waiting, created(first)).run).status == "STOPPED"
    assert waiting.runs.header(newest.run).status == "RUNNING"


def test_event_of_a_newer_push_first_claims_the_earlier_ones(gateway, pushed, created, all_end):
    versions = [pushed(number) for number in range(4)]
    route(gateway, created(versions[2]))
    for late in (versions[3], versions[1], versions[0]):
        route(gateway, created(late))
    all_end()
    assert ran(gateway) == versions


def test_pushes_of_one_second_keep_their_order(gateway, pushed):
    versions = [pushed(number) for number in range(12)]
    listed = list(pushes.newest_first(gateway, "prices"))
    assert [push.version for push in reversed(listed)] == versions
    times = [push.time for push in reversed(listed)]
    assert times == sorted(times)
    assert len(set(times)) == 12


@pytest.mark.slow
def test_shuffled_pushes_run_in_their_order(gateway, pushed, created, all_end):
    versions = [pushed(number) for number in range(6)]
    events = [created(each) for each in versions] * 3
    random.Random(7).shuffle(events)
    for event in events:
        route(gateway, event)
        if random.Random(event).random() < 0.3:
            all_end()
    all_end()
    executed = ran(gateway)
    assert executed == [each for each in versions if each in executed]
    assert executed[-1] == versions[-1]
    assert len(list_runs(gateway, "prices")) == len(versions)


def test_dead_letter_that_is_named_runs_an_older_push(gateway, pushed, created, deliver, all_end):
    first, second = pushed(1), pushed(2)
    hide(gateway, first)
    route(gateway, created(second))
    all_end()
    reveal(gateway, first)
    gateway.dead_letters.send(json.loads(created(first)))
    (letter,) = gateway.dead_letters.receive()
    gateway.dead_letters.release(letter)
    replay(gateway, [letter.origin])
    for message in gateway.queue.receive():
        accept(environment.runtime_of(gateway), message, Subscriptions(gateway))
    all_end()
    assert ran(gateway) == [second, first]


@pytest.fixture
def calls(gateway):
    """The operations of S3 that the test calls on a manifest, by name."""
    counted, events = Counter(), gateway.objects.client.meta.events

    def count(model, params, **_):
        if "manifests/" in f"{params['url_path']} {params['query_string']}":
            counted[model.name] += 1

    events.register("before-call.s3", count)
    yield counted
    events.unregister("before-call.s3", count)


@pytest.mark.parametrize("number", [1, 5])
def test_push_lists_the_versions_of_its_manifest_once(gateway, pushed, created, calls, number):
    versions = [pushed(position) for position in range(number)]
    for earlier in versions[:-1]:
        hide(gateway, earlier)
    calls.clear()
    assert route(gateway, created(versions[-1])).execution
    assert (calls["ListObjectVersions"], calls["HeadObject"]) == (1, 1)
    route(gateway, created(versions[-1]))
    assert calls["ListObjectVersions"] == 1, "a redelivery lists nothing"


def test_lost_pushes_share_the_listing_that_orders_them(gateway, pushed, created, calls, all_end):
    versions = [pushed(number) for number in range(4)]
    calls.clear()
    route(gateway, created(versions[-1]))
    lists_of_overtaken = 3  # each lost push checks again whether a newer one has run
    assert calls["ListObjectVersions"] == 1 + lists_of_overtaken
    all_end()
    assert ran(gateway) == versions


def test_push_written_after_the_listing_still_overtakes(gateway, pushed, created, all_end, monkeypatch):
    """The newer push runs and ends between the claim of the older one and its start."""
    first, newer = pushed(1), []
    overtaken_by = pushes.overtaken_by

    def late(*of):
        if not newer:
            newer.append(pushed(2))
            route(gateway, created(newer[0]))
            all_end()
        return overtaken_by(*of)

    with monkeypatch.context() as patch:
        patch.setattr(pushes, "overtaken_by", late)
        started = route(gateway, created(first))
    all_end()
    executed = ran(gateway)
    assert executed in ([first, *newer], newer)
    assert (show(gateway, started.run).status == "STOPPED") == (executed == newer)


def test_deleted_manifest_does_not_stop_its_pushes(gateway, pushed, created):
    version = pushed(1)
    gateway.objects.delete("manifests/prices.json")
    assert route(gateway, created(version)).execution
