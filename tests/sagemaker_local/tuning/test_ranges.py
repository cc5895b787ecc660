"""Mapping of the unit interval to hyperparameter ranges, and rejected ranges."""

from __future__ import annotations

import pytest

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.tuning.ranges import Numeric, read


def continuous(low, high, scaling="Auto"):
    item = {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return read({"ContinuousParameterRanges": [item]})[0]


def integer(low, high, scaling="Auto"):
    item = {"Name": "n", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    return read({"IntegerParameterRanges": [item]})[0]


@pytest.mark.parametrize(
    ("scaling", "low", "high", "expected"),
    [
        ("Linear", "-1", "3", [-1.0, 0.0, 1.0, 2.0, 3.0]),
        ("Logarithmic", "0.0001", "1", [0.0001, 0.001, 0.01, 0.1, 1.0]),
        ("ReverseLogarithmic", "0", "0.9999", [0.0, 0.9, 0.99, 0.999, 0.9999]),
    ],
)
def test_scaling_type_spaces_the_values_of_a_range(scaling, low, high, expected):
    found = [float(continuous(low, high, scaling).at(position / 4)) for position in range(5)]
    assert found == pytest.approx(expected)


def test_integers_have_equal_intervals():
    dice = integer("1", "6", "Linear")
    found = [dice.at((step + 0.5) / 600) for step in range(600)]
    assert {value: found.count(value) for value in found} == {str(value): 100 for value in range(1, 7)}
    assert (dice.at(0.0), dice.at(1.0)) == ("1", "6")


def test_integers_on_a_logarithmic_scale_stay_in_their_range():
    layers = integer("1", "1024", "Logarithmic")
    found = [int(layers.at(position / 100)) for position in range(101)]
    assert (found[0], found[-1]) == (1, 1024)
    assert found == sorted(found)
    assert found[50] < 50


@pytest.mark.parametrize(
    ("low", "high", "scaling"),
    [("0.00001", "0.1", "Logarithmic"), ("1", "100", "Linear"), ("-5", "9000", "Linear")],
)
def test_auto_is_logarithmic_over_three_orders_of_magnitude(low, high, scaling):
    found = continuous(low, high)
    assert isinstance(found, Numeric)
    assert found.scaling == scaling


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
def test_value_and_position_round_trip(scaling):
    found = continuous("0.01", "0.99", scaling)
    assert isinstance(found, Numeric)
    for position in (0.0, 0.2, 0.7, 1.0):
        assert found.position(found.at(position)) == pytest.approx(position)
    assert found.position("1.5") is None
    assert found.position("adam") is None


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "At least one hyperparameter range must be given"),
        (
            {"IntegerParameterRanges": [{"Name": "n", "MinValue": "1.5", "MaxValue": "3"}]},
            "Value 1.5 in the range of hyperparameter n is not an integer",
        ),
        (
            {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "a", "MaxValue": "3"}]},
            "Value a in the range of hyperparameter x is not a number",
        ),
        (
            {
                "CategoricalParameterRanges": [{"Name": "x", "Values": ["a"]}],
                "IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "3"}],
            },
            "Hyperparameter x has more than one range",
        ),
    ],
)
def test_invalid_ranges_are_rejected(ranges, message):
    with pytest.raises(ApiError) as caught:
        read(ranges)
    assert caught.value.code == "ValidationException"
    assert caught.value.message.startswith(message)
