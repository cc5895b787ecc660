"""The prices of an installation: the object that a push or Terraform uploads from the user's repository."""

from __future__ import annotations

from stagewright.catalog.prices import Prices, parse
from stagewright.errors import DeniedError, DocumentError, NotFoundError
from stagewright.gateway import Gateway

KEY = "staging/_prices.json"
"""No code file has this key: the name of a pipeline has no underscore."""


def read(gateway: Gateway) -> tuple[Prices | None, tuple[str, ...]]:
    """Return the installation's prices, and warnings. Unreadable prices count as none: runs do not need them.

    People may lack the permission to read them. Calls GetObject.
    """
    try:
        return parse(gateway.objects.get(KEY).body, gateway.installation.uri(KEY)), ()
    except NotFoundError:
        return None, ()
    except (DocumentError, DeniedError) as error:
        return None, (f"the prices are not used: {error.message}",)


def put(gateway: Gateway, prices: Prices) -> None:
    gateway.objects.put(KEY, prices.to_text().encode(), "application/json")
