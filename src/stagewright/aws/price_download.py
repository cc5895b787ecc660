"""Download AWS's price lists. They are public: no credentials and no IAM permission.

Source: "Getting price list files manually" (AWS Billing user guide). China has its own host and currency.
"""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

from stagewright.errors import NotFoundError, TargetError

HOSTS = {
    "aws": "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws",
    "aws-cn": "https://pricing.cn-northwest-1.amazonaws.com.cn/offers/v1.0/cn",
}
TIMEOUT = 60
"""Seconds without an answer."""
REMEDY = "try again, or download it elsewhere and use --from FILE"


def url_of(service: str, region: str) -> str:
    """Return the address of the current price list of a service in a region, in CSV format."""
    host = HOSTS["aws-cn" if region.startswith("cn-") else "aws"]
    return f"{host}/{service}/current/{region}/index.csv"


def download(url: str) -> str:
    """Return a price list as text.

    NotFoundError: AWS has none for the service and region. TargetError: it cannot be downloaded.
    """
    try:
        with urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 -- https, from `url_of`
            return str(response.read().decode("utf-8-sig"))
    except HTTPError as error:
        error.close()
        if error.code in (403, 404):  # S3 answers 403 for a key that does not exist
            remedy = "check the region: stagewright prices update --region REGION"
            raise NotFoundError(f"AWS has no price list at {url}", remedy) from None
        raise TargetError(f"{url}: {error}", REMEDY) from None
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        reason = getattr(error, "reason", error)
        raise TargetError(f"{url} cannot be downloaded: {reason}", REMEDY) from None
