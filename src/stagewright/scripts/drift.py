"""Compare current data with a baseline and report the features that have drifted.

A processing script. It reads /opt/ml/processing/input/baseline and /opt/ml/processing/input/current, and
writes report.json, report.html and metrics.json (flat numbers for a gate) to
/opt/ml/processing/output/report. Inputs are CSV with a header, JSON Lines, Parquet (if the image has
pyarrow), or the files of SageMaker's data capture. An input can have many files, nested folders and gzip. The
script needs numpy, pandas and scipy, and runs on Python 3.9 and later.

A feature has drifted if a test finds a change *and* the change is large:

- Tests. Numbers: two-sample Kolmogorov-Smirnov. Categories: chi-square on counts. Categories too rare for it
  (Cochran 1954: fewer than 5 expected) are tested together, with Fisher's exact test if they are still few.
  Missing values: the same tests on missing and present values. A gate checks whether *any* feature has
  drifted, so the probability of a false alarm over all features must be bounded: p-values are corrected over
  all tests with Holm's method (Holm 1979). Unlike Benjamini and Hochberg's method, it bounds that probability
  also for features that depend on each other. A corrected p-value below --alpha counts.
- Size. With much data, every test rejects, even for changes that need no retraining. So the population
stability
  index (PSI) must reach --psi (0.2; the usual rule of thumb calls 0.1 to 0.25 moderate, more significant), or
  the distance must reach --distance (0.1, as in SageMaker Model Monitor: developer guide, "Schema for
  constraints"). For numbers, the distance is the KS statistic; for categories, the largest change of a share.
  PSI uses 10 bins, the deciles of the baseline, and adds half a row to each, so that an empty bin is not
  infinite. Its expected value without drift, (bins - 1)(1/n + 1/m), is subtracted first (Yurdakul and
  Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation).
  Missing values count if their share changes by --missing (0.05).

With fewer than --min-rows rows on either side, nothing is tested: metrics.json has `enough: 0`, `drifted: 0`.
If the data cannot be read, the script prints one sentence and exits with code 1.
"""

from __future__ import annotations

import argparse
import base64
import csv
import gzip
import html
import io
import json
import math
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output/report"
CHUNK = 50_000
"""Rows per read."""
MISSING = {"", "NA", "N/A", "NaN", "nan", "NULL", "null"}
NUMERIC_SHARE = 0.95
"""A feature is numeric if this share of its baseline values are numbers."""
FEW = 20
"""The least number of values on each side for a test."""
EXPECTED = 5
"""Categories with a lower expected count are tested together."""
NESTED = "[...]"
"""The value that replaces a list or an object."""
SHOWN = 12
"""Categories in a histogram."""
FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}
BAD_BODY = (ValueError, csv.Error, RecursionError)
"""Errors of reading a captured request, which can contain anything."""


class DataError(Exception):
    """An error that the script reports in one sentence."""


class BodyError(ValueError):
    """A captured request without rows."""


# ---------------------------------------------------------------- reading


class Reader:
    """Reads the files of one side into a frame, sampled to `max_rows` rows."""

    def __init__(self, folder: Path, headers: list[list[str]], max_rows: int, seed: int) -> None:
        self.folder, self.headers, self.max_rows = folder, headers, max_rows
        self.rows, self.files = 0, 0
        self.unread: Counter[str] = Counter()
        self._random = np.random.default_rng(seed)

    def frame(self) -> pd.DataFrame:
        """Read the sample: each row draws a random number, and the `max_rows` smallest stay.

        Memory is bounded, and the same seed gives the same sample.
        """
        kept, count = [], 0
        for chunk in self._chunks():
            self.rows += len(chunk)
            chunk.index = self._random.random(len(chunk))
            kept.append(chunk)
            count += len(chunk)
            if count > 2 * self.max_rows:
                kept = [pd.concat(kept).sort_index().head(self.max_rows)]
                count = self.max_rows
        if not self.rows and self.unread:
            raise DataError(f"no row of {self.folder} could be read: {self.notes()[0]}")
        frame = pd.concat(kept) if kept else pd.DataFrame()
        return frame.sort_index().head(self.max_rows) if len(frame) > self.max_rows else frame

    def notes(self) -> list[str]:
        return [
            f"{count:,} captured requests were skipped: {reason}"
            for reason, count in self.unread.most_common()
        ]

    def _chunks(self) -> Iterator[pd.DataFrame]:
        paths = sorted(self.folder.rglob("*")) if self.folder.is_dir() else []
        for path in paths:
            if path.is_file() and not path.name.startswith((".", "_")) and path.stat().st_size:
                self.files += 1
                yield from self._read(path)
        if not self.files:
            raise DataError(f"{self.folder} has no file with data")

    def _read(self, path: Path) -> Iterator[pd.DataFrame]:
        try:
            with path.open("rb") as file:
                zipped = file.read(2) == b"\x1f\x8b"
            with gzip.open(path) if zipped else path.open("rb") as file:
                yield from {"csv": csv_chunks, "parquet": parquet_chunks, "json": self._json_chunks}[
                    file_format(path, file)
                ](file)
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text") from error
        except (OSError, EOFError, NotImplementedError, zlib.error, *BAD_BODY) as error:
            raise DataError(f"{path} cannot be read: {one_line(error)}") from error

    def _json_chunks(self, file: Any) -> Iterator[pd.DataFrame]:
        with io.TextIOWrapper(file, encoding="utf-8-sig") as text:
            rows = self._json_rows(text)
            while batch := list(islice(rows, CHUNK)):
                yield pd.DataFrame(batch, dtype=object)

    def _json_rows(self, text: io.TextIOWrapper) -> Iterator[dict[str, Any]]:
        """Yield rows of a file with one document per line, or one document over all lines."""
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                document = json.loads(line)
            except ValueError as error:
                if number > 1:
                    raise ValueError(f"line {number} is not JSON: {one_line(error)}") from error
                document = json.loads(line + text.read())
            if isinstance(document, dict) and "captureData" in document:
                yield from self._captured(document["captureData"])
            else:
                yield from map(self.named, records(document))

    def _captured(self, capture: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of one captured request. An unreadable request is counted and skipped."""
        try:
            yield from [self.named(row) for row in captured_rows(capture, self.headers)]
        except BAD_BODY as error:
            self.unread[one_line(error)] += 1

    def named(self, row: Any) -> dict[str, Any]:
        if isinstance(row, dict):
            return row
        for header in self.headers:
            if len(header) == len(row):
                return dict(zip(header, row))
        lengths = " or ".join(str(len(header)) for header in self.headers)
        expected = f"expected {lengths}" if lengths else "the names are unknown"
        message = f"a row without names has {len(row)} values, {expected}"
        raise ValueError(f"{message} (set the names with --header)")


def file_format(path: Path, file: Any) -> str:
    """Return the format by the file's extension, or by its first bytes."""
    names = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    if names and names[-1] in FORMATS:
        return FORMATS[names[-1]]
    start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    return "parquet" if start[:4] == b"PAR1" else "json" if start[:1] in (b"{", b"[") else "csv"


def csv_chunks(file: Any) -> Iterator[pd.DataFrame]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            options = {"keep_default_na": False, "index_col": False, "encoding": "utf-8-sig"}
            yield from pd.read_csv(file, dtype=str, chunksize=CHUNK, **options)
        except pd.errors.EmptyDataError:
            return
        except pd.errors.ParserWarning as error:
            raise ValueError("a line has more values than the header has names") from error


def parquet_chunks(file: Any) -> Iterator[pd.DataFrame]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ValueError("it is Parquet, and this image has no pyarrow; sklearn-1.4 has it") from error
    for batch in parquet.ParquetFile(file).iter_batches(CHUNK):
        yield batch.to_pandas().astype(object)


def captured_rows(capture: Any, headers: list[list[str]]) -> list[Any]:
    """Return the rows of a captured request (developer guide, "Capture data from real-time endpoint")."""
    side = capture.get("endpointInput") if isinstance(capture, dict) else None
    if not isinstance(side, dict) or not isinstance(side.get("data"), str):
        raise BodyError("the input was not captured")
    body, encoding = side["data"], side.get("encoding")
    kind = str(side.get("observedContentType", "")).partition(";")[0].strip().lower()
    if encoding == "BASE64":
        body = base64.b64decode(body, validate=True).decode()
    if encoding == "JSON" or (encoding != "CSV" and "json" in kind):
        return json_rows(body)
    if encoding == "CSV" or kind == "text/csv":
        return csv_rows(body, headers)
    raise BodyError(f"{kind or 'a body without a content type'} is neither CSV nor JSON")


def csv_rows(body: str, headers: list[list[str]]) -> list[Any]:
    """Return the rows. A first line that contains only column names is a header."""
    rows = [row for row in csv.reader(io.StringIO(body)) if row]
    known = set(chain.from_iterable(headers))
    if rows and known.issuperset(rows[0]):
        return [dict(zip(rows[0], row)) for row in rows[1:]]
    return rows


def json_rows(body: str) -> list[Any]:
    try:
        documents = [json.loads(body)]
    except ValueError:
        documents = [json.loads(line) for line in body.splitlines() if line.strip()]
    return [row for document in documents for row in records(document)]


def records(document: Any) -> list[Any]:
    """Return the rows of a document as objects or lists of values.

    The document can also have the form `{"instances": [{"features": [...]}]}` of AWS's built-in algorithms
    (developer guide, "Common data formats for inference").
    """
    if isinstance(document, dict):
        if isinstance(document.get("instances"), list):
            return records(document["instances"])
        return [document["features"]] if isinstance(document.get("features"), list) else [document]
    if not isinstance(document, list):
        raise BodyError("a single value is not a row")
    if document and not any(isinstance(item, (dict, list)) for item in document):
        return [document]
    return [row for item in document for row in records(item)]


# ---------------------------------------------------------------- values


def plain(value: Any) -> Any:
    """Return None for a missing value. Booleans become text, so that CSV and JSON agree."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, str):
        text = value.strip()
        return None if text in MISSING else text.lower() if text.lower() in ("true", "false") else text
    if isinstance(value, (list, dict, np.ndarray)):
        return NESTED
    # NaN and NaT differ from themselves.
    return None if value is None or value is pd.NA or value != value else value


def number(value: Any) -> float:
    """Return the value as a number, or NaN if it is no number, not finite, or too large to square."""
    try:
        parsed = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return parsed if abs(parsed) < 1e150 else math.nan


def label(value: Any) -> str:
    """Return the name of a category. 5, 5.0 and "5" are the same category."""
    parsed = number(value)
    return str(value) if math.isnan(parsed) else f"{parsed:.15g}"


def numbers_of(values: list[Any]) -> np.ndarray:
    parsed = (number(value) for value in values if value is not None)
    return np.array([value for value in parsed if not math.isnan(value)], dtype=float)


def rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


# ---------------------------------------------------------------- statistics


def psi(baseline: np.ndarray, current: np.ndarray) -> tuple[float, float]:
    """Return the PSI of counts per bin, and its expected value without drift."""
    n, m, bins = baseline.sum(), current.sum(), len(baseline)
    expected, actual = ((counts + 0.5) / (counts.sum() + 0.5 * bins) for counts in (baseline, current))
    index = float(((actual - expected) * np.log(actual / expected)).sum())
    return index, (bins - 1) * (1 / n + 1 / m)


def decile_counts(baseline: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count values per bin. The cuts are deciles of the baseline, without duplicates."""
    cuts = np.unique(np.sort(baseline)[(np.arange(1, 10) * len(baseline) + 9) // 10 - 1])
    cuts = cuts[cuts < baseline.max()]
    counts = [
        np.bincount(np.searchsorted(cuts, side), minlength=len(cuts) + 1) for side in (baseline, current)
    ]
    return counts[0], counts[1]


def independence(table: np.ndarray) -> float:
    """Return the p-value of a table of counts with the columns baseline and current."""
    table = table[table.sum(axis=1) > 0]
    if len(table) < 2:
        return 1.0
    few = table.sum(axis=1).min() * table.sum(axis=0).min() / table.sum() < EXPECTED
    if few and len(table) == 2:
        return float(stats.fisher_exact(table)[1])
    return float(stats.chi2_contingency(table, correction=False)[1])


def categories_p(regular: np.ndarray, rare: np.ndarray) -> float:
    """Return the p-value of categories. `rare` is one row: all rare categories together.

    If they are few, they are tested separately, and the two tests are combined with Bonferroni's method.
    """
    everything = np.vstack([regular, rare])
    if rare.sum() * everything.sum(axis=0).min() / everything.sum() >= EXPECTED or len(regular) < 2:
        return independence(everything)
    if not rare.sum():
        return independence(regular)
    return min(1.0, 2 * min(independence(regular), independence(np.vstack([regular.sum(axis=0), rare]))))


def holm(p_values: list[float]) -> list[float]:
    """Return the corrected p-values in the same order."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


# ---------------------------------------------------------------- features


class Feature:
    """One column of both sides: its summaries and its tests."""

    def __init__(self, name: str, old: list[Any], new: list[Any], limits: argparse.Namespace) -> None:
        self.limits = limits
        present = [value for value in old if value is not None]
        readable = sum(not math.isnan(number(value)) for value in present)
        self.numeric = bool(present) and readable >= NUMERIC_SHARE * len(present)
        self.numeric = self.numeric and name not in limits.categorical
        self.tests: list[tuple[float, bool, str]] = []
        """p-value, whether the change is large, and the reason to report."""
        self.drifted = False
        self.result: dict[str, Any] = {"name": name, "kind": "numeric" if self.numeric else "categorical"}
        self.result |= {
            "drifted": False,
            "reasons": [],
            "notes": [],
            "p_value": None,
            "psi": None,
            "psi_noise": None,
        }
        self.result |= {"ks": None, "share_change": None, "wasserstein_per_std": None}
        if NESTED in present:
            self.note("its values are lists or objects, which are not compared")
            return
        sides = [numbers_of(side) if self.numeric else self._labels(side) for side in (old, new)]
        self._summaries(sides, (len(old), len(new)))
        self._test_missing(sides, (old, new))
        if min(map(len, sides)) >= FEW:
            (self._test_numbers if self.numeric else self._test_categories)(*sides)
        else:
            counts = " and ".join(f"{len(values):,}" for values in sides)
            self.note(f"too few values to test: {counts} in the baseline and the current data")

    @staticmethod
    def _labels(values: list[Any]) -> np.ndarray:
        return np.array([label(value) for value in values if value is not None], dtype=object)

    def note(self, text: str) -> None:
        self.result["notes"].append(text)

    def _summaries(self, sides: list[np.ndarray], rows: tuple[int, int]) -> None:
        for side, values, count in zip(("baseline", "current"), sides, rows):
            summary: dict[str, Any] = {
                "values": len(values),
                "missing_share": rounded(1 - len(values) / count),
            }
            if self.numeric and len(values):
                summary["mean"], summary["std"] = rounded(values.mean()), rounded(values.std())
                summary["min"], summary["max"] = rounded(values.min()), rounded(values.max())
            elif not self.numeric:
                summary["categories"] = len(set(values))
            self.result[side] = summary

    def _test_missing(self, sides: list[np.ndarray], raw: tuple[list[Any], list[Any]]) -> None:
        shares = [1 - len(values) / len(side) for values, side in zip(sides, raw)]
        if shares[0] == shares[1]:
            return
        table = np.array([[len(values), len(side) - len(values)] for values, side in zip(sides, raw)]).T
        reason = f"missing values: {shares[0]:.1%} in the baseline, {shares[1]:.1%} in the current data"
        if self.numeric and (
            texts := [value for value in raw[1] if value is not None and math.isnan(number(value))]
        ):
            example = str(texts[0])[:40]
            reason += f" ({len(texts) / len(raw[1]):.1%} are not numbers, for example {example!r})"
        self.tests.append((independence(table), abs(shares[1] - shares[0]) >= self.limits.missing, reason))
        if 1 in shares:
            self.note(f"every value is missing in the {'baseline' if shares[0] == 1 else 'current data'}")

    def _test_numbers(self, old: np.ndarray, new: np.ndarray) -> None:
        test = stats.ks_2samp(old, new, "two-sided", "asymp")
        ks, (index, noise), spread = float(test[0]), psi(*decile_counts(old, new)), old.std()
        if old.min() == old.max():
            self.note(f"it is constant in the baseline: {old[0]:g}")
        self.result |= {"psi": rounded(index), "psi_noise": rounded(noise), "ks": rounded(ks)}
        if spread > 0:
            self.result["wasserstein_per_std"] = rounded(stats.wasserstein_distance(old, new) / spread)
        self.result["histogram"] = histogram(old, new)
        reason = (
            f"its values changed: KS {ks:.3f}, PSI {index:.3f}, mean {old.mean():.4g} -> {new.mean():.4g}"
        )
        reason += f", standard deviation {spread:.4g} -> {new.std():.4g}"
        self.tests.append((float(test[1]), self._large(index - noise, ks), reason))

    def _test_categories(self, old: np.ndarray, new: np.ndarray) -> None:
        counts = [Counter(side) for side in (old, new)]
        names = sorted(set(old) | set(new), key=lambda name: (-counts[0][name] - counts[1][name], name))
        table = np.array([[count[name] for count in counts] for name in names], dtype=float)
        self.result["histogram"] = bars(names, table)
        fresh = [name for name in names if not counts[0][name]]
        fresh_share = sum(counts[1][name] for name in fresh) / len(new)
        self.result |= {"new_categories": fresh[:20], "new_categories_share": rounded(fresh_share)}
        common = table.sum(axis=1) * min(len(old), len(new)) / table.sum() >= EXPECTED
        if not common.any():
            self.note(f"its values are not tested: all {len(names):,} categories are rare")
            return
        regular, rare = table[common], table[~common].sum(axis=0, keepdims=True)
        groups = np.vstack([regular, rare]) if rare.sum() else regular
        (index, noise), shares = psi(groups[:, 0], groups[:, 1]), groups / groups.sum(axis=0)
        change = np.abs(shares[:, 1] - shares[:, 0])
        self.result |= {
            "psi": rounded(index),
            "psi_noise": rounded(noise),
            "share_change": rounded(change.max()),
        }
        largest = int(change.argmax())
        name = repr(names[np.flatnonzero(common)[largest]]) if largest < len(regular) else "rare categories"
        before, after = shares[largest]
        reason = f"its shares changed: PSI {index:.3f}, {name} {before:.1%} -> {after:.1%}"
        if fresh:
            reason += f"; new in {fresh_share:.1%} of the rows: {', '.join(map(repr, fresh[:5]))}"
        self.tests.append((categories_p(regular, rare), self._large(index - noise, change.max()), reason))

    def _large(self, index: float, distance: float) -> bool:
        return bool(index >= self.limits.psi or distance >= self.limits.distance)

    def judge(self, corrected: list[float]) -> dict[str, Any]:
        """Return the result. `corrected` are the corrected p-values of the tests."""
        for p_value, (_, large, reason) in zip(corrected, self.tests):
            if p_value < self.limits.alpha and large:
                self.result["reasons"].append(reason)
        self.result["p_value"] = rounded(min(corrected)) if corrected else None
        self.result["drifted"] = bool(self.result["reasons"])
        return self.result


def histogram(old: np.ndarray, new: np.ndarray) -> dict[str, Any]:
    """Return shares in 20 bins. The outermost bins include everything beyond the outer percentiles."""
    low, high = (pick(np.quantile(side, q) for side in (old, new)) for pick, q in ((min, 0.01), (max, 0.99)))
    edges = np.linspace(low, high, 21) if high > low else np.array([low - 0.5, low + 0.5])
    shares = [np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] / len(side) for side in (old, new)]
    return {
        "labels": [f"{left:.4g} to {right:.4g}" for left, right in zip(edges, edges[1:])],
        "baseline": [rounded(share) for share in shares[0]],
        "current": [rounded(share) for share in shares[1]],
    }


def bars(names: list[str], table: np.ndarray) -> dict[str, Any]:
    shares = table / table.sum(axis=0)
    labels, rest = names[:SHOWN], shares[SHOWN:].sum(axis=0)
    columns = [list(shares[:SHOWN, side]) + ([rest[side]] if len(names) > SHOWN else []) for side in (0, 1)]
    if len(names) > SHOWN:
        labels = [*labels, f"{len(names) - SHOWN:,} others"]
    return {
        "labels": labels,
        "baseline": list(map(rounded, columns[0])),
        "current": list(map(rounded, columns[1])),
    }


# ---------------------------------------------------------------- comparing


def compare(
    baseline: pd.DataFrame, current: pd.DataFrame, limits: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return the result of every feature, the largest drift first."""
    features, lost = [], []
    for name in features_of(baseline, limits):
        if name in current:
            old, new = ([plain(value) for value in frame[name].tolist()] for frame in (baseline, current))
            features.append(Feature(name, old, new, limits))
        else:
            lost.append(lost_feature(name))
    corrected = iter(holm([p_value for feature in features for p_value, _, _ in feature.tests]))
    judged = [feature.judge(list(islice(corrected, len(feature.tests)))) for feature in features]
    return sorted(lost + judged, key=severity)


def severity(feature: dict[str, Any]) -> tuple[Any, ...]:
    size = max(feature["ks"] or 0, feature["share_change"] or 0)
    return not feature["drifted"], -(feature["psi"] or 0), -size, feature["name"]


def features_of(baseline: pd.DataFrame, limits: argparse.Namespace) -> list[str]:
    names = [str(name) for name in baseline.columns]
    if unknown := [name for name in limits.columns if name not in names]:
        raise DataError(f"the baseline has no column {', '.join(unknown)}; it has {', '.join(names)}")
    left_out = {*limits.ignore, limits.target}
    chosen = [name for name in (limits.columns or names) if name not in left_out and not is_nameless(name)]
    if not chosen:
        raise DataError("no column is left to compare")
    return chosen


def is_nameless(name: Any) -> bool:
    return str(name).startswith("Unnamed: ")


def lost_feature(name: str) -> dict[str, Any]:
    reason = (
        "it is in the baseline but not in the current data (use --ignore or --target if this is intended)"
    )
    blank = dict.fromkeys(("p_value", "psi", "psi_noise", "ks", "share_change", "wasserstein_per_std"))
    return {"name": name, "kind": "absent", "drifted": True, "reasons": [reason], "notes": [], **blank}


def column_notes(baseline: pd.DataFrame, current: pd.DataFrame, limits: argparse.Namespace) -> list[str]:
    left_out, either = {*limits.ignore, limits.target}, {*baseline, *current}
    unseen = [] if limits.columns else [str(name) for name in current if name not in {*baseline, *left_out}]
    named = ", ".join(unseen[:10]) + (f" and {len(unseen) - 10:,} more" if len(unseen) > 10 else "")
    notes = [f"not compared, because it is only in the current data: {named}"] if unseen else []
    if any(map(is_nameless, baseline)) and not limits.columns:
        notes.append("a column without a name, such as a saved index, is not compared")
    unknown = [
        name for name in (*limits.ignore, *limits.categorical, limits.target) if name and name not in either
    ]
    return notes + [f"an argument names the column {name}, which neither side has" for name in unknown]


def flat(report: dict[str, Any]) -> dict[str, float]:
    """Return the content of metrics.json, which has numbers only."""
    features = report["features"]
    drifted = sum(feature["drifted"] for feature in features)
    return {
        "rows_baseline": report["baseline"]["rows"],
        "rows_current": report["current"]["rows"],
        "features": len(features),
        "drifted": drifted,
        "drifted_share": round(drifted / len(features), 4) if features else 0,
        "worst_psi": max((feature["psi"] or 0 for feature in features), default=0),
        "worst_ks": max((feature["ks"] or 0 for feature in features), default=0),
        "enough": int(report["enough"]),
    }


def make_report(options: argparse.Namespace) -> dict[str, Any]:
    old = Reader(
        Path(options.baseline), [options.header] if options.header else [], options.max_rows, options.seed
    )
    baseline = old.frame()
    names = [str(name) for name in baseline.columns]
    without_target = [name for name in names if name != options.target]
    headers = [options.header] if options.header else [without_target, names]
    new = Reader(Path(options.current), headers, options.max_rows, options.seed)
    current = new.frame()
    report: dict[str, Any] = {
        "enough": min(old.rows, new.rows) >= options.min_rows,
        "baseline": {"rows": old.rows, "compared": len(baseline), "files": old.files},
        "current": {"rows": new.rows, "compared": len(current), "files": new.files},
        "settings": {
            name: getattr(options, name) for name in ("alpha", "psi", "distance", "missing", "min_rows")
        },
        "notes": [*old.notes(), *new.notes(), *column_notes(baseline, current, options)],
        "features": [],
    }
    if report["enough"]:
        report["features"] = compare(baseline, current, options)
    else:
        features_of(baseline, options)
        rows = f"{old.rows:,} in the baseline, {new.rows:,} in the current data"
        report["notes"].insert(0, f"too few rows to compare: {rows}; each side needs {options.min_rows:,}")
    return report


# ---------------------------------------------------------------- the page

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;width:100%;font-size:14px}
td,th{padding:.4rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.yes{color:#b42318;font-weight:600}.key{padding:0 .4rem;color:#fff}small{color:#59636e}
.b{fill:#98a2b3;background:#98a2b3}.c{fill:#d9480f;fill-opacity:.65;background:#d9480f}
"""
HEADINGS = ("feature", "drifted", "PSI", "KS or share", "p", "missing", "")
KEY = '<span class="key b">baseline</span> <span class="key c">current</span>'


def page(report: dict[str, Any], summary: str) -> str:
    """Return the report as one HTML file without scripts and external resources."""
    rows = "".join(map(feature_row, report["features"]))
    sides = "; ".join(
        f"{side}: {report[side]['rows']:,} rows in {report[side]['files']:,} files"
        + (
            ""
            if report[side]["rows"] == report[side]["compared"]
            else f", {report[side]['compared']:,} compared"
        )
        for side in ("baseline", "current")
    )
    settings = ", ".join(f"{name} {value:g}" for name, value in report["settings"].items())
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in report["notes"])
    head = "<tr>" + "".join(f"<th>{heading}</th>" for heading in HEADINGS) + "</tr>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>Drift report</title>'
        f"<style>{STYLE}</style></head><body><h1>Drift report</h1><p><b>{html.escape(summary)}</b></p>"
        f"<p>{sides}<br/><small>{settings}; p-values are corrected by Holm's method</small></p>"
        + (f"<ul>{notes}</ul>" if notes else "")
        + (f"<p>{KEY}</p><table>{head}{rows}</table>" if rows else "")
        + "</body></html>\n"
    )


def feature_row(feature: dict[str, Any]) -> str:
    distance = feature["share_change"] if feature["ks"] is None else feature["ks"]
    missing = " -> ".join(
        f"{feature[side]['missing_share']:.1%}" for side in ("baseline", "current") if side in feature
    )
    numbers = [shown(feature["psi"]), shown(distance), shown(feature["p_value"]), missing]
    texts = "<br/>".join(
        f"<small>{html.escape(text)}</small>" for text in feature["reasons"] + feature["notes"]
    )
    verdict = '<td class="yes">yes</td>' if feature["drifted"] else "<td>no</td>"
    cells = "".join(f'<td class="n">{html.escape(text)}</td>' for text in numbers)
    name = f"<b>{html.escape(feature['name'])}</b> <small>{feature['kind']}</small>"
    return f"<tr><td>{name}<br/>{texts}</td>{verdict}{cells}<td>{picture(feature.get('histogram'))}</td></tr>"


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if 0 < value < 0.001 else f"{value:.3f}"


def picture(shares: dict[str, Any] | None) -> str:
    if not shares:
        return ""
    width, height, count = 220, 50, len(shares["labels"])
    top, step = max(*shares["baseline"], *shares["current"]), 220 / count
    drawn = ""
    for position, text in enumerate(shares["labels"]):
        pair = [shares[side][position] for side in ("baseline", "current")]
        drawn += f"<g><title>{html.escape(text)}: {pair[0]:.1%} -> {pair[1]:.1%}</title>"
        for style, share, inset in (("b", pair[0], 0), ("c", pair[1], step / 4)):
            bar = height * share / top
            drawn += f'<rect class="{style}" x="{position * step + inset:.1f}" y="{height - bar:.1f}" '
            drawn += f'width="{step * 0.6:.1f}" height="{bar:.1f}"/>'
        drawn += "</g>"
    return f'<svg width="{width}" height="{height}" role="img" aria-label="histogram">{drawn}</svg>'


# ---------------------------------------------------------------- the command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--baseline", default=f"{INPUT}/baseline", help="folder of the baseline")
    parser.add_argument("--current", default=f"{INPUT}/current", help="folder of the current data")
    parser.add_argument("--report", default=OUTPUT, help="folder of the report")
    names: dict[str, Any] = {"type": name_list, "default": [], "metavar": "A,B"}
    parser.add_argument("--columns", help="compare only these columns", **names)
    parser.add_argument("--ignore", help="columns to skip, such as identifiers and times", **names)
    parser.add_argument("--categorical", help="numeric columns that are categories, such as codes", **names)
    parser.add_argument("--header", help="column names for rows without names", **names)
    parser.add_argument("--target", default="", help="column that the model predicts, which is skipped")
    parser.add_argument("--max-rows", type=positive(int), default=100_000, help="rows to compare per side")
    parser.add_argument("--min-rows", type=positive(int), default=50, help="minimum rows per side")
    parser.add_argument("--alpha", type=share, default=0.01, help="corrected p-values below this count")
    parser.add_argument("--psi", type=positive(float), default=0.2, help="a PSI of at least this is large")
    parser.add_argument(
        "--distance",
        type=share,
        default=0.1,
        help="a KS statistic or a change of a share of at least this is large",
    )
    parser.add_argument(
        "--missing",
        type=share,
        default=0.05,
        help="a change of the share of missing values of at least this is large",
    )
    parser.add_argument("--seed", type=int, default=20, help="seed of the sample of --max-rows")
    return parser.parse_args()


def name_list(text: str) -> list[str]:
    """Parse names separated by commas, quoted as in CSV."""
    return [name.strip() for name in next(csv.reader([text]), []) if name.strip()]


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return parse


def share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def summary_of(report: dict[str, Any]) -> str:
    if not report["enough"]:
        return str(report["notes"][0])
    drifted = [feature["name"] for feature in report["features"] if feature["drifted"]]
    count = f"{len(drifted)} of {len(report['features'])} features have drifted"
    return f"{count}: {', '.join(drifted)}" if drifted else count


def main() -> None:
    options = arguments()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        report = make_report(options)
    except DataError as error:
        sys.exit(f"drift: {error}")
    metrics, summary, folder = flat(report), summary_of(report), Path(options.report)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps({**report, "metrics": metrics}, indent=2, allow_nan=False))
    (folder / "report.html").write_text(page(report, summary), encoding="utf-8", errors="replace")
    (folder / "metrics.json").write_text(json.dumps(metrics, allow_nan=False))
    for text in (*report["notes"], summary):
        print(text)
    for feature in report["features"]:
        for reason in feature["reasons"]:
            print(f"{feature['name']}: {reason}")


if __name__ == "__main__":
    main()
