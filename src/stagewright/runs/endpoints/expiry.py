"""Delete endpoints whose time to live has passed."""

from __future__ import annotations

from stagewright.gateway import Gateway
from stagewright.naming import OWNER_TAG
from stagewright.store.endpoints import EndpointRecord

AT_REST = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
"""Statuses in which an endpoint can be deleted (API reference, DescribeEndpoint and DeleteEndpoint)."""


def expire(gateway: Gateway, record: EndpointRecord) -> bool:
    """Delete an endpoint with its configurations, models, alarms and record. Safe to repeat.

    Return False if the endpoint is being changed; call it again later. An endpoint without this
    installation's tag, made by somebody else under the same name, is kept; only the record is deleted.
    """
    endpoints = gateway.endpoints
    endpoint = endpoints.describe(record.name)
    if endpoint is not None:
        if endpoints.tags(endpoint.arn).get(OWNER_TAG) != gateway.installation.id:
            return gateway.endpoint_records.delete(record)
        if endpoint.status not in AT_REST:
            return False
        endpoints.delete(record.name)
    for version in record.configurations:
        endpoints.delete_version(version)
    gateway.alarms.delete(record.alarms)
    return gateway.endpoint_records.delete(record)
