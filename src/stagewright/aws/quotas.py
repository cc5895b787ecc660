"""The account's SageMaker quotas, from AWS Service Quotas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


@dataclass(frozen=True)
class Quotas:
    """Reads quotas."""

    client: Any

    def applied(self) -> dict[str, float]:
        """Return name -> value of the quotas that apply to the account.

        Calls ListServiceQuotas, which leaves out unchanged quotas in some regions. Returns nothing if the
        call fails: a plan that cannot check quotas is still useful.
        """
        try:
            pages = self.client.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
            return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
        except (ClientError, BotoCoreError):
            return {}
