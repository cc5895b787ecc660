from __future__ import annotations

import pytest
from botocore.stub import Stubber

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.naming import Installation
from stagewright.planner.model import Trigger
from stagewright.store.run_items import Header

INSTALLATION = Installation("bucket", "us-east-1", "123456789012", environment="test")


@pytest.fixture
def gateway():
    gateway = Gateway.connect(INSTALLATION, access_key="k", secret_key="s")
    yield gateway
    gateway.close()


def cancelled(*codes):
    return {"modeled_fields": {"CancellationReasons": [{"Code": code} for code in codes]}}


def header():
    return Header(
        "r", "p", "PLANNED", Trigger("code", "k", "2026-01-01T00:00:00.000Z"), "2026-01-01T00:00:00.000Z"
    )


def test_claim_retries_a_transaction_conflict(gateway, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stubber = Stubber(gateway.runs.client)
    for codes in (("TransactionConflict", "None"), ("ConditionalCheckFailed", "None")):
        stubber.add_client_error("transact_write_items", "TransactionCanceledException", **cancelled(*codes))
    stubber.activate()
    assert gateway.runs.claim(header()) is False
    stubber.assert_no_pending_responses()


def test_claim_fails_after_repeated_conflicts(gateway, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stubber = Stubber(gateway.runs.client)
    for _ in range(4):
        reasons = cancelled("TransactionConflict", "None")
        stubber.add_client_error("transact_write_items", "TransactionCanceledException", **reasons)
    stubber.activate()
    with pytest.raises(TargetError, match="TransactionCanceledException"):
        gateway.runs.claim(header())


def test_unprocessed_items_are_written_again(gateway):
    stubber = Stubber(gateway.runs.client)
    left = {INSTALLATION.runs_table: [{"PutRequest": {"Item": {"run": {"S": "b"}, "item": {"S": "plan#x"}}}}]}
    stubber.add_response("batch_write_item", {"UnprocessedItems": left})
    stubber.add_response("batch_write_item", {}, {"RequestItems": left})
    stubber.activate()
    gateway.runs.put_all([{"run": "a", "item": "plan#x"}, {"run": "b", "item": "plan#x"}])
    stubber.assert_no_pending_responses()


def test_items_that_stay_unprocessed_raise(gateway, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    stubber = Stubber(gateway.runs.client)
    left = {INSTALLATION.runs_table: [{"PutRequest": {"Item": {"run": {"S": "b"}, "item": {"S": "plan#x"}}}}]}
    for _ in range(8):
        stubber.add_response("batch_write_item", {"UnprocessedItems": left})
    stubber.activate()
    with pytest.raises(TargetError, match="left 1 items of a plan unwritten"):
        gateway.runs.put_all([{"run": "b", "item": "plan#x"}])
