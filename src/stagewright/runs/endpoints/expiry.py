"""The end of an endpoint's time to live."""

from __future__ import annotations

from stagewright.gateway import Gateway
from stagewright.naming import OWNER_TAG
from stagewright.store.endpoints import EndpointRecord

AT_REST = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
"""Statuses in which an endpoint can be deleted (API reference, DescribeEndpoint and DeleteEndpoint)."""


def expire(gateway: Gateway, item: EndpointRecord) -> bool:
    """Deletes the endpoint, its configurations, models and alarms; False while it is being changed.

    Only with this installation's tag: one that somebody else has made under the name is left alone.
    """
    endpoints = gateway.endpoints
    endpoint = endpoints.describe(item.name)
    if endpoint is not None:
        if endpoints.tags(endpoint.arn).get(OWNER_TAG) != gateway.installation.id:
            return gateway.endpoint_records.delete(item)
        if endpoint.status not in AT_REST:
            return False
        endpoints.delete(item.name)
    for version in item.configurations:
        endpoints.delete_version(version)
    gateway.alarms.delete(item.alarms)
    return gateway.endpoint_records.delete(item)
