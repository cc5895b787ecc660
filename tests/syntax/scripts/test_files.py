"""What a script reads, writes and prints."""

from __future__ import annotations

import re
import textwrap

import pytest

from stagewright.syntax.scripts.files import file_names
from stagewright.syntax.scripts.metrics import printed_metrics
from stagewright.syntax.scripts.sagemaker import ContainerUse, container_use
from stagewright.syntax.scripts.source import UNKNOWN, Source, parse


def source(text: str) -> Source:
    return parse(textwrap.dedent(text).encode(), "train.py")


READ = [
    'pd.read_csv("data.csv")',
    'open("data.csv")',
    'open("./data.csv", "rb")',
    'Path("data.csv").read_text()',
    'Path("data.csv").open()',
    'DATA = "data.csv"\ndf = pd.read_csv(DATA)\nprint("read", DATA)',
    'DATA = "data.csv"\ndf = pd.read_csv(HERE / DATA)\ndf.to_csv(DATA)',
    'parser.add_argument("--data", default="data.csv")\npd.read_csv(options.data)',
    'np.loadtxt(os.path.join(HERE, "data.csv"))',
    'data = {"train": "data.csv"}',
]
WRITTEN = [
    'df.to_csv("data.csv")',
    'open("data.csv", "w")',
    'open("data.csv", mode="wb")',
    'Path("data.csv").write_text("")',
    'Path("data.csv").open("w")',
    'joblib.dump(model, "data.csv")',
    'MODEL = "data.csv"\njoblib.dump(model, MODEL)\nprint("saved", MODEL)',
    'parser.add_argument("--out", default="data.csv")\njoblib.dump(model, options.out)',
    'OUT = Path("data.csv")\nwith OUT.open("wb") as file: pass',
]


@pytest.mark.parametrize("text", READ)
def test_file_that_is_read_is_an_input(text: str) -> None:
    assert next(name for name in file_names(source(text)) if name.text == "data.csv").is_input


@pytest.mark.parametrize("text", WRITTEN)
def test_file_that_is_only_written_is_no_input(text: str) -> None:
    assert not next(name for name in file_names(source(text)) if name.text == "data.csv").is_input


def test_joined_paths_are_whole() -> None:
    names = {
        name.text
        for name in file_names(source('pd.read_csv(os.path.join("data", "a.csv"))\nD = Path("x") / "b"'))
    }
    assert {"data/a.csv", "x/b"} <= names


def test_addresses_and_docstrings_name_no_files() -> None:
    assert file_names(source('"""a.csv"""\npd.read_csv("https://example.com/a.csv")')) == []


def test_container_use_of_a_training_script() -> None:
    use = container_use(
        source(
            """
            import os
            train = os.environ["SM_CHANNEL_TRAIN"]
            test = os.environ.get("SM_CHANNEL_TEST_DATA", "x")
            more = "/opt/ml/input/data/more/a.csv"
            epochs = int(os.environ.get("SM_HP_EPOCHS", 3))
            rate = os.environ["SM_HP_RATE"]
            model = "/opt/ml/model/model.joblib"
            """
        )
    )
    assert use.channels == ("train", "test_data", "more")
    assert use.writes_model
    assert use.hyperparameters == {"epochs": 3, "rate": UNKNOWN}
    assert not use.is_processing


def test_container_use_of_other_scripts() -> None:
    assert container_use(source('print("hello")  # SM_CHANNEL_TRAIN')) == ContainerUse()
    assert container_use(source('a = "/opt/ml/processing/input/raw/a.csv"')).is_processing


METRICS = [
    ('print(f"MAE: {mae:.2f}")', "mae", "MAE: 12.50"),
    ('print("Test accuracy:", accuracy)', "test_accuracy", "Test accuracy: 0.9"),
    ('print("RMSE = %.3f" % rmse)', "rmse", "RMSE = 0.125"),
    ('logger.info("val_loss=%s", loss)', "val_loss", "val_loss=-1.5e-05"),
    ('print("R^2: {:.3f}".format(r2))', "r2", "R^2: 0.917"),
    ('print(f"epoch {i}: loss: {loss}, auc: {auc}")', "auc", "epoch 1: loss: 0.5, auc: 0.75"),
]


@pytest.mark.parametrize(("text", "name", "line"), METRICS)
def test_metric_matches_what_the_script_prints(text: str, name: str, line: str) -> None:
    regex = printed_metrics(source(text))[name]
    match = re.search(regex, line)
    assert match
    assert float(match[1]) == float(re.split("[=: ,]+", line)[-1])


@pytest.mark.parametrize(
    "text", ['print(f"model saved to: {path}")', 'print("done:", n)', 'print("MAE")', "print(x)"]
)
def test_other_lines_are_no_metrics(text: str) -> None:
    assert printed_metrics(source(text)) == {}
