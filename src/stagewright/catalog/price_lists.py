"""AWS's price lists: the CSV files of the Price List Bulk API, one for each service and region.

Sources: "Reading the service price list file for an AWS service" (AWS Billing user guide): five rows of
metadata, a row of column names, and a row for each price. The usage type names what is priced:
`<region prefix>-Train:ml.m5.xlarge`. The column "Instance Type" is empty in most rows of SageMaker's list.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import islice

from stagewright.catalog.prices import DPU_HOUR, Prices
from stagewright.errors import DocumentError, Problem

SAGEMAKER = "AmazonSageMaker"
PURPOSES = {
    "Train": "training job",
    "Processing": "processing job",
    "Tsform": "transform job",
    "Host": "endpoint",
}
"""Component of a usage type -> the purpose of its instances."""
UNITS = {
    ("AWSGlue", "ETL-DPU-Hour"): DPU_HOUR,
    ("AWSLambda", "Request-ARM"): "lambda request",
    ("AWSLambda", "Lambda-GB-Second-ARM"): "lambda GB-second",
    ("AWSQueueService", "Requests-Tier1"): "sqs request",  # the older name
    ("AWSQueueService", "Requests-RBP"): "sqs request",
    ("AmazonCloudWatch", "CW:AlarmMonitorUsage"): "alarm-month",
    ("AmazonCloudWatch", "CW:MetricMonitorUsage"): "metric-month",
    ("AmazonCloudWatch", "DashboardsUsageHour-Basic"): "dashboard-month",
    ("AmazonCloudWatch", "DataProcessing-Bytes"): "log GB",
    ("AmazonDynamoDB", "ReadRequestUnits"): "dynamodb read",
    ("AmazonDynamoDB", "WriteRequestUnits"): "dynamodb write",
    ("AmazonDynamoDB", "TimedStorage-ByteHrs"): "dynamodb GB-month",
    ("AmazonDynamoDB", "TimedPITRStorage-ByteHrs"): "dynamodb backup GB-month",
    ("AmazonS3", "TimedStorage-ByteHrs"): "s3 GB-month",
    ("AmazonS3", "Requests-Tier1"): "s3 write",
    ("AmazonS3", "Requests-Tier2"): "s3 read",
    ("AmazonStates", "StateTransition"): "state transition",
}
"""Service code and usage type, without the region's prefix -> the name of the unit in the file of prices."""
SERVICES = (SAGEMAKER, *dict.fromkeys(service for service, _ in UNITS))
"""Service codes of the price lists that are read."""
INSTANCE = re.compile(rf"(?P<prefix>[A-Z0-9]+-)?(?P<component>{'|'.join(PURPOSES)}):(?P<type>ml\..+)")
VOLUME = re.compile(rf"(?:[A-Z0-9]+-)?(?P<component>{'|'.join(PURPOSES)}):VolumeUsage(?:\..+)?")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
ANYWHERE = ("", "any", "global")
"""Region codes of what has one price in all regions, such as a dashboard."""
PREAMBLE = 5
"""Rows of metadata before the row of column names."""
COLUMNS = ("TermType", "PricePerUnit", "Currency", "usageType", "Region Code")


@dataclass(frozen=True)
class PriceList:
    """One price list. `prices`: usage type -> its highest on-demand price.

    A usage type has several prices if it is free up to an amount, or cheaper from an amount on.
    """

    service: str
    version: str
    published: datetime.date
    region: str
    currency: str
    prices: Mapping[str, Decimal]


@dataclass
class _Rows:
    """The prices of a list, as far as they are read."""

    regions: set[str] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)
    prices: dict[str, Decimal] = field(default_factory=dict)

    def add(self, row: Mapping[str, str]) -> None:
        price = Decimal(f"{Decimal(row['PricePerUnit']).normalize():f}")  # AWS writes 0.2300000000
        if row["TermType"] != "OnDemand" or not price.is_finite() or price <= 0:
            return
        region = row["Region Code"]
        if REGION.fullmatch(region):
            self.regions.add(region)
        elif region.lower() not in ANYWHERE:  # a local zone
            return
        self.currencies.add(row["Currency"])
        name = row["usageType"]
        self.prices[name] = max(price, self.prices.get(name, price))


def read(lines: Iterable[str], file: str) -> PriceList:
    """Read a price list. DocumentError: `file` is not one, or one of several regions."""
    rows = csv.reader(lines)
    try:
        metadata = {row[0]: row[1] for row in islice(rows, PREAMBLE) if len(row) == 2}
        content = _Rows()
        for row in _records(rows, file):
            content.add(row)
        published = datetime.datetime.fromisoformat(metadata["Publication Date"]).date()
        service, version = metadata["OfferCode"], metadata["Version"]
    except (KeyError, ValueError, InvalidOperation, csv.Error) as error:
        raise _unusable(file, f"it is not a price list of AWS in CSV format ({_reason(error)})") from None
    if len(content.regions) != 1 or len(content.currencies) != 1:
        regions = ", ".join(sorted(content.regions)[:3]) or "no region"
        raise _unusable(file, f"it has prices of {regions}, not of one region in one currency")
    (region,), (currency,) = content.regions, content.currencies
    return PriceList(service, version, published, region, currency, content.prices)


def _records(rows: Iterator[list[str]], file: str) -> Iterator[dict[str, str]]:
    header = next(rows, [])
    if missing := [name for name in COLUMNS if name not in header]:
        raise _unusable(file, f"it has no column {', '.join(missing)}")
    for row in rows:
        if len(row) != len(header):
            raise _unusable(file, f"line {rows.line_num} is cut off")  # type: ignore[attr-defined]
        yield dict(zip(header, row, strict=True))


def _reason(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error) or "a wrong number"


def _unusable(file: str, message: str) -> DocumentError:
    remedy = "give the file index.csv of one service and region: docs/cost.md"
    return DocumentError((Problem("", message, remedy, file),))


def prices_of(lists: Iterable[PriceList], region: str, date: datetime.date) -> Prices:
    """Combine price lists of one region. DocumentError: SageMaker's is missing, or one does not fit."""
    by_service = {price_list.service: price_list for price_list in lists}
    if SAGEMAKER not in by_service:
        names = ", ".join(by_service) or "no service"
        raise DocumentError((Problem("", f"these are the prices of {names}, not of {SAGEMAKER}"),))
    main = by_service[SAGEMAKER]
    for other in by_service.values():
        if (other.region, other.currency) != (region, main.currency):
            message = f"the list of {other.service} has prices of {other.region} in {other.currency}"
            remedy = f"give the list of {region}"
            raise DocumentError((Problem("", f"{message}, not of {region} in {main.currency}", remedy),))
    instances, prefix = _instances(main)
    return Prices(
        region=region,
        currency=main.currency,
        date=date,
        lists={service: price_list.version for service, price_list in sorted(by_service.items())},
        instances=instances,
        volumes=_volumes(main),
        units=dict(_units(by_service, prefix)),
    )


def _instances(main: PriceList) -> tuple[dict[str, dict[str, Decimal]], str]:
    """Return instance type -> purpose -> price, and the region's prefix of usage types, such as `USE1-`."""
    instances: dict[str, dict[str, Decimal]] = {}
    prefix = ""
    for name, price in main.prices.items():
        if match := INSTANCE.fullmatch(name):
            instances.setdefault(match["type"], {})[PURPOSES[match["component"]]] = price
            prefix = match["prefix"] or prefix
    return instances, prefix


def _volumes(main: PriceList) -> dict[str, Decimal]:
    volumes: dict[str, Decimal] = {}
    for name, price in main.prices.items():
        if match := VOLUME.fullmatch(name):
            purpose = PURPOSES[match["component"]]
            volumes[purpose] = max(price, volumes.get(purpose, price))
    return volumes


def _units(lists: Mapping[str, PriceList], prefix: str) -> Iterator[tuple[str, Decimal]]:
    for (service, usage), unit in UNITS.items():
        prices = lists[service].prices if service in lists else {}
        if price := prices.get(f"{prefix}{usage}") or prices.get(usage):
            yield unit, price
