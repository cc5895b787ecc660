"""The `stagewright` command line: the table of commands. A command is imported when it is called.

Each command is one module with a function `command`, whose signature declares the arguments and options.
The module's docstring is the second part of the help text.
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from stagewright.errors import StagewrightError, TargetError


class Command(NamedTuple):
    """A command, in the words that users type. `group` is its heading in `--help` and its package."""

    name: str
    group: str
    summary: str

    @property
    def module(self) -> str:
        """Full name of the module: `config show` is in `configure.config_show`."""
        file = self.name.replace(" ", "_").replace("-", "_")
        return f"stagewright.cli.commands.{self.group}.{file}"


TABLE = (
    Command("new", "author", "Create a pipeline, from a training script or empty."),
    Command("init", "author", "Create a repository with a pipeline, Terraform and CI."),
    Command("demo", "author", "Run the house price example and request a prediction."),
    Command("convert", "author", "Convert a pipeline of SageMaker Pipelines or of AWS's samples."),
    Command("validate", "author", "Check a pipeline document and report every problem."),
    Command("plan", "author", "Show what a run would do, and why, without starting it."),
    Command("script", "author", "List the scripts that come with Stagewright, or copy one."),
    Command("schema", "author", "Print the JSON Schema of pipeline documents."),
    Command("workflow", "author", "Print the state machine that runs every pipeline."),
    Command("run", "run", "Push changes, start a run and watch it until it ends."),
    Command("push", "run", "Push code and document. A code trigger starts a run."),
    Command("resume", "run", "Continue a run that failed or was stopped."),
    Command("backfill", "run", "Run a pipeline once for each day, week, month or year."),
    Command("stop", "run", "Stop a run and its jobs."),
    Command("runs", "inspect", "List runs, newest first."),
    Command("show", "inspect", "Show a run: its stages, reasons, metrics and results."),
    Command("report", "inspect", "Write a run as one HTML file."),
    Command("get", "inspect", "Fetch models, reports and other outputs of a run."),
    Command("logs", "inspect", "Print the logs of a run's jobs."),
    Command("diff", "inspect", "Compare two runs, or two revisions of a document."),
    Command("dlq", "inspect", "List, replay or delete messages that did not start a run."),
    Command("config show", "configure", "Show the effective document and each setting's layer."),
    Command("set", "configure", "Override settings of a document from the next run on."),
    Command("unset", "configure", "Remove overrides."),
    Command("history", "configure", "List a document's revisions: when, by whom, what changed."),
    Command("rollback", "configure", "Restore an earlier revision using overrides."),
    Command("migrate", "configure", "Store items of earlier versions in the present format."),
    Command("promote", "configure", "Promote a successful release to the next environment."),
    Command("approvals", "approve", "List the stages that wait for approval."),
    Command("approve", "approve", "Approve a pending stage and continue the run."),
    Command("reject", "approve", "Reject a pending stage and fail the run."),
    Command("endpoints", "serve", "List endpoints and the versions that they serve."),
    Command("predict", "serve", "Send data to a pipeline's endpoint."),
    Command("rollback-endpoint", "serve", "Restore an earlier version of an endpoint."),
    Command("prices update", "cost", "Read AWS's prices into a file of this repository."),
    Command("prices idle", "cost", "Show what an installation costs while nothing runs."),
    Command("up", "local", "Start the local server and leave it running."),
    Command("down", "local", "Stop the local server and keep its state."),
    Command("env", "local", "Print the environment variables that other tools need."),
    Command("sagemaker", "local", "Serve only SageMaker, next to an S3 endpoint of yours."),
    Command("doctor", "local", "Check this machine or an installation."),
)
COMMANDS = {row.name: row for row in TABLE}
ALIASES = {"import": "convert"}
"""Former names. They work, and no help mentions them."""
SUBCOMMANDS = {"config": "Show a pipeline's configuration.", "prices": "Read and use AWS's prices."}
"""First words of two-word commands, and the help of each."""
NAME_WIDTH = 11
"""Width of the column of names. The summary of a longer name goes on a line of its own."""
EPILOG = """\b
Exit codes:
  0  success
  1  unexpected error
  2  invalid command line, document or code files
  3  the document is valid, but cannot be planned now
  4  the target cannot be reached or denies access
  5  no such pipeline, run or stage
  6  the run failed
  7  the Python environment of a job cannot be built
  8  a stage would run (plan --exit-code)
  9  a conversion is not complete
"""


class LazyGroup(TyperGroup):
    """A group that knows every command's name and summary, and imports only the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- the signature is Typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = ALIASES.get(cmd_name, cmd_name)
        typed = typer.Typer(add_completion=False, rich_markup_mode=None)
        if name in SUBCOMMANDS:
            typed.callback(help=SUBCOMMANDS[name], no_args_is_help=True)(lambda: None)
            for row in TABLE:
                first, _, second = row.name.partition(" ")
                if first == name:
                    _add(typed, second, row)
        elif name in COMMANDS:
            _add(typed, name, COMMANDS[name])
        else:
            from stagewright.syntax.findings import closest_match

            close = closest_match(cmd_name, COMMANDS)
            ctx.fail(f"No such command '{cmd_name}'." + (f" Did you mean '{close}'?" if close else ""))
        return typer.main.get_command(typed)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        for group in dict.fromkeys(row.group for row in TABLE):
            with formatter.section(group.capitalize()):
                rows = [(row.name.ljust(NAME_WIDTH), row.summary) for row in TABLE if row.group == group]
                formatter.write_dl(rows, col_max=NAME_WIDTH)


def _add(typed: typer.Typer, name: str, row: Command) -> None:
    module = import_module(row.module)
    typed.command(name, help=f"{row.summary}\n\n{module.__doc__}", no_args_is_help=False)(module.command)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(requested: bool) -> None:
    if requested:
        from stagewright import __version__

        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def options(
    _debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """MLOps pipelines for Amazon SageMaker: the same document runs on AWS and on this machine.

    PIPELINE is a document, a folder with a pipeline.yaml, or the name of such a folder in pipelines/.
    Commands that do not read the document also take the name of a pipeline in the target.
    """
    from stagewright.cli.common import reports

    reports.print_them()


def explained(error: Exception) -> Exception:
    """Return a TargetError that names the extra to install if a package is missing, else the same error."""
    if isinstance(error, ModuleNotFoundError):
        return TargetError(f"{error.name} is not installed", "pip install 'stagewright[all]'")
    return error


def main() -> None:
    """Run the command line. Prints each StagewrightError with its remedy and exits with its code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="stagewright")
    except Exception as raised:  # users never see a bare traceback
        from stagewright.cli.common.output import fail, note

        if debug:
            note(traceback.format_exc().rstrip())
        error = explained(raised)
        fail(error, as_json="--json" in arguments, debug=debug)
        sys.exit(error.exit_code if isinstance(error, StagewrightError) else 1)
