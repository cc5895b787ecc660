"""drift.py on data whose truth is known."""

from __future__ import annotations

import base64
import itertools
import json
import math
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from tests.scripts.columns import choices, numbers, rows_of, write_csv, write_lines

from sagemaker_local.hosting.capture import Capture, Content

FIGURES = ("rows_baseline", "rows_current", "features", "drifted", "drifted_share")
METRICS = {*FIGURES, "worst_psi", "worst_ks", "enough"}
MIX = {"red": 0.5, "green": 0.3, "blue": 0.2}

ALARMS = """
import argparse, json, numpy as np, pandas as pd, drift
limits = argparse.Namespace(alpha=0.05, psi={psi}, distance={distance}, missing={missing}, columns=[],
    ignore=[], categorical=[], target="")
alarms = 0
for seed in range({seeds}):
    random = np.random.default_rng(seed)
    def sample(rows):
        shared = random.normal(size=rows)
        return pd.DataFrame({{
            "normal": shared,
            "close": shared + random.normal(size=rows) / 4,
            "skewed": random.exponential(size=rows),
            "counts": random.poisson(1.5, rows).astype(float),
            "constant": np.ones(rows),
            "gaps": np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows)),
            "color": random.choice(["red", "green", "blue"], rows, p=[0.7, 0.28, 0.02]),
            "town": random.choice([f"t{{n}}" for n in range(60)], rows),
            "key": [f"{{seed}}-{{n}}" for n in range(rows)],
        }}, dtype=object)
    found = drift.compare(sample({baseline}), sample({current}), limits)
    alarms += any(feature["drifted"] for feature in found)
print(json.dumps(alarms))
"""


@pytest.mark.slow
@pytest.mark.parametrize("current", [60, 400])
def test_false_alarms_stay_below_alpha_when_every_change_counts_as_large(inside, current):
    """300 pairs of samples of one distribution, nine features: 15 alarms are expected at most."""
    alarms = inside(ALARMS.format(psi=-9, distance=0, missing=0, seeds=300, baseline=400, current=current))
    assert alarms <= 27  # binomial(300, 0.05) exceeds it once in a thousand


@pytest.mark.slow
def test_size_threshold_prevents_false_alarms_in_larger_samples(inside):
    assert (
        inside(ALARMS.format(psi=0.2, distance=0.1, missing=0.05, seeds=60, baseline=3000, current=2000)) == 0
    )


def test_shifted_feature_is_reported_first(drift):
    baseline = {"same": numbers(1), "size": numbers(2)}
    found = drift.between(baseline, {"same": numbers(3, 400), "size": numbers(4, 400, mean=0.7)})
    assert list(found) == ["size", "same"]
    assert found["size"]["drifted"]
    assert not found["same"]["drifted"]
    assert found["size"]["baseline"]["mean"] == pytest.approx(0, abs=0.15)
    assert found["size"]["current"]["mean"] == pytest.approx(0.7, abs=0.15)
    (reason,) = found["size"]["reasons"]
    assert reason.startswith("its values changed: KS 0.")
    metrics = json.loads((drift.root / "report/metrics.json").read_text())
    assert metrics.keys() == METRICS
    assert metrics | {"worst_psi": 0, "worst_ks": 0} == {
        "rows_baseline": 500, "rows_current": 400, "features": 2, "drifted": 1, "drifted_share": 0.5,
        "worst_psi": 0, "worst_ks": 0, "enough": 1,
    }  # fmt: skip
    assert (metrics["worst_psi"], metrics["worst_ks"]) == (found["size"]["psi"], found["size"]["ks"])


def test_wider_spread_with_the_same_mean_is_drift(drift):
    found = drift.between({"x": numbers(1)}, {"x": numbers(2, deviation=2.5)})["x"]
    assert found["drifted"]
    assert abs(found["current"]["mean"] - found["baseline"]["mean"]) < 0.5
    assert found["current"]["std"] > 2 * found["baseline"]["std"]


def test_changed_category_shares_are_drift(drift):
    current = {"color": choices(2, {"red": 0.2, "green": 0.3, "blue": 0.5})}
    found = drift.between({"color": choices(1, MIX)}, current)["color"]
    assert found["drifted"]
    assert found["new_categories"] == []
    assert set(found["histogram"]["labels"]) == set(MIX)
    assert found["reasons"][0].startswith("its shares changed: PSI 0.")


def test_new_category_in_few_rows_is_drift_and_named(drift):
    baseline = {"color": choices(1, {"red": 0.98, "green": 0.02}, 1000)}
    found = drift.between(baseline, {"color": ["red"] * 50 + ["violet"] * 10})["color"]
    assert found["drifted"]
    assert found["new_categories"] == ["violet"]
    assert "new in 16.7% of the rows: 'violet'" in found["reasons"][0]


def test_more_missing_values_are_drift_with_their_shares(drift):
    baseline = {"x": ["" if n % 50 == 0 else n for n in range(500)], "c": choices(1, MIX)}
    current = {"x": ["NA" if n % 4 == 0 else n for n in range(500)], "c": ["", *choices(2, MIX)[1:]]}
    found = drift.between(baseline, current)
    assert found["x"]["reasons"] == ["missing values: 2.0% in the baseline, 25.0% in the current data"]
    assert not found["c"]["drifted"]


@pytest.mark.slow
def test_tiny_shift_in_a_large_sample_is_no_drift(drift):
    baseline = {"x": numbers(1, 100_000), "c": choices(1, MIX, 100_000)}
    current = {
        "x": numbers(2, 100_000, mean=0.05),
        "c": choices(2, {"red": 0.52, "green": 0.29, "blue": 0.19}, 100_000),
    }
    found = drift.between(baseline, current)
    assert max(found["x"]["p_value"], found["c"]["p_value"]) < 1e-6
    assert not found["x"]["drifted"]
    assert not found["c"]["drifted"]


def test_text_instead_of_numbers_is_drift_with_an_example(drift):
    found = drift.between({"x": numbers(1)}, {"x": ["n. a."] * 500})["x"]
    assert found["drifted"]
    (reason,) = found["reasons"]
    assert reason.startswith("missing values: 0.0% in the baseline, 100.0% in the current data")
    assert reason.endswith("(100.0% are not numbers, for example 'n. a.')")
    assert "every value is missing in the current data" in found["notes"]


def test_numbers_instead_of_text_are_new_categories(drift):
    found = drift.between({"c": choices(1, MIX)}, {"c": [1, 2] * 250})["c"]
    assert found["drifted"]
    assert found["new_categories"] == ["1", "2"]


def test_missing_new_unnamed_and_constant_columns_are_reported(drift):
    baseline = {"": range(500), "x": numbers(1), "gone": numbers(2), "one": [7] * 500, "none": [""] * 500}
    current = {"": range(500), "x": numbers(3), "more": numbers(4), "one": [8] * 500, "none": [""] * 500}
    found = drift.between(baseline, current)
    assert sorted(name for name in found if found[name]["drifted"]) == ["gone", "one"]
    assert found["gone"]["reasons"][0].startswith("it is in the baseline but not in the current data")
    assert found["one"]["notes"] == ["it is constant in the baseline: 7"]
    assert found["none"]["notes"] == ["too few values to test: 0 and 0 in the baseline and the current data"]
    notes = json.loads((drift.root / "report/report.json").read_text())["notes"]
    assert notes == [
        "not compared, because it is only in the current data: more",
        "a column without a name, such as a saved index, is not compared",
    ]


def test_identifiers_are_not_tested(drift):
    baseline, current = ([f"{side}{n}" for n in range(500)] for side in "ab")
    found = drift.between({"id": baseline, "x": numbers(1)}, {"id": current, "x": numbers(2)})["id"]
    assert not found["drifted"]
    assert found["notes"] == ["its values are not tested: all 1,000 categories are rare"]


def test_arguments_select_the_compared_columns(drift):
    names = ("a", "b", "price")
    write_csv(drift.baseline / "x.csv", {name: numbers(1) for name in names})
    write_csv(drift.current / "x.csv", {name: numbers(2) for name in names})
    assert set(drift.features("--target=price", "--ignore", "b, id")) == {"a"}
    notes = json.loads((drift.root / "report/report.json").read_text())["notes"]
    assert notes == ["an argument names the column id, which neither side has"]
    assert set(drift.features("--columns=b,price")) == {"b", "price"}
    (drift.root / "report").rename(drift.root / "before")
    assert drift.refused("--columns=c") == "the baseline has no column c; it has a, b, price"
    assert drift.refused("--ignore=a,b,price") == "no column is left to compare"


def test_numeric_codes_can_be_declared_categories(drift):
    codes = {"zone": choices(1, {"10": 0.5, "20": 0.5})}
    write_csv(drift.baseline / "x.csv", codes)
    write_lines(drift.current / "x.jsonl", [{"zone": 10.0 if n % 2 else 20} for n in range(500)])
    found = drift.features("--categorical=zone")["zone"]
    assert found["kind"] == "categorical"
    assert set(found["histogram"]["labels"]) == {"10", "20"}
    assert found["new_categories"] == []
    assert drift.features()["zone"]["kind"] == "numeric"


def test_too_few_rows_are_not_compared(drift):
    found = drift.between({"x": numbers(1)}, {"x": numbers(2, 49, mean=9)})
    assert found == {}
    metrics = json.loads((drift.root / "report/metrics.json").read_text())
    assert metrics == dict.fromkeys(METRICS, 0) | {"rows_baseline": 500, "rows_current": 49}
    message = "too few rows to compare: 500 in the baseline, 49 in the current data; each side needs 50"
    assert json.loads((drift.root / "report/report.json").read_text())["notes"] == [message]
    assert message in (drift.root / "report/report.html").read_text()
    assert drift.between({"x": numbers(1)}, {"x": numbers(2, 49, mean=9)}, "--min-rows=49")["x"]["drifted"]
    write_csv(drift.current / "rows.csv", {"x": []})
    assert drift.report()["enough"] is False


# ---------------------------------------------------------------- figures


def test_ks_and_wasserstein_match_scipy_and_psi_matches_its_formula(drift, inside):
    old, new = numbers(1, 200), numbers(2, 150, mean=0.5)
    found = drift.between({"x": old}, {"x": new})["x"]
    code = (
        f"import json; from scipy import stats; import numpy as np\na, b = np.array({old}), np.array({new})\n"
    )
    code += "ks = stats.ks_2samp(a, b, method='asymp')\n"
    code += "print(json.dumps([ks.statistic, ks.pvalue, stats.wasserstein_distance(a, b) / a.std()]))"
    statistic, p_value, wasserstein = inside(code)
    assert found["ks"] == pytest.approx(statistic, rel=1e-5)
    assert found["p_value"] == pytest.approx(p_value, rel=1e-5)
    assert found["wasserstein_per_std"] == pytest.approx(wasserstein, rel=1e-5)
    edges = [-math.inf, *sorted(old)[19:199:20], math.inf]
    assert len(edges) == 11
    expected = 0.0
    for low, high in itertools.pairwise(edges):
        shares = [(sum(low < x <= high for x in side) + 0.5) / (len(side) + 5) for side in (old, new)]
        expected += (shares[1] - shares[0]) * math.log(shares[1] / shares[0])
    assert found["psi"] == pytest.approx(expected, rel=1e-5)
    assert found["psi_noise"] == pytest.approx(9 * (1 / 200 + 1 / 150), rel=1e-5)


def test_psi_and_chi_square_of_categories_match_a_manual_calculation(drift):
    found = drift.between({"c": ["a"] * 60 + ["b"] * 40}, {"c": ["a"] * 30 + ["b"] * 70})["c"]
    old, new = 60.5 / 101, 30.5 / 101
    by_hand = (new - old) * math.log(new / old) + (old - new) * math.log((1 - new) / (1 - old))
    assert found["psi"] == pytest.approx(by_hand, rel=1e-5)
    assert found["share_change"] == 0.3
    # Expected are 45 and 55 on both sides: chi-square is 2 * 15**2 * (1/45 + 1/55), of one degree of freedom.
    chi_square = 2 * 225 * (1 / 45 + 1 / 55)
    assert found["p_value"] == pytest.approx(math.erfc(math.sqrt(chi_square / 2)), rel=1e-4)


def test_p_values_are_corrected_with_holms_method(inside):
    assert inside(
        "import json, drift; print(json.dumps(drift.holm([0.01, 0.04, 0.03, 0.005])))"
    ) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_many_equal_values_share_one_bin(inside):
    code = "import json, numpy as np, drift\n"
    code += "old, new = np.array([0.0] * 70 + list(range(1, 31))), np.array([0.0] * 50 + [5.0] * 50)\n"
    code += "print(json.dumps([side.tolist() for side in drift.decile_counts(old, new)]))"
    assert inside(code) == [[70, 10, 10, 10], [50, 50, 0, 0]]


# ---------------------------------------------------------------- formats

HOUSES = {"area": numbers(1, 400, 100, 20), "town": choices(1, MIX, 400), "price": numbers(2, 400)}


def capture(data, encoding="CSV", kind="text/csv", member="endpointInput"):
    side = {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}
    event = {"eventId": "1", "inferenceTime": "2026-01-01T00:00:00Z"}
    return {"captureData": {member: side}, "eventMetadata": event, "eventVersion": "0"}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def asked(seed, mean=100.0):
    return {"area": numbers(seed, 200, mean, 20), "town": choices(seed, MIX, 200)}


def as_csv(columns):
    return [",".join(map(str, row.values())) for row in rows_of(columns)]


@pytest.mark.parametrize(
    "captures",
    [
        lambda columns: [capture(line + "\n") for line in as_csv(columns)],
        lambda columns: [capture("\n".join(["area,town", *as_csv(columns)]))],
        lambda columns: [capture(json.dumps(row), "JSON", "application/json") for row in rows_of(columns)],
        lambda columns: [capture(json.dumps(rows_of(columns)), "JSON", "application/json")],
        lambda columns: [
            capture(
                json.dumps({"instances": [{"features": list(row.values())} for row in rows_of(columns)]}),
                "JSON",
            )
        ],
        lambda columns: [
            capture("\n".join(map(json.dumps, rows_of(columns))), "JSON", "application/jsonlines")
        ],
        lambda columns: [capture(b64("\n".join(as_csv(columns))), "BASE64", "text/csv; charset=utf-8")],
        lambda columns: [capture(b64(json.dumps(rows_of(columns))), "BASE64", "application/json")],
    ],
    ids=[
        "csv",
        "csv with header",
        "json",
        "json list",
        "instances",
        "json lines",
        "base64 csv",
        "base64 json",
    ],
)
def test_data_capture_files_are_read(drift, captures):
    write_csv(drift.baseline / "train.csv", HOUSES)
    lines = captures(asked(3, mean=140))
    middle = len(lines) // 2
    hours = drift.current / "endpoint/AllTraffic/2026/01/01"
    write_lines(hours / "06/1.jsonl", lines[:middle] or [capture("", member="endpointOutput")])
    write_lines(hours / "07/2.jsonl", lines[middle:])
    report = drift.report("--target=price")
    assert report["current"] == {"rows": 200, "compared": 200, "files": 2}
    assert {feature["name"]: feature["drifted"] for feature in report["features"]} == {
        "area": True,
        "town": False,
    }


LISTED = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


@pytest.mark.parametrize("listed", [LISTED, {}], ids=["listed", "base64"])
def test_captures_of_a_local_endpoint_are_read(drift, listed):
    options = [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    config = {"DestinationS3Uri": "s3://b/c", "InitialSamplingPercentage": 100, "CaptureOptions": options}
    writer = Capture(config | {"CaptureContentTypeHeader": listed})
    sent = [Content(line.encode(), "text/csv") for line in as_csv(asked(3))[:100]]
    sent += [Content(json.dumps(row).encode(), "application/json") for row in rows_of(asked(3))[100:]]
    lines = [writer.line(each, Content(b"1", "text/csv"), "", datetime.now(UTC)) for each in sent]
    write_csv(drift.baseline / "train.csv", HOUSES)
    drift.current.mkdir()
    (drift.current / "x.jsonl").write_bytes(b"".join(lines))
    report = drift.report("--target=price")
    assert (report["current"]["rows"], report["notes"]) == (200, [])
    means = {feature["name"]: feature["current"].get("mean") for feature in report["features"]}
    assert means["area"] == pytest.approx(sum(asked(3)["area"]) / 200, rel=1e-5)


def test_unreadable_request_is_counted_and_skipped(drift):
    write_csv(drift.baseline / "train.csv", HOUSES)
    good = [capture(line) for line in as_csv(asked(3))]
    odd = [
        capture("1,2,3,4"), capture("{", "JSON"), capture("[" * 100_000, "JSON"), capture("!", "BASE64"),
        capture(b64("\x93NUMPY"), "BASE64", "application/x-npy"), capture("5", "JSON"),
        capture("", member="endpointOutput"), {"captureData": None},
        capture('{"area": 1e308, "town": "\\ud800", "deep": [[1]]}', "JSON"),
        capture('{"area": [1], "town": {"a": 1}}', "JSON"),
    ]  # fmt: skip
    write_lines(drift.current / "1.jsonl", [*good, *odd])
    report = drift.report("--target=price")
    assert report["current"]["rows"] == 202
    assert not any(feature["drifted"] for feature in report["features"])
    skipped = [note for note in report["notes"] if "captured requests were skipped" in note]
    assert sum(int(note.split()[0]) for note in skipped) == 8
    assert any("has 4 values, expected 2 or 3 (set the names with --header)" in note for note in skipped)
    assert any("application/x-npy is neither CSV nor JSON" in note for note in skipped)


def test_header_names_the_columns_of_captures(drift):
    write_csv(drift.baseline / "train.csv", HOUSES)
    write_lines(
        drift.current / "1.jsonl", [capture(f"{row['town']},{row['area']},0,0") for row in rows_of(asked(3))]
    )
    refusal = drift.refused("--target=price")
    assert refusal.startswith(
        f"no row of {drift.current} could be read: 200 captured requests were skipped: "
    )
    found = drift.features("--target=price", "--header=town,area,x,y")
    assert [found[name]["drifted"] for name in ("area", "town")] == [False, False]


def test_nested_and_compressed_files_of_every_format_are_read(drift, inside):
    rows = rows_of(HOUSES)
    write_csv(drift.baseline / "a/1.csv", {name: values[:200] for name, values in HOUSES.items()})
    write_lines(drift.baseline / "b/2.jsonl.gz", rows[200:])
    (drift.baseline / "_SUCCESS").touch()
    (drift.baseline / ".hidden").write_text("{")
    (drift.current / "p").mkdir(parents=True)
    (drift.current / "list.json").write_text(json.dumps(rows[:100], indent=1))
    (drift.current / "part-0").write_text("".join(json.dumps(row) + "\n" for row in rows[100:200]))
    place = str(drift.current / "p/x.parquet")
    inside(f"import pandas as pd; pd.DataFrame({rows[200:]}).to_parquet({place!r}); print(1)")
    report = drift.report()
    assert report["baseline"] == {"rows": 400, "compared": 400, "files": 2}
    assert report["current"] == {"rows": 400, "compared": 400, "files": 3}
    assert {feature["name"]: feature["psi"] for feature in report["features"]} == {
        "area": 0,
        "town": 0,
        "price": 0,
    }


def test_sample_is_reproducible(drift):
    columns = {"x": numbers(1, 120_000)}
    write_csv(drift.baseline / "x.csv", columns)
    write_csv(drift.current / "x.csv", {"x": numbers(2, 3_000)})
    reports = [drift.report("--max-rows=1000") for _ in range(2)]
    assert reports[0] == reports[1]
    assert reports[0]["baseline"] == {"rows": 120_000, "compared": 1000, "files": 1}
    assert drift.report("--max-rows=1000", "--seed=3")["features"] != reports[0]["features"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "{current} has no file with data"),
        ("x.csv", b"a,b\n1,2\n1,2,3\n", "{current}/x.csv cannot be read: "),
        (
            "x.csv",
            b"a,b\n1,2,3\n",
            "{current}/x.csv cannot be read: a line has more values than the header has names",
        ),
        ("x.csv", b"a\n\xff\xfe\n", "{current}/x.csv is not UTF-8 text"),
        ("x.jsonl", b'{"x": 1}\n{"x": \n', "{current}/x.jsonl cannot be read: line 2 is not JSON: "),
        ("x.jsonl", b"3\n", "{current}/x.jsonl cannot be read: a single value is not a row"),
        ("x.csv.gz", b"\x1f\x8b\x08\x00broken", "{current}/x.csv.gz cannot be read: "),
        ("x.parquet", b"PAR1 broken", "{current}/x.parquet cannot be read: "),
    ],
)
def test_unreadable_file_fails_with_one_sentence(drift, name, content, message):
    write_csv(drift.baseline / "x.csv", {"x": numbers(1)})
    drift.current.mkdir()
    (drift.current / name).write_bytes(content)
    assert drift.refused().startswith(message.format(current=drift.current))


def test_missing_folder_fails(drift):
    assert drift.refused() == f"{drift.baseline} has no file with data"


@pytest.mark.parametrize("argument", ["--alpha=0", "--alpha=2", "--psi=-1", "--min-rows=0", "--max-rows=x"])
def test_invalid_threshold_fails(drift, argument):
    done = drift.run(argument)
    assert done.returncode == 2
    assert argument.partition("=")[0] in done.stderr


# ---------------------------------------------------------------- the page


def test_html_report_is_complete_without_external_resources(drift):
    baseline = {"size": numbers(1), "<b>": choices(1, {"a & b": 0.5, "</td>": 0.5})}
    drift.between(baseline, {"size": numbers(2, mean=1), "<b>": choices(2, {"a & b": 0.1, "<script>": 0.9})})
    text = (drift.root / "report/report.html").read_text()
    page = ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    tags = {element.tag for element in page.iter()}
    assert not tags & {"script", "link", "img", "iframe", "a"}
    assert "http" not in text
    assert "url(" not in text
    rows = page.findall(".//table/tr")[1:]
    assert [row.find("td/b").text for row in rows] == ["<b>", "size"]
    bars = rows[1].findall(".//svg/g/rect")
    assert len(bars) == 40
    assert max(float(bar.get("height")) for bar in bars) == 50
    assert page.find("body/p/b").text == "2 of 2 features have drifted: <b>, size"
