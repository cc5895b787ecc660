"""`stagewright`: one file per command, imported when it is called, so that `--help` stays quick."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stagewright.errors import StagewrightError, TargetError

COMMANDS = {
    "init": "Make a repository that works at once: pipelines, Terraform, CI.",
    "demo": "Run the house price example from data to a served prediction.",
    "import": "Make a document of an item of AWS's sample MLOps framework.",
    "validate": "Check a pipeline document and report every problem in it.",
    "plan": "Show what a run would do, and why, without starting it.",
    "run": "Push what changed, start one run, and watch it to its end.",
    "resume": "Go on with a run that failed or was stopped.",
    "backfill": "Run a pipeline once for each month, week, day or year.",
    "push": "Push code and document; the pushed release starts a run.",
    "runs": "List runs, newest first.",
    "dlq": "List, replay or drop the messages that no run came of.",
    "show": "Show a run: its stages, reasons, metrics and results.",
    "document": "Show the next run's document, and which layer says what.",
    "promote": "Make a release that ran well in one environment that of the next.",
    "set": "Override settings of a document, from the next run on.",
    "unset": "Take overrides back.",
    "diff": "Show what differs between two runs, or revisions of a document.",
    "history": "List a document's revisions: when, by whom, what changed.",
    "rollback": "Make a document what a revision was, by overrides.",
    "logs": "Print what the jobs of a run have logged.",
    "approvals": "List what waits for approval.",
    "approve": "Approve what a run waits with; the run goes on.",
    "reject": "Reject what a run waits with; the run fails.",
    "stop": "Stop a run and the jobs that it has started.",
    "endpoints": "List endpoints: what they serve, since when, and until when.",
    "rollback-endpoint": "Make an endpoint serve an earlier version again.",
    "predict": "Send data to the endpoint of a pipeline.",
    "up": "Start the local server and leave it running.",
    "sagemaker": "Serve SageMaker alone, beside any S3 endpoint, until Ctrl-C.",
    "down": "Stop the local server; its state is kept.",
    "env": "Print what other programs need to use the local server.",
    "doctor": "Check this machine, or an installation.",
    "script": "List the shipped scripts, or copy one into your code.",
    "schema": "Print the JSON Schema of pipeline documents.",
    "workflow": "Print the state machine that runs every pipeline.",
}
MODULES = {
    "init": "author.init",
    "demo": "author.demo",
    "import": "author.convert",
    "validate": "author.validate",
    "plan": "author.plan",
    "schema": "author.schema",
    "script": "author.script",
    "workflow": "author.workflow",
    "run": "run.run",
    "resume": "run.resume",
    "backfill": "run.backfill",
    "push": "run.push",
    "stop": "run.stop",
    "runs": "inspect.runs",
    "show": "inspect.show",
    "logs": "inspect.logs",
    "diff": "inspect.diff",
    "dlq": "inspect.dlq",
    "set": "configure.set",
    "unset": "configure.unset",
    "rollback": "configure.rollback",
    "history": "configure.history",
    "promote": "configure.promote",
    "document": "configure.config_show",
    "approvals": "approve.approvals",
    "approve": "approve.approve",
    "reject": "approve.reject",
    "endpoints": "serve.endpoints",
    "predict": "serve.predict",
    "rollback-endpoint": "serve.rollback_endpoint",
    "up": "local.up",
    "down": "local.down",
    "env": "local.env",
    "sagemaker": "local.sagemaker",
    "doctor": "local.doctor",
}
"""Module of each command, below `stagewright.cli.commands`."""
NAME_WIDTH = 9
"""In the list of commands; the summary of a longer name stands below it, and the others' keep their room."""
EPILOG = """\b
Exit codes:
  0  done
  1  an unexpected error
  2  the command line, a document or its code files are wrong
  3  the document is right, but cannot be planned now
  4  the target cannot be reached, or refuses
  5  no such pipeline, run or stage
  6  the run ended, and not well
  7  a Python environment for a job cannot be had
"""


class LazyGroup(TyperGroup):
    """Knows every command's name and summary; imports the module of the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- the signature is Typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            from stagewright.syntax.findings import meant

            close = meant(cmd_name, COMMANDS)
            ctx.fail(f"No such command '{cmd_name}'." + (f" Did you mean '{close}'?" if close else ""))
        module = import_module(f"stagewright.cli.commands.{MODULES[cmd_name]}")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(cmd_name, help=f"{COMMANDS[cmd_name]}\n\n{module.__doc__}", no_args_is_help=False)(
            module.command
        )
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()), col_max=NAME_WIDTH)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    if wanted:
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
    """MLOps pipelines for Amazon SageMaker: the same document on AWS and on this machine.

    PIPELINE is a document, a folder with a pipeline.yaml, the name of such a folder in pipelines/, or, where
    a run is meant, a pipeline's name.
    """


def explained(error: Exception) -> Exception:
    """A missing package is one of an extra, since what is always needed is always installed."""
    if isinstance(error, ModuleNotFoundError):
        return TargetError(f"{error.name} is not installed", "pip install 'stagewright[all]'")
    return error


def main() -> None:
    """The console script. Errors raised on purpose become a message, a remedy and an exit code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        app(args=[argument for argument in arguments if argument != "--debug"], prog_name="stagewright")
    except Exception as raised:  # the outermost place: nothing may leave a bare traceback
        if debug:
            traceback.print_exc()
        from stagewright.cli.common.output import fail

        error = explained(raised)
        fail(error, as_json="--json" in arguments, debug=debug)
        sys.exit(error.exit_code if isinstance(error, StagewrightError) else 1)
