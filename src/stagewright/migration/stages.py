"""A stage of the document for each section of an item, as the sample's one state machine ran it.

What stands in no item (instance types of transform and endpoint, limits of tuning) is written there:
statemachines/this.json of the sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.errors import NotFoundError, PlanError, ReleaseError
from stagewright.migration.item import Item, Note
from stagewright.migration.places import PATHS, RUN, Places
from stagewright.migration.scripts import Scripts, options
from stagewright.plan.images import alias_of, resolve

Stage = dict[str, Any]
INPUT = "/opt/ml/processing/input/"
LOCAL_PATHS = ("/opt/ml/processing/train", "/opt/ml/processing/test", "/opt/ml/processing/output")
OUTPUTS = ("train_data", "test_data", "result_data")
SDK = {
    "sagemaker_container_log_level",
    "sagemaker_estimator_class_name",
    "sagemaker_estimator_module",
    "sagemaker_job_name",
    "sagemaker_region",
}
"""Hyperparameters that the SageMaker SDK sets for itself."""
SCRIPT_MODE = {"sagemaker_program", "sagemaker_submit_directory"}
RANGES = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
}
SPARK, SHELL, CALLED = "glue-spark", "glue-python", "lambda"


@dataclass
class Conversion:
    """What the stages are made from, and what there was to say about it."""

    item: Item
    scripts: Scripts
    places: Places
    notes: list[Note] = field(default_factory=list)

    def note(self, place: str, reason: str, remedy: str = "") -> None:
        self.notes.append(Note(place, reason, remedy))

    @property
    def trained(self) -> str:
        """The stage whose model is served: the tuning stage only where nothing else trains."""
        item = self.item
        return "tuning" if item.flag("tuning_job") and not item.flag("training_job") else "training"


def stages(of: Conversion) -> dict[str, Stage]:
    """Name -> stage, in the sample's order."""
    made = {
        "preprocessing": _preprocessing(of),
        "training": _training(of),
        "tuning": _tuning(of),
        "model": _model(of),
        "transform": _transform(of),
        "endpoint": _endpoint(of),
    }
    found = {name: stage for name, stage in made.items() if stage}
    return found | _postprocessing(of, found)


def _preprocessing(of: Conversion) -> Stage:
    item, kind = of.item, of.item.text("preprocessing", "job_type")
    if not item.mapping("preprocessing"):
        return {}
    name = item.text("preprocessing", "job_name")
    if kind == "sagemaker-processing":
        of.note("preprocessing.job_name", f"{name!r} dropped", "a job is called after its run and stage")
        return _processing(of)
    if kind == CALLED:
        remedy = "tag the function stagewright:installation; it answers a JSON object"
        of.note(
            "preprocessing.job_name",
            "the sample added a date to it, so that no such function was found",
            remedy,
        )
        event = {
            "consumption_pipeline_name": "${pipeline}",
            "dataset_date": "${trigger.date}",
            "region": "${region}",
        }
        return {"kind": "lambda", "function": name, "payload": event}
    if kind in (SHELL, SPARK):
        return _glue(of, kind, name)
    remedy = f"write a stage preprocessing; known: sagemaker-processing, {CALLED}, {SHELL}, {SPARK}"
    of.note("preprocessing.job_type", f"{kind!r} is none that the sample ran: it skipped the step", remedy)
    return {}


def _glue(of: Conversion, kind: str, name: str) -> Stage:
    """The Glue job is there, with a script of its own; ours brings the stage's script."""
    item = of.item
    script = f"{name}.py"
    if script not in of.scripts.files:
        raise ReleaseError(
            f"preprocessing runs the Glue job {name}, and there is no {script}", "put its script there"
        )
    of.note(
        "preprocessing.job_name", f"runs {script} in the installation's Glue job", f"job: {name} for your own"
    )
    arguments = {
        "consumption_pipeline_name": "${pipeline}",
        "dataset_date": "${trigger.date}",
        "region": "${region}",
    }
    stage: Stage = {"kind": "glue", "type": "spark" if kind == SPARK else "pythonshell", "code": script}
    if kind == SPARK:
        workers = item.text("preprocessing", "number_of_dpu_job")
        size = item.text("preprocessing", "worker_type_job")
        stage |= {"workers": _number(workers)} if workers else {}
        stage |= {"worker_type": size} if size else {}
    missing = "JDBCURL, table, secret_id, PARQUET_PATH"
    of.note(
        "preprocessing", f"the sample's step wanted {missing}, which no item has", "add them to arguments"
    )
    return stage | {"arguments": arguments}


def _processing(of: Conversion) -> Stage:
    item = of.item
    command = [str(each) for each in item.entries("preprocessing", "container_entrypoint")]
    stage: Stage = {"kind": "processing", **_compute(of, "preprocessing")}
    script = command[-1].partition(INPUT)[2].partition("/")[2] if command else ""
    if script:
        stage |= _script(of, command, script)
    else:
        stage |= {"entrypoint": command}
    arguments = [
        of.places.argument(str(each)) for each in item.entries("preprocessing", "container_argument")
    ]
    stage |= {"arguments": arguments} if arguments else {}
    source, other = (
        item.text("preprocessing", "source_code_path"),
        item.text("preprocessing", "entrypoint_path"),
    )
    if other and other != source:
        stage["inputs"] = {"entrypoint": of.places.uri(other)}
    elif other:
        where = f"{INPUT}entrypoint"
        of.note(
            "preprocessing.entrypoint_path",
            f"the code was downloaded twice; {where} is not there",
            f"read {INPUT}code",
        )
    return stage | _outputs(of) | {"max_runtime_seconds": 7200}


def _script(of: Conversion, command: list[str], script: str) -> Stage:
    place = "preprocessing.container_entrypoint"
    if script not in of.scripts.files:
        message = f"{place}: it runs {script}, which is not among the scripts"
        raise ReleaseError(message, "--scripts names the folder of what is at source_code_path")
    beside = [path for path in of.scripts.beside if path != script]
    runner = "/bin/bash" if script.endswith(".sh") else "python3"
    if command[:-1] != [runner]:
        of.note(place, f"{' '.join(command[:-1])} became {runner}", "a stage's script is run by that")
    return {"code": script, **({"include": beside} if beside else {})}


def _outputs(of: Conversion) -> Stage:
    """Under the sample's names, from the sample's folders, at a place of the run's own."""
    own: dict[str, str] = {}
    listed = []
    for name, path, folder in zip(OUTPUTS, PATHS, LOCAL_PATHS, strict=True):
        uri = of.item.text("preprocessing", path)
        if not uri:
            continue
        own[name] = of.places.output(uri)
        if of.places.is_fixed(uri) and RUN not in own[name]:
            of.note(
                f"preprocessing.{path}",
                "the code names this place, so every run writes there",
                "pass it as argument",
            )
        target = {"S3Uri": own[name], "LocalPath": folder, "S3UploadMode": "EndOfJob"}
        listed.append({"OutputName": name, "S3Output": target})
    return {"outputs": own, "request": {"ProcessingOutputConfig": {"Outputs": listed}}} if own else {}


def _training(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("training"):
        return {}
    _moved(of, "training.output_path", "training.job_name")
    stage = {"kind": "training", **_enabled(of, "training_job"), **_compute(of, "training")}
    stage |= _entry_point(of, "training", "hyperparameters") | _channels(of)
    given = _hyperparameters(of, "training", "hyperparameters", stage.get("entry_point", ""))
    return stage | given | _metrics(of, "training") | {"max_runtime_seconds": 86_400}


def _tuning(of: Conversion) -> Stage:
    item = of.item
    ranges = _ranges(of)
    if not ranges:
        return {}
    _moved(of, "tuning.output_path", "tuning.job_name")
    goal = item.mapping("tuning", "hyperparametejobobjective")
    stage: Stage = {"kind": "tuning", **_enabled(of, "tuning_job"), **_compute(of, "tuning")}
    stage |= _entry_point(of, "tuning", "statichyperparameters") | _channels(of)
    stage |= _hyperparameters(of, "tuning", "statichyperparameters", stage.get("entry_point", ""))
    stage |= {"ranges": _renamed(of, "tuning.parameterranges", ranges, stage.get("entry_point", ""))}
    stage |= {"objective": {"metric": goal.get("MetricName", ""), "goal": str(goal.get("Type", "")).lower()}}
    if item.flag("tuning_job") and of.trained == "training":
        remedy = "to use it, write ${stages.tuning.model} for ${stages.training.model}"
        of.note("tuning_job", "the best model is served by nothing, as in the sample", remedy)
    return (
        stage
        | _metrics(of, "tuning")
        | {"max_jobs": 10, "max_parallel_jobs": 5, "max_runtime_seconds": 86_400}
    )


def _model(of: Conversion) -> Stage:
    if not of.item.mapping("model_para"):
        return {}
    name = of.item.text("model_para", "model_name")
    of.note("model_para.model_name", f"{name!r} dropped", "a model is called after its run and stage")
    return {"kind": "model", **_enabled(of, "create_model"), **_served(of)}


def _transform(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("transform_para"):
        return {}
    name = item.text("transform_para", "job_name")
    of.note("transform_para.job_name", f"{name!r} dropped", "a job is called after its run and stage")
    if item.flag("transform_job"):
        reason = "the file it predicts for has a header and the label, and both go to the model"
        of.note(
            "transform_para", reason, "let preprocessing write a file without them, and name it in `input`"
        )
    output = item.text("transform_para", "output")
    return {
        "kind": "transform",
        **_enabled(of, "transform_job"),
        "model": "${stages.model.name}",
        "input": "${stages.preprocessing.outputs.test_data}",
        **({"output": of.places.output(output)} if output else {}),
        "input_filter": "$[1:]",
        "accept": "text/csv",
        "instance_type": "ml.m4.xlarge",
    }


def _endpoint(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("endpoint_para"):
        return {}
    configured, wanted = item.flag("create_endpoint_config"), item.flag("create_endpoint")
    of.note(
        "config_para.config_name", f"{item.text('config_para', 'config_name')!r} dropped",
        "each version of the endpoint has a configuration of its own; old ones are removed",
    )  # fmt: skip
    if configured != wanted:
        said = "Y" if configured else "N"
        of.note(
            "create_endpoint_config",
            f"{said} alone makes no endpoint: the stage is off",
            "enabled: true for one",
        )
    name = item.text("endpoint_para", "endpoint_name")
    stage: Stage = {"kind": "endpoint"} if configured and wanted else {"kind": "endpoint", "enabled": False}
    return stage | _served(of) | ({"name": name} if name else {}) | {"instance_type": "ml.t2.medium"}


def _postprocessing(of: Conversion, made: Mapping[str, Stage]) -> dict[str, Stage]:
    """The sample ran preprocessing again; a stage of its own can be made to do something."""
    first = made.get("preprocessing", {})
    if not of.item.flag("postprocessing_job"):
        of.note(
            "postprocessing_job",
            "off, and the sample had nothing to configure for it",
            "add a processing stage",
        )
        return {}
    if first.get("kind") != "processing":
        of.note(
            "postprocessing_job",
            "it ran preprocessing's job again, which is none here",
            "write a processing stage",
        )
        return {}
    of.note(
        "postprocessing_job", "does what preprocessing does, as in the sample", "give it `code` of its own"
    )
    again = {name: value for name, value in first.items() if name not in ("outputs", "request")}
    return {
        "postprocessing": again
        | {"after": [name for name, stage in made.items() if stage.get("enabled", True)]}
    }


def _enabled(of: Conversion, flag: str) -> Stage:
    return {} if of.item.flag(flag) else {"enabled": False}


def _compute(of: Conversion, section: str) -> Stage:
    item = of.item
    instance = item.text(section, "instance_type")
    own = item.text(section, "image_url")
    image = image_of(own, instance) if own and own != item.text("training", "image_url") else ""
    return {**({"image": image} if image else {}), **({"instance_type": instance} if instance else {})}


def image_of(uri: str, instance_type: str) -> str:
    """The alias that stands for exactly this image in its region; else the URI."""
    try:
        found = alias_of(uri)
        alias = f"{found.framework}-{found.version}"
        region = uri.split(".")[3]
        return alias if resolve(alias, region, instance_type) == uri else uri
    except (NotFoundError, PlanError, IndexError):
        return uri


def _entry_point(of: Conversion, section: str, block: str) -> Stage:
    """Script mode's program, which is in the tarball."""
    item = of.item
    program = _unquoted(item.text(section, block, "sagemaker_program"))
    tarball = _unquoted(item.text(section, block, "sagemaker_submit_directory"))
    if not program:
        return {}
    if program not in of.scripts.files:
        message = f"{section}.{block}.sagemaker_program: no {program} in {tarball or 'a tarball'}"
        raise ReleaseError(message, "--scripts names the folder with the scripts and source.tar.gz")
    included = sorted(of.scripts.unpacked - {program})
    return {"entry_point": program, **({"include": included} if included else {})}


def _served(of: Conversion) -> Stage:
    program = _unquoted(of.item.text("model_para", "environment", "SAGEMAKER_PROGRAM"))
    of.item.get("model_para", "environment", "SAGEMAKER_SUBMIT_DIRECTORY")
    made: Stage = {"model": f"${{stages.{of.trained}.model}}"}
    if program and program not in of.scripts.files:
        message = f"model_para.environment.SAGEMAKER_PROGRAM: no {program} among the scripts"
        raise ReleaseError(message, "--scripts names the folder with the scripts and source.tar.gz")
    included = sorted(of.scripts.unpacked - {program})
    more = {"entry_point": program, **({"include": included} if included else {})} if program else {}
    own = ("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY")
    given = of.item.mapping("model_para", "environment")
    rest = {name: str(value) for name, value in given.items() if name not in own}
    return made | more | ({"environment": rest} if rest else {})


def _channels(of: Conversion) -> Stage:
    """As the state machine has them, whichever kind of job prepared the data."""
    named = (("train", "train_data", PATHS[0]), ("test", "test_data", PATHS[1]))
    by_stage = of.item.text("preprocessing", "job_type") == "sagemaker-processing"
    known = of.item.text("preprocessing", "job_type") in (CALLED, SHELL, SPARK)
    channels = {
        channel: f"${{stages.preprocessing.outputs.{output}}}" if by_stage else of.places.uri(uri)
        for channel, output, path in named
        if (uri := of.item.text("preprocessing", path))
    }
    return {"channels": channels, **({"after": ["preprocessing"]} if known else {})} if channels else {}


def _hyperparameters(of: Conversion, section: str, block: str, script: str) -> Stage:
    given = {}
    for name, value in of.item.mapping(section, block).items():
        if name in SDK:
            of.note(
                f"{section}.{block}.{name}",
                "dropped: the SageMaker SDK's own",
                "Stagewright sets what script mode needs",
            )
        elif name not in SCRIPT_MODE:
            given[name] = of.places.uri(value) if str(value).startswith("s3://") else _number(value)
    return {"hyperparameters": _renamed(of, f"{section}.{block}", given, script)} if given else {}


def _renamed(of: Conversion, place: str, given: Mapping[str, Any], script: str) -> dict[str, Any]:
    """Under the names of the options that the script declares: `n_estimators` would be ignored by one that
    has `--n-estimators`."""
    known = options(of.scripts.files.get(script, b""))
    made = {}
    for name, value in given.items():
        twin = next(
            (each for each in (name.replace("_", "-"), name.replace("-", "_")) if f"--{each}" in known), name
        )
        called = name if f"--{name}" in known or not known else twin
        if called != name:
            of.note(f"{place}.{name}", f"is {called}: so {script} calls it, and would ignore {name}")
        elif known and f"--{name}" not in known:
            of.note(
                f"{place}.{name}",
                f"{script} declares no such option",
                "it may be read elsewhere; else remove it",
            )
        made[called] = value
    return made


def _ranges(of: Conversion) -> dict[str, Stage]:
    made: dict[str, Stage] = {}
    for block, kind in RANGES.items():
        for entry in of.item.maps("tuning", "parameterranges", block):
            if kind == "categorical":
                said: Stage = {"values": [_number(each) for each in entry.get("Values", [])]}
            else:
                said = {"min": _number(entry.get("MinValue")), "max": _number(entry.get("MaxValue"))}
                said |= {"scaling": entry["ScalingType"]} if "ScalingType" in entry else {}
            made[str(entry.get("Name", ""))] = {"type": kind, **said}
    return made


def _metrics(of: Conversion, section: str) -> Stage:
    listed = of.item.maps(section, "metricdefinitions")
    found = {str(each.get("Name", "")): str(each.get("Regex", "")) for each in listed}
    return {"metrics": found} if found else {}


def _moved(of: Conversion, output: str, job: str) -> None:
    for place, why in (
        (output, "each run writes to a place of its own"),
        (job, "a job is called after its run and stage"),
    ):
        value = of.item.text(*place.split("."))
        if value:
            of.note(place, f"{value!r} dropped", why)


def _unquoted(text: str) -> str:
    """Script mode's values may be JSON texts."""
    return text.strip('"')


def _number(value: Any) -> Any:
    """A text that is exactly a number becomes one."""
    text = str(value)
    try:
        number = json.loads(text)
    except ValueError:
        return value
    plain = isinstance(number, int | float) and not isinstance(number, bool) and json.dumps(number) == text
    return number if plain else value


def left(item: Item) -> Iterator[Note]:
    """What an item says beside its stages."""
    for name, (reason, remedy) in DROPPED.items():
        value = item.get(name)
        if value is not None:
            yield Note(name, f"{value!r} dropped: {reason}", remedy)
    for place in item.unread():
        yield Note(
            place, "dropped: nothing of the sample reads it", "add it to the document where it is needed"
        )


DROPPED = {
    "acc_id": ("the installation knows its account", ""),
    "app": ("the sample's router wrote Python's folder (/var/lang) here by mistake, and nothing used it", ""),
    "dataset_date": ("the event's date counted", "${trigger.date} in the document"),
    "env": (
        "the installation is of one environment",
        "environments/<environment>.yaml has what differs in one",
    ),
    "event_source": ("the trigger's", "${trigger.type} in the document"),
    "pipeline_stage": ("only ever passed on", ""),
    "project": (
        "only ever passed on",
        "defaults: {tags: {project: ...}} puts it on everything that a run makes",
    ),
    "region": ("the installation is in one region", ""),
    "sagemaker_role_arn": ("jobs have the installation's role", "give that role what it lacks, in Terraform"),
    "state_machine_name": ("one state machine runs every document", ""),
}
"""Attributes of an item that say nothing about stages."""
