"""The account's quotas of SageMaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class Quotas:
    client: Any

    def applied(self) -> dict[str, float]:
        """Quota -> value, as the account has them; nothing where one may not ask, or where there are none
        (Service Quotas, ListServiceQuotas, leaves out those that were never changed in some regions)."""
        try:
            pages = self.client.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            return {each["QuotaName"]: each["Value"] for page in pages for each in page["Quotas"]}
        except (ClientError, BotoCoreError):
            return {}
