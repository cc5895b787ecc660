"""Rules for glue stages.

Sources: "Using job parameters in AWS Glue jobs" and "Accessing parameters using getResolvedOptions" in the
AWS Glue developer guide.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.naming import GLUE_JOB_ARGUMENT
from stagewright.stages.base.rules import RuleContext, code, measured, outputs
from stagewright.stages.glue.schema import Glue
from stagewright.syntax.findings import Finding, Path

RESERVED = frozenset(
    (
        # "Internal to AWS Glue. Do not set."
        *("debug", "mode", "JOB_NAME", "endpoint"),
        # getResolvedOptions rejects these names.
        *("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type", "continuation-option"),
        *("job-bookmark-option", "job-bookmark-from", "job-bookmark-to", "enable-data-lineage"),
        # The stage's fields set these.
        *("scriptLocation", "extra-py-files", "job-language", "class", GLUE_JOB_ARGUMENT),
    )
)
"""Names of arguments that a stage cannot set."""
GLUE_ARGUMENTS = frozenset(
    (
        *("additional-python-modules", "python-modules-installer-option", "extra-files", "extra-jars"),
        *("conf", "TempDir", "RedshiftTempDir", "datalake-formats", "executor-cores", "disable-proxy-v2"),
        *("user-jars-first", "use-postgres-driver", "write-shuffle-files-to-s3", "enable-auto-scaling"),
        *("customer-driver-env-vars", "customer-executor-env-vars", "auto-scale-within-microbatch"),
        *("enable-glue-datacatalog", "enable-metrics", "enable-observability-metrics", "enable-spark-ui"),
        *("enable-job-insights", "enable-continuous-cloudwatch-log", "enable-continuous-log-filter"),
        *("continuous-log-logGroup", "continuous-log-logStreamPrefix", "spark-event-logs-path"),
        *("continuous-log-conversionPattern", "enable-s3-parquet-optimized-committer"),
    )
)
"""Arguments that Glue itself uses. A stage can set them, but no input or output can have their names."""
CAPACITY = {"pythonshell": frozenset(("capacity",)), "spark": frozenset(("worker_type", "workers"))}
"""Type of job -> the fields that set its capacity."""
MODULES = (".py", ".zip", ".whl")


def rules(stage: Glue, _context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a glue stage."""
    yield from code(stage.code, stage.include, (*path, "code"))
    yield from outputs(stage.outputs, stage.metrics_file, path)
    yield from measured(stage, path)
    yield from _argument_names(stage, path)
    yield from _files(stage, path)
    yield from _capacity(stage, path)


def _argument_names(stage: Glue, path: Path) -> Iterator[Finding]:
    """Inputs, outputs and arguments share one command line, where a hyphen and an underscore are the same."""
    fields: dict[str, str] = {}
    for field in ("inputs", "outputs", "arguments"):
        for name in getattr(stage, field):
            name_path = (*path, field) if field == "outputs" else (*path, field, name)
            if name in RESERVED or (name in GLUE_ARGUMENTS and field != "arguments"):
                yield Finding(name_path, f"--{name} is an argument of Glue", "choose another name")
            other = fields.setdefault(name.replace("-", "_"), field)
            if other != field:
                message = f"{name} is also in {other}, and both are passed as --{name}"
                yield Finding(name_path, message, "choose another name")


def _files(stage: Glue, path: Path) -> Iterator[Finding]:
    if not stage.code.endswith(".py"):
        yield Finding((*path, "code"), f"{stage.code!r} is not a .py file", "use a Python script")
    for index, file in enumerate(stage.include):
        if not file.endswith(MODULES):
            message = f"{file!r} is not a file of type {', '.join(MODULES)}"
            yield Finding((*path, "include", index), message, "list the files, or a .zip of them")


def _capacity(stage: Glue, path: Path) -> Iterator[Finding]:
    for type_, fields in CAPACITY.items():
        for field in sorted(fields & stage.model_fields_set) if type_ != stage.type else ():
            message = f"only for {type_} jobs, but this is a {stage.type} job"
            yield Finding((*path, field), message, "leave it out")
