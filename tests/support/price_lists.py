"""Price lists in AWS's format, with invented prices.

The format is that of "Reading the service price list file for an AWS service" (AWS Billing user guide): five
rows of metadata, a row of names, a row for each price. The names of columns and usage types are those that
public readers of the real files use. No real file can be reached from the tests.
"""

from __future__ import annotations

import csv
import io

NAMES = (
    "SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate", "StartingRange",
    "EndingRange", "Unit", "PricePerUnit", "Currency", "Product Family", "serviceCode", "Location",
    "Location Type", "Instance Type", "usageType", "operation", "Region Code", "serviceName",
)  # fmt: skip
SAGEMAKER = (
    ("USE1-Train:ml.m5.xlarge", "0.2300000000"),
    ("USE1-Processing:ml.m5.xlarge", "0.2400000000"),
    ("USE1-Tsform:ml.m5.xlarge", "0.2500000000"),
    ("USE1-Host:ml.m5.large", "0.1150000000"),
    ("USE1-Host:ml.m5.xlarge", "0.2600000000"),
    ("USE1-Notebk:ml.m5.xlarge", "9.0000000000"),
    ("USE1-Train:ml.g5.xlarge", "1.4000000000"),
    ("USE1-Train:VolumeUsage.gp2", "0.1440000000"),
    ("USE1-Processing:VolumeUsage.gp2", "0.1440000000"),
)
OTHERS = {
    "AWSGlue": (("USE1-ETL-DPU-Hour", "0.4400000000"), ("USE1-ETL-Flex-DPU-Hour", "0.2900000000")),
    "AWSLambda": (("Request-ARM", "0.0000002000"), ("Lambda-GB-Second-ARM", "0.0000133334")),
    "AWSQueueService": (("Requests-RBP", "0.0000004000"),),
    "AmazonCloudWatch": (
        ("CW:AlarmMonitorUsage", "0.1000000000"),
        ("CW:MetricMonitorUsage", "0.3000000000"),
        ("USE1-DataProcessing-Bytes", "0.5000000000"),
    ),
    "AmazonDynamoDB": (
        ("ReadRequestUnits", "0.0000001250"),
        ("WriteRequestUnits", "0.0000006250"),
        ("IA-TimedStorage-ByteHrs", "0.1000000000"),
        ("TimedStorage-ByteHrs", "0.0000000000"),
        ("TimedStorage-ByteHrs", "0.2500000000"),
    ),
    "AmazonS3": (("Requests-Tier1", "0.0000050000"),),
    "AmazonStates": (("USE1-StateTransition", "0.0000250000"),),
}


def price_list(service="AmazonSageMaker", rows=SAGEMAKER, published="2026-11-27T18:45:22Z", **changes):
    """Return a price list as text. `changes`: columns that differ in every row."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(("FormatVersion", "v1.0"))
    writer.writerow(("Disclaimer", "This pricing list is for informational purposes only."))
    writer.writerow(("Publication Date", published))
    writer.writerow(("Version", published.translate(str.maketrans("", "", "-:TZ"))))
    writer.writerow(("OfferCode", service))
    writer.writerow(NAMES)
    for number, (usage, price) in enumerate(rows):
        writer.writerow((row(service, number, usage, price) | changes)[name] for name in NAMES)
    return text.getvalue()


def row(service, number, usage, price):
    sku = f"SKU{number:013}"
    return {
        **dict.fromkeys(NAMES, ""),
        "SKU": sku, "OfferTermCode": "JRTCKXETXF", "RateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "TermType": "OnDemand", "PriceDescription": f"${price} per unit of {usage}",
        "EffectiveDate": "2026-11-01", "StartingRange": "0", "EndingRange": "Inf", "Unit": "Hrs",
        "PricePerUnit": price, "Currency": "USD", "serviceCode": service,
        "Location": "US East (N. Virginia)", "Location Type": "AWS Region", "usageType": usage,
        "operation": "RunInstance", "Region Code": "us-east-1", "serviceName": service,
    }  # fmt: skip


def write_all(folder):
    """Write every list to `folder`. Return the options `--from FILE` of `stagewright prices update`."""
    options = []
    for service, rows in {"AmazonSageMaker": SAGEMAKER, **OTHERS}.items():
        file = folder / f"{service}.csv"
        file.write_text(price_list(service, rows))
        options += ["--from", str(file)]
    return options
