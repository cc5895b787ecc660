"""`new --from`: what becomes of a script, and which scripts are refused with what remedy."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.cli.commands.author import new, validate
from stagewright.cli.commands.author.script import SCRIPTS
from stagewright.document.file import read_document
from stagewright.errors import DocumentError, ReleaseError
from stagewright.runs.releases.named_files import code_findings, sample_findings

SAGEMAKER = """\
import argparse, os
import joblib
import pandas as pd
from sklearn.linear_model import Ridge

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--alpha", type=float, default=1e-5)
    parser.add_argument("-n", "--n", type=int, default=3)
    parser.add_argument("--k", type=int, default=3)
    parser.add_argument("--name", default="yes")
    parser.add_argument("--code", default="010")
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("--layers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    options = parser.parse_args()
    data = pd.read_csv(os.path.join(options.train, "sales.csv"))
    model = Ridge(alpha=options.alpha).fit(data[["x"]], data["y"])
    print(f"MAE: {abs(model.predict(data[['x']]) - data['y']).mean():.4f}")
    joblib.dump(model, os.path.join(options.model_dir, "model.joblib"))
"""
PLAIN = """\
import pickle
import pandas as pd
from sklearn.linear_model import Ridge

data = pd.read_csv("data.csv")
model = Ridge().fit(data[["x"]], data["y"])
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new, "is_terminal", lambda: False)
    return tmp_path


def write(path: str, text: str | bytes = "x,y\n1,2\n2,4\n") -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    return file


def create(script: str | Path, **options: Any) -> dict[str, Any]:
    """The document of a new pipeline `churn`, valid with all files that it names."""
    new.command("churn", Path(script), **options)
    read_document(Path("churn/pipeline.yaml"), code_findings, sample_findings)
    assert validate.validate(Path("churn/pipeline.yaml"))[1] == []
    loaded: dict[str, Any] = yaml.safe_load(Path("churn/pipeline.yaml").read_text())
    return loaded


def files(folder: str = "churn") -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def test_arguments_become_typed_hyperparameters(here: Path) -> None:
    write("train.py", SAGEMAKER)
    train = create("train.py")["stages"]["train"]
    assert train["hyperparameters"] == {"alpha": 1e-5, "n": 3, "name": "yes", "code": "010"}
    assert train["channels"] == {"train": "s3://${bucket}/raw/churn/train/"}
    assert list(train["metrics"]) == ["mae"]
    text = Path("churn/pipeline.yaml").read_text()
    reasons = {
        "k": "-n for one letter",
        "debug": "a flag",
        "layers": "a list",
        "seed": "no default",
        "workers": "computes its default",
    }
    assert [name for name, reason in reasons.items() if f"# {name}: " not in text or reason not in text] == []
    assert "model-dir" not in text


def test_script_is_copied_unchanged_and_the_data_with_it(here: Path) -> None:
    script = write("train.py", SAGEMAKER)
    write("sales.csv")
    document = create("train.py", data=["sales.csv"])
    assert Path("churn/code/train.py").read_bytes() == script.read_bytes()
    assert files() == {"pipeline.yaml", "code/train.py", "code/serve.py", "data/train/sales.csv"}
    assert document["sample_data"] == {"raw/churn/": "data"}
    assert document["stages"]["train"]["entry_point"] == "train.py"


def test_data_next_to_the_script_is_found_for_its_only_channel(here: Path) -> None:
    write("project/train.py", SAGEMAKER)
    write("project/sales.csv")
    create("project")
    assert "data/train/sales.csv" in files()


def test_without_data_the_pipeline_is_valid_and_names_the_folder(here: Path, capsys: Any) -> None:
    write("train.py", SAGEMAKER)
    create("train.py")
    assert (
        "note: put the data of channel train into data/train before the first run" in capsys.readouterr().out
    )
    assert "data/train/.gitkeep" in files()


def test_stages_of_the_model_are_off_unless_asked_for(here: Path) -> None:
    write("train.py", SAGEMAKER)
    stages = create("train.py")["stages"]
    assert [name for name, stage in stages.items() if not stage.get("enabled", True)] == [
        "register",
        "deploy",
    ]
    assert stages["register"]["entry_point"] == "serve.py"
    assert Path("churn/code/serve.py").read_bytes() == (SCRIPTS / "serve.py").read_bytes()
    new.command("other", Path("train.py"), serve=True)
    on = yaml.safe_load(Path("other/pipeline.yaml").read_text())["stages"]
    assert [stage["enabled"] for name, stage in on.items() if name != "train"] == [True, True]


def test_script_with_model_fn_serves_itself_if_its_training_is_guarded(here: Path) -> None:
    write("train.py", f"{SAGEMAKER}\ndef model_fn(folder):\n    return None\n")
    assert create("train.py")["stages"]["register"]["entry_point"] == "train.py"
    assert "code/serve.py" not in files()
    write("loose.py", "import os\nos.environ['SM_MODEL_DIR']\ndef model_fn(folder):\n    return None\n")
    new.command("loose", Path("loose.py"))
    assert (
        yaml.safe_load(Path("loose/pipeline.yaml").read_text())["stages"]["register"]["entry_point"]
        == "serve.py"
    )


def test_inference_script_next_to_the_training_serves(here: Path) -> None:
    write("train.py", SAGEMAKER)
    own = write("inference.py", "import codec, shap\ndef model_fn(folder):\n    return None\n")
    write("codec.py", "")
    register = create("train.py")["stages"]["register"]
    assert (register["entry_point"], register["include"]) == ("inference.py", ["codec.py"])
    assert Path("churn/code/requirements.txt").read_text() == "shap\n"
    assert Path("churn/code/inference.py").read_bytes() == own.read_bytes()
    own.write_text("def")
    new.command("other", Path("train.py"))
    assert (
        yaml.safe_load(Path("other/pipeline.yaml").read_text())["stages"]["register"]["entry_point"]
        == "serve.py"
    )


@pytest.mark.parametrize(
    ("imports", "image", "requirements"),
    [
        ("import pandas, sklearn.linear_model, numpy, joblib, scipy, pytz", "sklearn-1.4", None),
        ("import xgboost, pandas", "xgboost-3.0", None),
        ("import torch", "pytorch-2.6", None),
        ("import torch, transformers", "huggingface-4.49-pytorch2.5", None),
        ("import lightgbm, yaml, imblearn", "sklearn-1.4", "imbalanced-learn\nlightgbm\n"),
        ("import cv2", "sklearn-1.4", "opencv-python-headless\n"),
        (
            "import sagemaker_training\nfrom sagemaker_containers.beta.framework import modules",
            "sklearn-1.4",
            None,
        ),
        ("try:\n    import shap\nexcept ImportError:\n    shap = None", "sklearn-1.4", None),
    ],
)
def test_imports_choose_image_and_requirements(
    here: Path, imports: str, image: str, requirements: str | None
) -> None:
    write("train.py", f"{imports}\nimport os\nos.environ['SM_MODEL_DIR']\n")
    document = create("train.py")
    assert document["defaults"]["image"] == image
    file = Path("churn/code/requirements.txt")
    assert (file.read_text() if file.exists() else None) == requirements


def test_pytorch_model_has_no_script_outside_the_artifact(here: Path) -> None:
    write("train.py", "import torch, os\nos.environ['SM_MODEL_DIR']\n")
    assert "entry_point" not in create("train.py")["stages"]["register"]
    assert "code/serve.py" not in files()


@pytest.mark.parametrize("image", ["pytorch-2.6.0", "pytorch-2.6"])
def test_chosen_image_decides_who_serves(here: Path, image: str) -> None:
    write("train.py", "import os\nos.environ['SM_MODEL_DIR']\n")
    document = create("train.py", image=image)
    assert document["defaults"]["image"] == image
    assert "entry_point" not in document["stages"]["register"]


def test_existing_requirements_are_kept_and_completed_by_a_note(here: Path, capsys: Any) -> None:
    write("train.py", "import lightgbm, shap, os\nos.environ['SM_MODEL_DIR']\n")
    requirements = write("requirements.txt", "lightgbm==4.5.0\n")
    new.command("churn", Path("train.py"))
    assert Path("churn/code/requirements.txt").read_bytes() == requirements.read_bytes()
    assert "note: add shap to code/requirements.txt" in capsys.readouterr().out


def test_plain_script_runs_through_an_entry_that_keeps_its_files(here: Path) -> None:
    script = write("work/train.py", PLAIN)
    write("work/data.csv")
    write("work/model.pkl", b"of an earlier run")
    document = create("work/train.py")
    train = document["stages"]["train"]
    assert (train["entry_point"], train["include"]) == ("sagemaker_entry.py", ["train.py"])
    assert Path("churn/code/train.py").read_bytes() == script.read_bytes()
    assert files() == {
        "pipeline.yaml", "code/train.py", "code/sagemaker_entry.py", "code/serve.py", "data/train/data.csv",
    }  # fmt: skip


def test_folders_and_settings_that_a_plain_script_reads(here: Path) -> None:
    text = """\
    import os, yaml, joblib
    import pandas as pd
    settings = yaml.safe_load(open("settings.yaml"))
    frames = [pd.read_csv(os.path.join("inputs", name)) for name in os.listdir("inputs")]
    joblib.dump(frames, "models/model.joblib")
    """
    write("train.py", text)
    write("settings.yaml", "depth: 3\n")
    write("inputs/2024/a.csv")
    write("inputs/b.csv")
    write("inputs/.hidden")
    Path("models").mkdir()
    document = create("train.py")
    assert {"data/train/inputs/2024/a.csv", "data/train/inputs/b.csv", "code/settings.yaml"} <= files()
    assert not any("hidden" in name for name in files())
    assert document["stages"]["train"]["include"] == ["train.py", "settings.yaml"]
    assert "FOLDERS = ('models',)" in Path("churn/code/sagemaker_entry.py").read_text()


def test_plain_script_gets_its_data_from_an_option(here: Path) -> None:
    write("train.py", PLAIN.replace('"data.csv"', '"input/data.csv"'))
    write("elsewhere/data.csv")
    with pytest.raises(
        DocumentError, match=r"train.py:5: reads input/data.csv, which is not next to it"
    ) as refused:
        create("train.py")
    assert "--data PATH of input/data.csv" in str(refused.value)
    create("train.py", data=["elsewhere/data.csv"])
    assert "data/train/input/data.csv" in files()


def test_local_modules_and_packages_come_along(here: Path) -> None:
    write("pyproject.toml", "")
    write(
        "scripts/train.py",
        "import helpers\nfrom features.build import make\nimport os\nos.environ['SM_MODEL_DIR']\n",
    )
    write("scripts/helpers.py", "import json\nimport deeper\n")
    write("scripts/deeper.py", "import lightgbm\n")
    write("src/features/__init__.py", "")
    write("src/features/build.py", "import os\nCHANNEL = os.environ['SM_CHANNEL_TRAIN']\n")
    write("src/features/columns.json", "[]")
    document = create("scripts/train.py")
    expected = {
        "train.py",
        "helpers.py",
        "deeper.py",
        "features/__init__.py",
        "features/build.py",
        "features/columns.json",
    }
    assert {f"code/{name}" for name in expected} <= files()
    assert document["stages"]["train"]["include"] == ["deeper.py", "features", "helpers.py"]
    assert list(document["stages"]["train"]["channels"]) == ["train"]
    assert Path("churn/code/requirements.txt").read_text() == "lightgbm\n"


def test_requirements_of_the_project_are_copied_with_a_note(here: Path, capsys: Any) -> None:
    write("project/requirements.txt", "lightgbm==4.5.0\n")
    write("project/src/train.py", "import lightgbm, os\nos.environ['SM_MODEL_DIR']\n")
    create("project/src/train.py")
    assert Path("churn/code/requirements.txt").read_text() == "lightgbm==4.5.0\n"
    assert (
        f"note: code/requirements.txt is a copy of {here}/project/requirements.txt" in capsys.readouterr().out
    )


def test_arguments_of_an_imported_module_are_read(here: Path) -> None:
    write("train.py", "from options import parse\nimport os\nos.environ['SM_MODEL_DIR']\nparse()\n")
    write(
        "options.py",
        "import argparse\ndef parse():\n    p = argparse.ArgumentParser()\n"
        "    p.add_argument('--depth', type=int, default=4)\n    return p.parse_args()\n",
    )
    assert create("train.py")["stages"]["train"]["hyperparameters"] == {"depth": 4}


def test_several_channels_take_a_folder_each(here: Path) -> None:
    names = ("SM_CHANNEL_TRAIN", "SM_CHANNEL_TEST", "SM_MODEL_DIR")
    write("train.py", "import os\n" + "".join(f"os.environ['{name}']\n" for name in names))
    write("all/train/a.csv")
    write("all/test/b.csv")
    create("train.py", data=["all"])
    assert {"data/train/a.csv", "data/test/b.csv"} <= files()
    with pytest.raises(DocumentError, match=r"name each: --data train=PATH --data test=PATH"):
        new.command("other", Path("train.py"), data=["all/train"])
    with pytest.raises(DocumentError, match=r'no channel tset.*did you mean "test"'):
        new.command("other", Path("train.py"), data=["tset=all/test"])
    new.command("other", Path("train.py"), data=["train=s3://lake/train/", "test=all/test"])
    channels = yaml.safe_load(Path("other/pipeline.yaml").read_text())["stages"]["train"]["channels"]
    assert channels == {"train": "s3://lake/train/", "test": "s3://${bucket}/raw/other/test/"}


def test_required_arguments_need_a_value(here: Path) -> None:
    write(
        "train.py",
        "import argparse, os\nos.environ['SM_MODEL_DIR']\np = argparse.ArgumentParser()\n"
        "p.add_argument('--rate', type=float, required=True)\np.parse_args()\n",
    )
    with pytest.raises(DocumentError, match=r"train.py:4: requires --rate \(--hyperparameter rate=VALUE"):
        create("train.py")
    with pytest.raises(DocumentError, match="'fast' is not a number"):
        create("train.py", hyperparameters=["rate=fast"])
    with pytest.raises(DocumentError, match=r'takes no --rat.*did you mean "rate"'):
        create("train.py", hyperparameters=["rat=1", "rate=1"])
    assert create("train.py", hyperparameters=["rate=0.5"])["stages"]["train"]["hyperparameters"] == {
        "rate": 0.5
    }


REFUSED = {
    "notebook": ("analysis.ipynb", "{}", "is a notebook", "jupyter nbconvert --to script analysis.ipynb"),
    "shell": ("train.sh", "echo", "is not a Python script", "ends in .py"),
    "missing": ("none.py", None, "does not exist", "--from"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_script_is_refused_with_a_remedy(here: Path, case: str) -> None:
    name, text, message, remedy = REFUSED[case]
    if text is not None:
        write(name, text)
    with pytest.raises(ReleaseError, match=message) as refused:
        create(name)
    assert remedy in refused.value.remedy
    assert not Path("churn").exists()


SUBCOMMANDS = """\
import argparse
parser = argparse.ArgumentParser()
commands = parser.add_subparsers(required=True)
commands.add_parser("train").add_argument("--rate", type=float, default=0.1)
parser.parse_args()
"""
BROKEN = {
    "subcommands": (SUBCOMMANDS, "train.py:3: has subcommands"),
    "group": ("import click\n@click.group()\ndef main(): ...\n", "train.py:2: has subcommands"),
    "syntax": ("def", "train.py:1: is not valid Python"),
    "argv": ("import sys\nopen(sys.argv[1])", "train.py:2: reads an argument by its position"),
    "positional": (
        "import argparse\nargparse.ArgumentParser().add_argument('data')",
        "requires data by position",
    ),
    "relative": ("from . import helpers", "train.py:1: a relative import works in a package only"),
    "processing": ("open('/opt/ml/processing/input/a.csv')", "so it is a processing script"),
    "parent": (
        "import pandas\npandas.read_csv('../data.csv')",
        r"train.py:2: reads \.\./data.csv, which a job does not",
    ),
    "absolute": (
        "import pandas\npandas.read_csv('/home/me/data.csv')",
        "reads /home/me/data.csv, which a job does not",
    ),
    "windows": (r"import pandas; pandas.read_csv('C:\\data.csv')", "which a job does not have"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_script_that_no_job_can_run_is_refused_with_its_line(here: Path, case: str) -> None:
    text, message = BROKEN[case]
    write("train.py", text)
    with pytest.raises(DocumentError, match=message) as refused:
        create("train.py")
    assert all(problem.remedy for problem in refused.value.problems)
    assert not Path("churn").exists()


def test_every_problem_is_listed_at_once(here: Path) -> None:
    write(
        "train.py",
        "from . import a\nimport sys, pandas\npandas.read_csv(sys.argv[1])\npandas.read_csv('../b.csv')\n",
    )
    with pytest.raises(DocumentError) as refused:
        create("train.py")
    assert sorted(problem.line for problem in refused.value.problems) == [1, 3, 4]


def test_folder_with_several_scripts_needs_a_name(here: Path) -> None:
    write("project/a.py", "")
    write("project/b.py", "")
    with pytest.raises(ReleaseError, match=r"has no train.py; its scripts: a.py, b.py"):
        create("project")
    write("project/train.py", "print(1)")
    create("project")


def test_requirements_that_refer_to_other_files_are_refused(here: Path) -> None:
    write("train.py", "print(1)")
    write("requirements.txt", "pandas\n-r base.txt\n")
    with pytest.raises(DocumentError, match=r"requirements.txt:2: refers to files"):
        create("train.py")


OPTIONS = {
    "json": ("p.add_argument('--hosts', type=list, default=json.loads(os.environ['SM_HOSTS']))", {}),
    "true": ("p.add_argument('--flag', default='true')", {}),
    "dict": ("p.add_argument('--map', default='{}')", {}),
    "number": ("p.add_argument('--size', default='10')", {"size": "10"}),
    "negative": ("p.add_argument('--leaves', type=int, default=-1)", {"leaves": -1}),
    "underscore": ("p.add_argument('--max_leaf_nodes', type=int, default=4)", {"max_leaf_nodes": 4}),
    "folder": ("p.add_argument('--train', default='/opt/ml/input/data/train')", {}),
    "suppress": ("p.add_argument('--size', default=argparse.SUPPRESS)", {}),
    "untyped": ("p.add_argument('--epochs', default=10)", {}),
    "untyped-text": ("p.add_argument('--loss', default='mse')", {"loss": "mse"}),
    "lambda": ("p.add_argument('--size', type=lambda text: int(text), default=3)", {"size": 3}),
    "bool": ("p.add_argument('--fast', type=bool, default=False)", {}),
    "reference": ("p.add_argument('--size', default='${x}')", {}),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_default_is_a_hyperparameter_if_the_script_receives_it_unchanged(here: Path, case: str) -> None:
    line, expected = OPTIONS[case]
    head = "import argparse, json, os, sys\nos.environ['SM_MODEL_DIR']\np = argparse.ArgumentParser()\n"
    write("train.py", f"{head}{line}\np.parse_args(sys.argv[1:])\n")
    assert create("train.py")["stages"]["train"].get("hyperparameters", {}) == expected


def test_arguments_of_other_libraries_are_set_by_hand(here: Path, capsys: Any) -> None:
    write("train.py", "import fire, os\nos.environ['SM_MODEL_DIR']\ndef main(rate=1): ...\nfire.Fire(main)\n")
    document = create("train.py", hyperparameters=["rate=2"])
    assert document["stages"]["train"]["hyperparameters"] == {"rate": "2"}
    assert "note: line 4 defines arguments that cannot be read" in capsys.readouterr().out


def test_several_parsers_are_named_and_their_parents_are_not(here: Path, capsys: Any) -> None:
    head = "import argparse, os\nos.environ['SM_MODEL_DIR']\n"
    parent = "common = argparse.ArgumentParser(add_help=False)\n"
    parent += "common.add_argument('--seed', type=int, default=1)\n"
    own = "p = argparse.ArgumentParser(parents=[common])\np.add_argument('--rate', type=float, default=0.1)\n"
    write("train.py", f"{head}{parent}{own}p.parse_args()\n")
    assert create("train.py")["stages"]["train"]["hyperparameters"] == {"seed": 1, "rate": 0.1}
    assert "parsers" not in capsys.readouterr().out
    write(
        "train.py",
        f"{head}{own.replace('parents=[common]', '')}q = argparse.ArgumentParser()\np.parse_args()\n",
    )
    new.command("other", Path("train.py"))
    assert "note: the script has 2 parsers of arguments" in capsys.readouterr().out


def test_patterns_and_parts_of_paths_are_read_as_what_they_are(here: Path) -> None:
    text = """\
    import argparse, glob
    import pandas as pd
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="inputs")
    options = parser.parse_args()
    frames = [pd.read_csv(path) for path in glob.glob("more/*.csv")]
    frames += [pd.read_csv(f"{options.folder}/deep/a.csv"), pd.read_csv(options.folder + "/deep/b.csv")]
    """
    write("train.py", text)
    for name in ("inputs/deep/a.csv", "inputs/deep/b.csv", "more/c.csv", "more/d.txt"):
        write(name)
    create("train.py")
    data = {name for name in files() if name.startswith("data/")}
    assert data == {f"data/train/{name}" for name in ("inputs/deep/a.csv", "inputs/deep/b.csv", "more/c.csv")}


def test_name_of_a_column_is_no_folder_of_data(here: Path) -> None:
    write(
        "train.py", "import pandas as pd\nframe = pd.read_csv('in.csv')\nprint(frame['data'], {'train': 1})\n"
    )
    for name in ("in.csv", "data/huge.csv", "train/huge.csv"):
        write(name)
    create("train.py")
    assert {name for name in files() if name.startswith("data/")} == {"data/train/in.csv"}


def test_files_of_the_user_are_never_replaced_by_written_ones(here: Path) -> None:
    write("train.py", "import serve\nopen('model.pkl', 'wb').write(serve.MODEL)\n")
    own = write("serve.py", "MODEL = b''\n")
    document = create("train.py")
    assert Path("churn/code/serve.py").read_bytes() == own.read_bytes()
    assert document["stages"]["register"]["entry_point"] == "stagewright_serve.py"
    write("sagemaker_entry.py", "print(1)")
    with pytest.raises(DocumentError, match=r"rename the script"):
        new.command("other", Path("sagemaker_entry.py"))


def test_folder_of_data_does_not_hide_an_installed_package(here: Path) -> None:
    write("train.py", "import lightgbm, os\nos.environ['SM_MODEL_DIR']\n")
    write("lightgbm/notes.py", "")
    create("train.py")
    assert Path("churn/code/requirements.txt").read_text() == "lightgbm\n"
    assert "code/lightgbm/notes.py" not in files()


def test_script_with_an_unusual_name_runs_through_the_entry(here: Path) -> None:
    write("my model's train.py", "print(1)")
    document = create("my model's train.py")
    assert document["stages"]["train"]["include"] == ["my model's train.py"]
    compile(Path("churn/code/sagemaker_entry.py").read_text(), "entry", "exec")


def test_large_data_is_refused_before_anything_is_written(here: Path) -> None:
    write("train.py", SAGEMAKER)
    with Path("big.csv").open("wb") as file:
        file.truncate(101 * 1024 * 1024)
    with pytest.raises(ReleaseError, match="the data has 101 MB") as refused:
        create("train.py", data=["big.csv"])
    assert "--data s3://" in refused.value.remedy
    assert not Path("churn").exists()


def test_names_images_and_folders_are_checked_first(here: Path) -> None:
    write("train.py", SAGEMAKER)
    with pytest.raises(DocumentError, match="NAME: 'Churn' is not a valid name"):
        new.command("Churn", Path("train.py"))
    with pytest.raises(
        DocumentError, match=r'--image: unknown image: sklaern-1.4.*did you mean "sklearn-1.4-2"'
    ):
        new.command("churn", Path("train.py"), image="sklaern-1.4")
    write("churn/mine.txt")
    with pytest.raises(ReleaseError, match="churn already exists"):
        new.command("churn", Path("train.py"))
    assert files() == {"mine.txt"}
    assert sorted(path.name for path in here.iterdir()) == ["churn", "train.py"]


def test_folder_is_that_of_the_repository_with_its_schema(here: Path, capsys: Any) -> None:
    Path("pipelines").mkdir()
    write("pipeline.schema.json", "{}")
    new.command("churn", as_json=True)
    made = json.loads(capsys.readouterr().out)
    assert made["document"] == "pipelines/churn/pipeline.yaml"
    first = Path("pipelines/churn/pipeline.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../pipeline.schema.json"


def test_empty_pipeline_is_valid_and_explains_itself(here: Path) -> None:
    new.command("churn")
    pipeline = read_document(Path("churn/pipeline.yaml"), code_findings, sample_findings)
    assert list(pipeline.stages) == ["train", "register", "deploy"]
    assert Path("churn/pipeline.yaml").read_text().count("#") > 15


def test_terminal_is_asked_for_what_no_option_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("train.py", SAGEMAKER)
    write("sales/sales.csv")
    answers = {
        "Data of channel train (file, folder or s3:// URI; empty: later)": "sales",
        "Image": "sklearn-1.2",
    }
    monkeypatch.setattr(new, "is_terminal", lambda: True)
    monkeypatch.setattr(new.typer, "prompt", lambda text, **_: answers.pop(text))
    assert create("train.py")["defaults"]["image"] == "sklearn-1.2"
    assert "data/train/sales.csv" in files()
    assert answers == {}


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_command_without_a_terminal_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"sys.{stream}", None)
    monkeypatch.setattr(new.typer, "prompt", lambda *_, **__: pytest.fail("it asks"))
    write("train.py", SAGEMAKER)
    create("train.py")
