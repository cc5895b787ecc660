"""What to do about a stage that failed, from the words of its failure.

Job services, toolkits and Python report failures in their own words. A rule finds words that have one likely
cause, and names the setting of the document that changes it. Without a rule that fits there is no remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from stagewright.naming import stage_of
from stagewright.stages.base.schema import Stage
from stagewright.stages.registry import recorded_kind

FIELD = re.compile(r"\{stage\}\.(\w+)")
INPUT = re.compile(r"\.(InputDataConfig|ProcessingInputs)\.([^.]+)\.")
FOLDERS = {"InputDataConfig": "/opt/ml/input/data", "ProcessingInputs": "/opt/ml/processing/input"}
LOCAL_PATH = re.compile(r"\.ProcessingInputs\.([^.]+)\.S3Input\.LocalPath")


@dataclass(frozen=True)
class Failure:
    """A failed stage: its name and kind, and the inputs of its fingerprint."""

    stage: str
    kind: str
    inputs: Mapping[str, str]

    @property
    def schema(self) -> type[Stage]:
        return recorded_kind(self.kind).schema

    @property
    def field(self) -> str:
        """The path of the stage in the document."""
        return f"stages.{stage_of(self.stage)}"

    @property
    def folders(self) -> list[str]:
        """The folders that the job's inputs are in."""
        paths = {match[1]: path for field, path in self.inputs.items() if (match := LOCAL_PATH.search(field))}
        inputs = (match for field in self.inputs if (match := INPUT.search(field)))
        return sorted({paths.get(match[2], f"{FOLDERS[match[1]]}/{match[2]}") for match in inputs})


Remedy = Callable[[Failure, re.Match[str]], str]


@dataclass(frozen=True)
class Rule:
    """Words of a failure, and what to do about it.

    `remedy`: a text, in which `{stage}` is the path of the stage. The rule is for stages that have the fields
    in the text. `services`: the services of their jobs; empty: all.
    """

    words: str
    remedy: str | Remedy
    services: Collection[str] = ()

    def applies(self, failure: Failure) -> bool:
        named = set(FIELD.findall(self.remedy)) if isinstance(self.remedy, str) else set()
        is_of_service = not self.services or failure.schema.job_service in self.services
        return is_of_service and named <= failure.schema.model_fields.keys()


def remedy(failure: Failure, *texts: str) -> str:
    """Return what to do about a failure, or "". `texts`: its cause, and the last lines of its log."""
    return next(_remedies(failure, "\n".join(texts)), "")


def _remedies(failure: Failure, text: str) -> Iterator[str]:
    for rule in RULES:
        if rule.applies(failure) and (match := re.search(rule.words, text)):
            yield (
                rule.remedy.format(stage=failure.field)
                if isinstance(rule.remedy, str)
                else rule.remedy(failure, match)
            )


def _module(failure: Failure, match: re.Match[str]) -> str:
    name = match[1].partition(".")[0]
    match failure.schema.job_service:
        case "processing":
            how = "a processing job installs no requirements.txt, so let a .sh script call pip"
        case "glue":
            how = f"add its package to {failure.field}.arguments.additional-python-modules"
        case _:
            how = "add its package to requirements.txt in the root of the code folder"
    return f"{name} is missing: {how}; if it is a file of yours, add it to {failure.field}.include"


def _other_version(failure: Failure, match: re.Match[str]) -> str:
    library = next(filter(None, match.groups()), "a library").partition(".")[0]
    return (
        f"the image has another version of {library} than the code or the model needs:"
        f" change {failure.field}.image, or name the version in requirements.txt"
    )


def _files(failure: Failure, _: re.Match[str]) -> str:
    folders = failure.folders
    if not folders:
        return f"{failure.field} has no inputs, so the job has only its code"
    return f"the job has its inputs in {', '.join(folders)}, each without the S3 prefix of its URI"


def _permission(_: Failure, match: re.Match[str]) -> str:
    action = match.groupdict().get("action") or "what it tried"
    if action.startswith(OF_INSTALLATION):
        return f"the installation's roles do not allow {action}: stagewright doctor shows what differs"
    where = "for other buckets, set data_buckets or output_locations in Terraform"
    return f"the job's role may not do {action}: {where} (docs/terraform.md)"


OF_INSTALLATION = ("events:", "glue:", "iam:", "lambda:", "sagemaker:", "states:")
"""Services whose actions the state machine calls, not the scripts of most jobs."""
TRAINING = ("training", "tuning")
SCRIPTS = (*TRAINING, "processing")
LIBRARY = r"(?:joblib|numpy|pandas|scipy|sklearn|tensorflow|torch|transformers|xgboost)"
MEMORY = r"\bMemoryError\b|OutOfMemory|[Oo]ut of memory|Cannot allocate memory|\bOOM\b"
KILLED = r"(?i)exit ?code:? ?(?:137|-9)\b|SIGKILL|signal 9"
RULES = (
    Rule(rf"No module named '?({LIBRARY}\.[\w.]+)", _other_version),
    Rule(r"No module named '?([\w.]+)", _module),
    Rule(rf"cannot import name '?\w+'? from '?({LIBRARY})\b", _other_version),
    Rule(rf"module '({LIBRARY})[\w.]*' has no attribute", _other_version),
    Rule(r"(numpy)\.(?:ndarray|dtype) size changed|unsupported pickle protocol", _other_version),
    Rule(r"incompatible dtype.*pickle|pickle.*incompatible dtype|InconsistentVersionWarning", _other_version),
    Rule(r"FileNotFoundError|No such file or directory: '/opt/ml/", _files, SCRIPTS),
    Rule(
        r"unrecognized arguments: |the following arguments are required: |error: argument -",
        "the script rejects its arguments: stagewright validate PIPELINE shows it before a run",
        SCRIPTS,
    ),
    Rule(
        r"\b(?:Syntax|Indentation|Tab)Error: ",
        "stagewright validate PIPELINE shows the file and the line before a run",
    ),
    Rule(
        r"No space left on device|Errno 28\b|ENOSPC|[Dd]isk (?:is )?full|ran out of disk",
        "raise {stage}.volume_size_gb; on the local target, free space on this machine's disk",
    ),
    Rule(
        MEMORY,
        "choose a larger {stage}.instance_type, or let the script read less at once",
    ),
    Rule(MEMORY, "choose a larger {stage}.capacity (Python shell) or {stage}.worker_type (Spark)"),
    Rule(
        KILLED,
        "the system killed the job, most likely because memory ran out: choose a larger"
        " {stage}.instance_type, or let the script read less at once",
        SCRIPTS,
    ),
    Rule(
        r"MaxWaitTimeExceeded|MaxWaitTimeInSeconds",
        "raise {stage}.max_wait_seconds, or set {stage}.spot to false",
    ),
    Rule(
        r"max_runtime_seconds|MaxRuntimeExceeded|MaxRuntimeInSeconds|States\.Timeout",
        "raise {stage}.max_runtime_seconds",
    ),
    Rule(
        r"timed out while waiting for a response",
        "a model must answer within 60 s (InvokeEndpoint): make it faster, or use a transform stage",
    ),
    Rule(
        r"is not authorized to perform: (?P<action>[\w:-]+)|Access ?Denied|403 Forbidden",
        _permission,
    ),
    Rule(
        r"PermissionError|Read-only file system",
        "a job may write to /opt/ml/model, /opt/ml/output, /opt/ml/checkpoints and /tmp",
        TRAINING,
    ),
    Rule(
        r"PermissionError|Read-only file system",
        "a job may write to the folders of {stage}.outputs and to /tmp",
        ("processing",),
    ),
    Rule(
        r"ResourceLimitExceeded|LimitExceededException",
        "request a higher quota in Service Quotas, or choose another {stage}.instance_type",
    ),
    Rule(
        r"CapacityError|(?i:insufficient ?(?:instance ?)?capacity)",
        "AWS has no free instances now: set {stage}.retry, or another {stage}.instance_type",
    ),
    Rule(
        r"Found no NVIDIA driver|No CUDA GPUs are available|Torch not compiled with CUDA",
        "choose a {stage}.instance_type with a GPU, such as ml.g5.xlarge, or let the script use the CPU",
    ),
    Rule(
        r"bad interpreter|\$'\\r'|\^M\b|(?i:exec format error)",
        "save the shell script as UTF-8 with Unix line endings (LF)",
        SCRIPTS,
    ),
)
"""The first rule that fits gives the remedy."""
