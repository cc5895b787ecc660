from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from stagewright.document.canonical_json import document_json
from stagewright.document.layers import Effective, Layers, stored_layer
from stagewright.document.load import load
from stagewright.document.stored_layers import Base
from stagewright.errors import NotFoundError
from stagewright.runs.documents.revisions import record as record_effective
from stagewright.runs.requests import request_run
from stagewright.store.documents import Revision


def record(gateway, pipeline, by=""):
    layers = Layers(pipeline.name, stored_layer(document_json(pipeline)))
    return record_effective(gateway, Effective(pipeline, layers), by)


def with_limit(document, limit):
    return load(document | {"parameters": {"limit": limit}})


def test_only_a_changed_document_is_a_new_revision(gateway, pipeline, tools):
    changed = with_limit(tools.document, 4)
    assert [record(gateway, each, "ada") for each in (pipeline, pipeline, changed, pipeline)] == [1, 1, 2, 3]
    newest = gateway.documents.newest_revision("prices")
    assert load(json.loads(newest.document)) == pipeline
    assert newest.number == 3
    assert newest.author == "ada"


def test_revision_is_never_overwritten(gateway, pipeline):
    record(gateway, pipeline)
    assert gateway.documents.put_revision("prices", Revision(1, "{}", "other", "eve", "now")) is False
    assert gateway.documents.newest_revision("prices").author == "unknown"


def test_concurrent_documents_get_different_numbers(gateway, tools):
    documents = [with_limit(tools.document, limit) for limit in range(6)]
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda each: record(gateway, each), documents))
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_revisions_of_other_pipelines_are_not_listed(gateway, pipeline, tools):
    record(gateway, pipeline)
    assert record(gateway, load(tools.document | {"name": "prices-2"})) == 1


def test_run_request_is_an_event_of_the_installation(gateway, tools):
    place = gateway.installation
    url = gateway.queue.url
    arn = place.arn("sqs", place.name("events"))
    gateway.events.client.put_rule(
        Name=place.name("manual"), EventPattern=json.dumps({"source": ["stagewright"]})
    )
    gateway.events.client.put_targets(Rule=place.name("manual"), Targets=[{"Id": "queue", "Arn": arn}])
    gateway.documents.put_layer("prices", "base", Base("{}", "", "now"))
    key = request_run(gateway, "prices", {"limit": 5}, "ada")
    received = tools.until(lambda: gateway.queue.client.receive_message(QueueUrl=url).get("Messages"))
    event = json.loads(received[0]["Body"])
    assert event["detail-type"] == "Run Requested"
    assert key == f"manual:{event['detail'].pop('request')}"
    assert event["detail"].pop("installation") == f"{place.prefix}-{place.environment}"
    assert event["detail"] == {"pipeline": "prices", "parameters": {"limit": 5}, "by": "ada"}
    gateway.events.client.remove_targets(Rule=place.name("manual"), Ids=["queue"])
    gateway.events.client.delete_rule(Name=place.name("manual"))


def test_run_request_for_an_unknown_pipeline_is_rejected(gateway):
    with pytest.raises(NotFoundError, match="no pipeline prices"):
        request_run(gateway, "prices", {}, "ada")
