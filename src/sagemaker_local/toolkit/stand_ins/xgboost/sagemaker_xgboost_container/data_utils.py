"""Training data as DMatrix (sagemaker_xgboost_container/data_utils.py), in file mode."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator

import numpy
import xgboost
from _sagemaker_toolkit.content_types import CSV as TEXT_CSV
from sagemaker_algorithm_toolkit import exceptions as exc

from sagemaker_xgboost_container import encoder
from sagemaker_xgboost_container.constants import xgb_content_types

CSV = "csv"
LIBSVM = "libsvm"
PARQUET = "parquet"
RECORDIO_PROTOBUF = "recordio-protobuf"
MAX_FOLDER_DEPTH = 3
TYPES = {
    CSV: CSV,
    TEXT_CSV: CSV,
    LIBSVM: LIBSVM,
    xgb_content_types.LIBSVM: LIBSVM,
    xgb_content_types.X_LIBSVM: LIBSVM,
    PARQUET: PARQUET,
    xgb_content_types.X_PARQUET: PARQUET,
    RECORDIO_PROTOBUF: RECORDIO_PROTOBUF,
    xgb_content_types.X_RECORDIO_PROTOBUF: RECORDIO_PROTOBUF,
}
VALID_CONTENT_TYPES = [
    CSV, LIBSVM, PARQUET, RECORDIO_PROTOBUF, TEXT_CSV, xgb_content_types.LIBSVM, xgb_content_types.X_LIBSVM,
    xgb_content_types.X_PARQUET, xgb_content_types.X_RECORDIO_PROTOBUF,
]  # fmt: skip


def get_content_type(content_type_cfg_val: str | None) -> str:
    """`csv`, `libsvm`, `parquet` or `recordio-protobuf`; `libsvm` without a content type. UserError."""
    if content_type_cfg_val is None:
        return LIBSVM
    name, parameters = encoder.parse_header(content_type_cfg_val.lower())
    if name not in TYPES:
        choices = ", ".join(VALID_CONTENT_TYPES)
        raise exc.UserError(f"{content_type_cfg_val} is not an accepted ContentType: {choices}.")
    if TYPES[name] == CSV and parameters.get("label_size", "1") != "1":
        raise exc.UserError(
            f"{content_type_cfg_val} is not an accepted csv ContentType. "
            "Optional parameter label_size must be equal to 1"
        )
    return TYPES[name]


def validate_data_file_path(data_path: str, content_type: str) -> None:
    """UserError if the path does not exist, or its files begin with a line of another format."""
    kind = get_content_type(content_type)
    if not os.path.exists(data_path):
        raise exc.UserError(f"{data_path} is not a valid path!")
    for file in _files(data_path):
        if kind == CSV:
            with open(file, errors="ignore") as opened:
                _csv_delimiter(opened.readline())
        elif kind == LIBSVM:
            _check_libsvm(file)


def _check_libsvm(file: str) -> None:
    with open(file, errors="ignore") as opened:
        for line in opened:
            label, *features = line.split(" ")
            if not _is_label(label) or any(":" not in feature for feature in features):
                raise exc.UserError(
                    f"First line '{line[:50]}...' of file '{os.path.basename(file)}' is not 'LIBSVM' format. "
                    "Please ensure the file is in 'LIBSVM' format."
                )
            if len(features) > 1:
                return


def _is_label(text: str) -> bool:
    """`label` or `label:weight`."""
    try:
        return len([float(part) for part in text.split(":")]) <= 2
    except ValueError:
        return False


def _csv_delimiter(line: str) -> str:
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except Exception as error:
        raise exc.UserError(f"Could not determine delimiter on line {line[:50]}:\n{error}") from error
    logging.info("Determined delimiter of CSV input is '%s'", delimiter)
    return delimiter


def _is_data_file(name: str) -> bool:
    """Whether a file is data: not hidden, and not a cache of XGBoost."""
    cache = ".cache" in name and ("dtrain" in name or "dval" in name)
    return not name.startswith((".", "_")) and not cache


def _files(path: str) -> Iterator[str]:
    """The data files of a path, to the depth that the container reads."""
    if os.path.isfile(path):
        yield path
        return
    for root, folders, names in os.walk(path):
        if os.path.relpath(root, path).count(os.sep) >= MAX_FOLDER_DEPTH - 1:
            folders.clear()
        yield from (os.path.join(root, name) for name in sorted(names) if _is_data_file(name))


def _gather(path: str, folder: str) -> bool:
    """Link the files of a path in one folder, which XGBoost reads. False if there are none."""
    files = list(_files(path))
    for number, file in enumerate(files):
        os.symlink(os.path.abspath(file), os.path.join(folder, f"{number}_{os.path.basename(file)}"))
    return bool(files)


def get_csv_dmatrix(path: str, csv_weights: int, is_pipe: bool = False) -> xgboost.DMatrix:
    """CSV files: the label is the first column, and the weight the second if `csv_weights` is 1."""
    _no_pipe(is_pipe)
    try:
        rows = numpy.vstack([_read_csv(file) for file in _files(path)])
        if csv_weights == 1:
            return xgboost.DMatrix(rows[:, 2:], label=rows[:, 0], weight=rows[:, 1])
        return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])
    except Exception as error:
        raise exc.UserError(f"Failed to load csv data with exception:\n{error}") from error


def _read_csv(file: str) -> numpy.ndarray:
    with open(file) as opened:
        delimiter = _csv_delimiter(opened.readline())
    return numpy.genfromtxt(file, delimiter=delimiter, ndmin=2)


def get_libsvm_dmatrix(files_path: str, is_pipe: bool = False) -> xgboost.DMatrix:
    if is_pipe:
        raise exc.UserError("Pipe mode not supported for LibSVM.")
    try:
        return encoder.read_libsvm(files_path)
    except Exception as error:
        raise exc.UserError(f"Failed to load libsvm data with exception:\n{error}") from error


def get_parquet_dmatrix(path: str, is_pipe: bool = False) -> xgboost.DMatrix:
    """Parquet files: the label is the first column."""
    _no_pipe(is_pipe)
    try:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(path).to_pandas().to_numpy()
        return xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])
    except Exception as error:
        raise exc.UserError(f"Failed to load parquet data with exception:\n{error}") from error


def get_recordio_protobuf_dmatrix(path: str, is_pipe: bool = False) -> xgboost.DMatrix:
    raise NotImplementedError(
        "RecordIO needs ML-IO, which is in no package index: use CSV, LIBSVM or Parquet"
    )


def _no_pipe(is_pipe: bool) -> None:
    if is_pipe:
        raise NotImplementedError("pipes need ML-IO, which is in no package index: use File mode")


def get_dmatrix(
    data_path: str | list[str], content_type: str, csv_weights: int = 0, is_pipe: bool = False
) -> xgboost.DMatrix | None:
    """The DMatrix of one or more folders or files; None if a path does not exist or has no rows.

    `content_type` is a result of `get_content_type`.
    """
    readers = {
        CSV: lambda path: get_csv_dmatrix(path, csv_weights, is_pipe),
        LIBSVM: lambda path: get_libsvm_dmatrix(path, is_pipe),
        PARQUET: lambda path: get_parquet_dmatrix(path, is_pipe),
        RECORDIO_PROTOBUF: lambda path: get_recordio_protobuf_dmatrix(path, is_pipe),
    }
    paths = data_path if isinstance(data_path, list) else [data_path]
    folder = tempfile.mkdtemp(prefix="sagemaker_xgboost_input_data")
    try:
        if not all([_gather(path, folder) for path in paths if os.path.exists(path)] or [False]):
            return None
        matrix = readers[get_content_type(content_type)](folder)
    finally:
        shutil.rmtree(folder)
    if matrix.get_label().size == 0:
        raise exc.UserError(
            "Got input data without labels. Please check the input data set. "
            "If training job is running on multiple instances, please switch "
            "to using single instance if number of records in the data set "
            "is less than number of workers (16 * number of instance) in the cluster."
        )
    return matrix


def get_size(data_path: str, is_pipe: bool = False) -> int:
    """The bytes of the data; 1 for a pipe, 0 for a path that does not exist."""
    if is_pipe and os.path.exists(f"{data_path}_0"):
        return 1
    if os.path.isfile(data_path):
        return os.path.getsize(data_path)
    size = 0
    for root, _, names in os.walk(data_path):
        if any(name.startswith(".") for name in names):
            raise exc.UserError("Hidden file found in the data path! Remove that before training.")
        size += sum(os.path.getsize(os.path.join(root, name)) for name in names)
    return size


def check_data_redundancy(train_path: str, validate_path: str) -> None:
    """Warn of files that have one name and size in both folders."""
    sizes = [
        {entry.name: entry.stat().st_size for entry in os.scandir(path) if entry.is_file()}
        for path in (train_path, validate_path)
    ]
    for name in sizes[0].keys() & sizes[1].keys():
        if sizes[0][name] == sizes[1][name]:
            logging.warning(
                "Suspected identical files found: %s in %s and %s", name, train_path, validate_path
            )
