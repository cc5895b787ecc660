"""What a glue stage's arguments, files and capacity must be.

Sources: "Using job parameters in AWS Glue jobs" and "Accessing parameters using getResolvedOptions" in the
AWS Glue developer guide.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.naming import JOB
from stagewright.stages.base.rules import RuleContext, code, outputs
from stagewright.stages.glue.schema import Glue
from stagewright.syntax.findings import Finding, Path

NEVER = frozenset(
    (
        # "Internal to AWS Glue. Do not set."
        *("debug", "mode", "JOB_NAME", "endpoint"),
        # A script that asks getResolvedOptions for one of these is refused.
        *("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type", "continuation-option"),
        *("job-bookmark-option", "job-bookmark-from", "job-bookmark-to", "enable-data-lineage"),
        # The stage's own fields say this.
        *("scriptLocation", "extra-py-files", "job-language", "class", JOB),
    )
)
"""Names of arguments that no stage may give."""
GLUES_OWN = frozenset(
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
"""Arguments that Glue acts on: a stage may set them, but no input or output can be called so."""
CAPACITY = {"pythonshell": frozenset(("capacity",)), "spark": frozenset(("worker_type", "workers"))}
"""The fields that say how large a run of each type is."""
MODULES = (".py", ".zip", ".whl")


def glue(stage: Glue, path: Path) -> Iterator[Finding]:
    yield from _names(stage, path)
    if not stage.code.endswith(".py"):
        yield Finding((*path, "code"), f"{stage.code!r} is no .py file", "give a Python script")
    for index, each in enumerate(stage.include):
        if not each.endswith(MODULES):
            remedy = "give the files themselves, or a .zip of them"
            yield Finding((*path, "include", index), f"{each!r} is none of {', '.join(MODULES)}", remedy)
    for type_, fields in CAPACITY.items():
        for field in sorted(fields & stage.model_fields_set) if type_ != stage.type else ():
            yield Finding((*path, field), f"of a {type_} job, and this is {stage.type}", "leave it out")


def _names(stage: Glue, path: Path) -> Iterator[Finding]:
    """All arrive as arguments of one command line, where a hyphen and an underscore are the same."""
    taken: dict[str, str] = {}
    for field in ("inputs", "outputs", "arguments"):
        for name in getattr(stage, field):
            place = (*path, field) if field == "outputs" else (*path, field, name)
            if name in NEVER or (name in GLUES_OWN and field != "arguments"):
                yield Finding(place, f"--{name} is an argument of Glue's own", "choose another name")
            other = taken.setdefault(name.replace("-", "_"), field)
            if other != field:
                message = f"{name} is in {other} too, and both arrive as --{name}"
                yield Finding(place, message, "choose another name")


def rules(stage: Glue, _context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a glue stage."""
    yield from code(stage.code, stage.include, (*path, "code"))
    yield from outputs(stage.outputs, stage.metrics_file, path)
    yield from glue(stage, path)
