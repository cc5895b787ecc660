"""The stages preprocessing and postprocessing: a processing job, a function or a Glue job."""

from __future__ import annotations

from collections.abc import Mapping

from stagewright.migration.converted import Stage
from stagewright.migration.sample.s3_paths import PATHS, RUN
from stagewright.migration.sample.stages.conversion import (
    CALLED,
    PROCESSING,
    SHELL,
    SPARK,
    Conversion,
    compute,
)
from stagewright.migration.scalars import number_or_text as number
from stagewright.syntax.references import escape

INPUT = "/opt/ml/processing/input/"
LOCAL_PATHS = ("/opt/ml/processing/train", "/opt/ml/processing/test", "/opt/ml/processing/output")
OUTPUTS = ("train_data", "test_data", "result_data")


def preprocessing(of: Conversion) -> Stage:
    item, kind = of.item, of.item.text("preprocessing", "job_type")
    if not item.mapping("preprocessing"):
        return {}
    name = item.text("preprocessing", "job_name")
    if kind == PROCESSING:
        of.note("preprocessing.job_name", f"{name!r} dropped", "jobs are named after their run and stage")
        return _processing(of)
    if kind == CALLED:
        remedy = "tag the function stagewright:installation; it must return a JSON object"
        of.note(
            "preprocessing.job_name",
            "the sample added a date to the name, and no such function exists",
            remedy,
        )
        event = {
            "consumption_pipeline_name": "${pipeline}",
            "dataset_date": "${trigger.date}",
            "region": "${region}",
        }
        return {"kind": "lambda", "function": name, "payload": event}
    if kind in (SHELL, SPARK):
        return glue(of, kind, name)
    remedy = f"write a stage preprocessing of the type {PROCESSING}, {CALLED}, {SHELL}, {SPARK}"
    of.note("preprocessing.job_type", f"{kind!r} is unknown to the sample, which skipped the step", remedy)
    return {}


def glue(of: Conversion, kind: str, name: str) -> Stage:
    """A stage that runs the script of the sample's Glue job in the installation's Glue job."""
    item = of.item
    script = f"{name}.py"
    if script not in of.scripts.files:
        message = f"it runs the Glue job {name}, but the scripts have no {script}"
        of.refuse("preprocessing.job_name", message, "add the script of the job")
    of.note(
        "preprocessing.job_name",
        f"runs {script} in the installation's Glue job",
        f"set job: {name} for your own",
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
        stage |= {"workers": number(workers)} if workers else {}
        stage |= {"worker_type": size} if size else {}
    missing = "JDBCURL, table, secret_id, PARQUET_PATH"
    of.note("preprocessing", f"the sample's step needs {missing}, which no item has", "add them to arguments")
    return stage | {"arguments": arguments}


def _processing(of: Conversion) -> Stage:
    item = of.item
    command = [escape(str(entry)) for entry in item.entries("preprocessing", "container_entrypoint")]
    stage: Stage = {"kind": "processing", **compute(of, "preprocessing")}
    script = command[-1].partition(INPUT)[2].partition("/")[2] if command else ""
    if script:
        stage |= _script(of, command, script)
    else:
        stage |= {"entrypoint": command}
    arguments = [
        of.paths.argument(str(entry)) for entry in item.entries("preprocessing", "container_argument")
    ]
    stage |= {"arguments": arguments} if arguments else {}
    source, other = (
        item.text("preprocessing", "source_code_path"),
        item.text("preprocessing", "entrypoint_path"),
    )
    if other and other != source:
        stage["inputs"] = {"entrypoint": of.paths.uri(other)}
    elif other:
        where = f"{INPUT}entrypoint"
        of.note(
            "preprocessing.entrypoint_path",
            f"the sample copied the code twice; {where} does not exist here",
            f"read {INPUT}code",
        )
    return stage | _outputs(of) | {"max_runtime_seconds": 7200}


def _script(of: Conversion, command: list[str], script: str) -> Stage:
    path = "preprocessing.container_entrypoint"
    if script not in of.scripts.files:
        message = f"it runs {script}, which the scripts do not have"
        of.refuse(path, message, "give the files of source_code_path with --scripts")
    included = [file for file in of.scripts.processing_files if file != script]
    runner = "/bin/bash" if script.endswith(".sh") else "python3"
    if command[:-1] != [runner]:
        of.note(path, f"{' '.join(command[:-1])} became {runner}", "a stage runs its script with it")
    return {"code": script, **({"include": included} if included else {})}


def _outputs(of: Conversion) -> Stage:
    """Outputs with the sample's names and folders, at paths of the run."""
    outputs: dict[str, str] = {}
    listed = []
    for name, path, folder in zip(OUTPUTS, PATHS, LOCAL_PATHS, strict=True):
        uri = of.item.text("preprocessing", path)
        if not uri:
            continue
        outputs[name] = of.paths.output(uri)
        if of.paths.is_fixed(uri) and RUN not in outputs[name]:
            of.note(
                f"preprocessing.{path}",
                "the code contains this path, so every run writes there",
                "pass the path as an argument",
            )
        target = {"S3Uri": outputs[name], "LocalPath": folder, "S3UploadMode": "EndOfJob"}
        listed.append({"OutputName": name, "S3Output": target})
    return {"outputs": outputs, "request": {"ProcessingOutputConfig": {"Outputs": listed}}} if outputs else {}


def postprocessing(of: Conversion, made: Mapping[str, Stage]) -> dict[str, Stage]:
    """The stage postprocessing. The sample only ran preprocessing again."""
    first = made.get("preprocessing", {})
    if not of.item.flag("postprocessing_job"):
        of.note(
            "postprocessing_job",
            "off, and the sample has no settings for it",
            "add a processing stage",
        )
        return {}
    if first.get("kind") != "processing":
        of.note(
            "postprocessing_job",
            "it ran the job of preprocessing again, but that stage runs no processing job",
            "write a processing stage",
        )
        return {}
    of.note("postprocessing_job", "does the same as preprocessing, as in the sample", "set its own `code`")
    again = {name: value for name, value in first.items() if name not in ("outputs", "request")}
    return {
        "postprocessing": again
        | {"after": [name for name, stage in made.items() if stage.get("enabled", True)]}
    }
