"""The stages preprocessing and postprocessing: a processing job, a function or a Glue job."""

from __future__ import annotations

from collections.abc import Mapping

from stagewright.migration.s3_paths import PATHS, RUN
from stagewright.migration.stages.conversion import Conversion, Stage, compute, number

INPUT = "/opt/ml/processing/input/"
LOCAL_PATHS = ("/opt/ml/processing/train", "/opt/ml/processing/test", "/opt/ml/processing/output")
OUTPUTS = ("train_data", "test_data", "result_data")
SPARK, SHELL, CALLED = "glue-spark", "glue-python", "lambda"


def preprocessing(of: Conversion) -> Stage:
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
        return glue(of, kind, name)
    remedy = f"write a stage preprocessing; known: sagemaker-processing, {CALLED}, {SHELL}, {SPARK}"
    of.note("preprocessing.job_type", f"{kind!r} is none that the sample ran: it skipped the step", remedy)
    return {}


def glue(of: Conversion, kind: str, name: str) -> Stage:
    """The Glue job is there, with a script of its own; ours brings the stage's script."""
    item = of.item
    script = f"{name}.py"
    if script not in of.scripts.files:
        message = f"it runs the Glue job {name}, and there is no {script} among the scripts"
        of.refuse("preprocessing.job_name", message, "put its script there")
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
        stage |= {"workers": number(workers)} if workers else {}
        stage |= {"worker_type": size} if size else {}
    missing = "JDBCURL, table, secret_id, PARQUET_PATH"
    of.note(
        "preprocessing", f"the sample's step wanted {missing}, which no item has", "add them to arguments"
    )
    return stage | {"arguments": arguments}


def _processing(of: Conversion) -> Stage:
    item = of.item
    command = [str(each) for each in item.entries("preprocessing", "container_entrypoint")]
    stage: Stage = {"kind": "processing", **compute(of, "preprocessing")}
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
        message = f"it runs {script}, which is not among the scripts"
        of.refuse(place, message, "--scripts names the folder of what is at source_code_path")
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


def postprocessing(of: Conversion, made: Mapping[str, Stage]) -> dict[str, Stage]:
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
