"""Hyperparameters and arguments that the script's argparse rejects are warned of; what is unclear is not."""

from __future__ import annotations

import pytest

SCRIPT = """\
import argparse
import sys

def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    {lines}
    return parser.parse_args({arguments})

if __name__ == "__main__":
    print(parse())
"""
LR = "parser.add_argument('--learning-rate', '-r', type=float, default=0.1)"
LOSS = "parser.add_argument('--loss', choices=['mae', 'mse'])"
NEGATABLE = "parser.add_argument('--fast', action=argparse.BooleanOptionalAction)"
GROUP = ["group = parser.add_argument_group('a')", "group.add_argument('--x')"]
OPTIONS = """\
import argparse
def options():
    p = argparse.ArgumentParser()
    p.add_argument('--x')
    return p.parse_args()
"""
EPOCHS = "parser.add_argument('--epochs', type=int, dest='n_epochs')"


def script(*lines, arguments=""):
    return {"train.py": SCRIPT.format(lines="\n    ".join(lines), arguments=arguments)}


def warned(found):
    assert not found.errors
    return {problem.path.removeprefix("stages.s."): problem.message for problem in found.warnings}


def test_an_unknown_hyperparameter_is_warned_of_with_the_nearest_name(check):
    found = check(script(LR, EPOCHS), hyperparameters={"learning_rate": 0.1, "epochs": 3})
    (warning,) = found.warnings
    assert warning.path == "stages.s.hyperparameters.learning_rate"
    assert warning.message == "train.py rejects it: unrecognized arguments: --learning_rate"
    assert warning.remedy == 'did you mean "learning-rate"?'


@pytest.mark.parametrize(
    "accepted",
    [
        {"learning-rate": 0.1, "epochs": 3},
        {"learn": 1e-5},  # argparse takes a beginning that is unique
        {"r": 0.5},
        {"epochs": "3"},
        {"epochs": "${parameters.n}", "learning-rate": "${trigger.date}"},
        {"sagemaker_container_log_level": 10},
    ],
)
def test_what_argparse_takes_is_accepted(check, accepted):
    assert warned(check(script(LR, EPOCHS), parameters={"n": 3}, hyperparameters=accepted)) == {}


@pytest.mark.parametrize(
    ("lines", "hyperparameters", "message"),
    [
        ([EPOCHS], {"epochs": 0.5}, "argument --epochs: invalid int value: '0.5'"),
        ([EPOCHS], {"n_epochs": 3}, "unrecognized arguments: --n_epochs"),
        ([LOSS], {"loss": "r2"}, "argument --loss: invalid choice: 'r2'"),
        (["parser.add_argument('--fast', action='store_true')"], {"fast": True}, "--fast takes no value"),
        ([NEGATABLE], {"fast": True}, "--fast takes no value"),
        (GROUP, {"size": 1}, "unrecognized arguments: --size"),
    ],
)  # fmt: skip
def test_the_reason_is_that_of_argparse(check, lines, hyperparameters, message):
    (warning,) = warned(check(script(*lines), hyperparameters=hyperparameters)).values()
    assert warning.startswith(f"train.py rejects it: {message}")


def test_a_parameter_of_the_run_is_checked_by_its_value(check):
    fields = {"parameters": {"n": "many"}, "hyperparameters": {"epochs": "${parameters.n}"}}
    assert warned(check(script(EPOCHS), **fields)) == {
        "hyperparameters.epochs": "train.py rejects it: argument --epochs: invalid int value: 'many'"
    }


def test_a_missing_hyperparameter_is_warned_of(check):
    required = "parser.add_argument('--data', required=True)"
    assert warned(check(script(required, LR))) == {
        "hyperparameters": "train.py rejects them: the following arguments are required: --data"
    }
    assert warned(check(script(required), hyperparameters={"data": "x"})) == {}
    assert "input" in warned(check(script("parser.add_argument('input')")))["hyperparameters"]


def test_values_of_unknown_arguments_are_not_shown(check):
    found = check(script(LR), hyperparameters={"password": "hunter2"})
    assert "hunter2" not in "".join(map(str, found.warnings))
    files = script(LR)
    found = check(files, "processing", arguments=["--token", "hunter2", "--key=hunter2"])
    assert "hunter2" not in "".join(map(str, found.warnings))
    assert "--token, --key" in found.warnings[0].message


def test_arguments_of_a_processing_job_are_checked(check):
    files = script(EPOCHS, "parser.add_argument('day')")
    assert warned(check(files, "processing", arguments=["2024-01-01", "--epochs", "3"])) == {}
    assert warned(check(files, "processing", arguments=["${trigger.date}", "--epochs=3"])) == {}
    assert "day" in warned(check(files, "processing"))["arguments"]
    assert "--epoch_s" in warned(check(files, "processing", arguments=["d", "--epoch_s", "3"]))["arguments"]


def test_ranges_of_a_tuning_stage_are_checked(check):
    fields = {
        "kind": "tuning", "objective": {"metric": "mae"}, "metrics": {"mae": "MAE: ([0-9.]+)"},
        "ranges": {
            "epochs": {"type": "continuous", "min": 1, "max": 2},
            "learning-rate": {"type": "continuous", "min": 0.1, "max": 1},
            "depth": {"type": "integer", "min": 1, "max": 9},
        },
    }  # fmt: skip
    found = warned(check(script(LR, EPOCHS), **fields))
    assert set(found) == {"ranges.epochs", "ranges.depth"}


def test_hyperparameters_of_the_request_count(check):
    found = warned(check(script(EPOCHS), request={"HyperParameters": {"epochs": "3", "size": '"7"'}}))
    assert list(found) == ["hyperparameters.size"]


UNCLEAR = {
    "known args": script(LR)["train.py"].replace("parse_args(", "parse_known_args("),
    "subcommands": script(LR, "parser.add_subparsers()")["train.py"],
    "a loop": script("for name in 'ab': parser.add_argument('--' + name)")["train.py"],
    "another function": script(LR, "add_arguments(parser)")["train.py"].replace("import sys", "import lib"),
    "parents": script(LR)["train.py"].replace("description=__doc__", "parents=[base]"),
    "own action": script("parser.add_argument('--x', action=Own)")["train.py"],
    "own arguments": script(LR, arguments="['--learning-rate', '3']")["train.py"],
    "changed arguments": script(LR, "sys.argv.append('x')")["train.py"],
    "click": "import click\n@click.command()\n@click.option('--x')\ndef main(x): ...\nmain()\n",
    "absl": "from absl import flags\n" + script(LR)["train.py"],
    "no parser": "import os, json\nprint(json.loads(os.environ['SM_HPS']))\n",
    "two parsers": script(LR)["train.py"] + "\nargparse.ArgumentParser().parse_args([])\n",
    "subclass": "import argparse\nclass P(argparse.ArgumentParser): ...\np = P()\np.parse_args()\n",
    "exit caught": script(LR)["train.py"] + "\ntry:\n    parse()\nexcept SystemExit: pass\n",
    "dynamic names": script("parser.add_argument(*names())")["train.py"],
    "invalid": script(LR, LR)["train.py"],
    "syntax error": "(",
}  # fmt: skip


@pytest.mark.parametrize("source", UNCLEAR.values(), ids=list(UNCLEAR))
def test_a_parser_that_the_source_does_not_fully_show_accepts_all(check, source):
    found = check({"train.py": source}, hyperparameters={"unknown": 3})
    assert not [problem for problem in found.warnings if "hyperparameters" in problem.path]


def test_a_parser_of_an_imported_file_counts_if_the_script_calls_it(check):
    files = {"options.py": OPTIONS, "train.py": "from options import options\nprint(options())\n"}
    fields = {"include": ["options.py"], "hyperparameters": {"y": 3}}
    assert list(warned(check(files, **fields))) == ["hyperparameters.y"]
    assert warned(check({**files, "train.py": "import options\n"}, **fields)) == {}


def test_functions_of_the_script_may_add_arguments(check):
    source = (
        "import argparse\ndef more(parser):\n    parser.add_argument('--first')\n"
        "def main(argv=None):\n    parser = argparse.ArgumentParser()\n    more(parser)\n"
        "    if argv: parser.add_argument('--maybe', required=True)\n    return parser.parse_args(argv)\n"
        "main()\n"
    )
    assert list(
        warned(check({"train.py": source}, hyperparameters={"first": 1, "maybe": 2, "other": 3}))
    ) == ["hyperparameters.other"]
