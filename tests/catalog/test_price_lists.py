from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from tests.support.price_lists import OTHERS, SAGEMAKER, price_list

from stagewright.catalog import price_lists, prices
from stagewright.errors import DocumentError

DAY = date(2026, 11, 30)


def read(*texts):
    return [price_lists.read(text.splitlines(keepends=True), "index.csv") for text in texts]


def all_lists():
    return read(price_list(), *(price_list(service, rows) for service, rows in OTHERS.items()))


def combined(*texts, region="us-east-1"):
    return price_lists.prices_of(read(*texts) if texts else all_lists(), region, DAY)


def test_instances_are_read_by_usage_type_for_each_purpose():
    assert combined().instances["ml.m5.xlarge"] == {
        "training job": Decimal("0.23"),
        "processing job": Decimal("0.24"),
        "transform job": Decimal("0.25"),
        "endpoint": Decimal("0.26"),
    }


def test_notebooks_are_not_read():
    assert "notebook" not in combined().to_text().lower()
    assert "9" not in {str(price) for types in combined().instances.values() for price in types.values()}


def test_hour_of_an_instance_includes_its_volume():
    read_prices = combined()
    assert read_prices.hourly("training job", "ml.m5.xlarge") == Decimal("0.23")
    assert read_prices.hourly("training job", "ml.m5.xlarge", 30) == Decimal("0.236")  # 30 * 0.144 / 720
    assert read_prices.hourly("transform job", "ml.m5.xlarge", 30) == Decimal("0.25")  # has no volume price


def test_spot_costs_at_most_the_on_demand_price():
    assert combined().hourly("spot training job", "ml.m5.xlarge") == Decimal("0.23")


@pytest.mark.parametrize(
    ("size", "price"),
    [("pythonshell-small", "0.0275"), ("pythonshell", "0.44"), ("G.1X", "0.44"), ("G.8X", "3.52")],
)
def test_glue_worker_costs_its_processing_units(size, price):
    assert combined().hourly("glue job run", f"glue.{size}") == Decimal(price)


def test_type_or_purpose_without_a_price_has_none():
    read_prices = combined()
    assert read_prices.hourly("endpoint", "ml.g5.xlarge") is None
    assert read_prices.hourly("training job", "ml.p5.48xlarge") is None
    assert combined(price_list()).hourly("glue job run", "glue.G.1X") is None


def test_reserved_and_free_rows_are_ignored():
    reserved = price_list(rows=(("USE1-Train:ml.c5.xlarge", "0.01"),), TermType="Reserved")
    text = price_list() + "".join(reserved.splitlines(keepends=True)[6:])
    assert "ml.c5.xlarge" not in combined(text).instances
    free = price_list(rows=(*SAGEMAKER, ("USE1-Train:ml.c5.large", "0.0000000000")))
    assert "ml.c5.large" not in combined(free).instances


def test_highest_price_of_a_usage_type_counts():
    """AWS writes the free amount and the cheaper amounts as rows of their own."""
    assert combined().units["dynamodb GB-month"] == Decimal("0.25")


def test_rows_of_local_zones_are_ignored_and_those_of_all_regions_count():
    more = [
        price_list(rows=(("USE1-Train:ml.c5.xlarge", "5"),), **{"Region Code": "us-east-1-bos-1"}),
        price_list(rows=(("USE1-Train:ml.c5.large", "6"),), **{"Region Code": ""}),
    ]
    text = price_list() + "".join("".join(other.splitlines(keepends=True)[6:]) for other in more)
    assert "ml.c5.xlarge" not in combined(text).instances
    assert combined(text).instances["ml.c5.large"] == {"training job": Decimal(6)}


def test_usage_types_of_other_regions_have_their_prefix():
    texts = [price_list(rows=[(f"EU{usage[4:]}", price) for usage, price in SAGEMAKER])]
    for service, rows in OTHERS.items():
        texts.append(
            price_list(service, [(f"EU-{usage.removeprefix('USE1-')}", price) for usage, price in rows])
        )
    european = [text.replace("us-east-1", "eu-west-1") for text in texts]
    read_prices = combined(*european, region="eu-west-1")
    assert read_prices.instances == combined().instances
    assert read_prices.units == combined().units


def test_file_of_prices_is_read_as_it_was_written():
    text = combined().to_text()
    again = prices.parse(text, "prices/us-east-1.json")
    assert again == combined()
    assert again.to_text() == text
    assert '"0.23"' in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column TermType"),
        ("<html>no</html>\n", "has no column"),
        ('{"products": {}}', "has no column"),
        (price_list().replace("usageType", "usage"), "it has no column usageType"),
        (price_list().replace("0.2300000000", "cheap"), "it is not a price list of AWS in CSV format"),
        (price_list()[:-60], "is cut off"),
        (price_list(rows=()), "it has prices of no region"),
        (
            price_list() + price_list(**{"Region Code": "eu-west-1"}).splitlines()[-1] + "\n",
            "not of one region",
        ),
        (price_list().replace("Publication Date", "Date"), "Publication Date is missing"),
        (price_list(published="someday"), "it is not a price list of AWS in CSV format"),
    ],
)
def test_unusable_list_is_refused_with_the_file(text, message):
    with pytest.raises(DocumentError, match=message) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert problem.file == "index.csv"
    assert problem.remedy


def test_list_of_sagemaker_is_required():
    with pytest.raises(DocumentError, match="prices of AWSGlue, not of AmazonSageMaker"):
        combined(price_list("AWSGlue", OTHERS["AWSGlue"]))


def test_lists_of_several_regions_or_currencies_are_refused():
    other = price_list("AWSGlue", OTHERS["AWSGlue"], **{"Region Code": "eu-west-1"})
    with pytest.raises(DocumentError, match="AWSGlue has prices of eu-west-1 in USD"):
        combined(price_list(), other)
    with pytest.raises(DocumentError, match="AmazonSageMaker has prices of us-east-1"):
        combined(price_list(), region="eu-west-1")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"currency": "dollars"}, "currency"),
        ({"format": 2}, "format"),
        ({"date": "someday"}, "date"),
        ({"instances": {"ml.m5.xlarge": {"training job": "-1"}}}, "instances.ml.m5.xlarge.training job"),
        ({"instances": {"ml.m5.xlarge": {"training job": "NaN"}}}, "instances.ml.m5.xlarge.training job"),
        ({"discount": "0.5"}, "discount"),
    ],
)
def test_broken_file_of_prices_is_refused_with_the_field(change, path):
    text = json.dumps({**json.loads(combined().to_text()), **change})
    with pytest.raises(DocumentError) as caught:
        prices.parse(text, "prices/us-east-1.json")
    (problem,) = caught.value.problems
    assert (problem.path, problem.file) == (path, "prices/us-east-1.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"'])
def test_file_that_is_no_json_object_is_refused(text):
    with pytest.raises(DocumentError, match=r"prices/us-east-1\.json"):
        prices.parse(text, "prices/us-east-1.json")
