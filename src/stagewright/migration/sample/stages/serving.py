"""The stages model, transform and endpoint."""

from __future__ import annotations

from stagewright.migration.converted import Stage
from stagewright.migration.sample.stages.conversion import REMEDY, Conversion, enabled, unquoted
from stagewright.syntax.references import escape


def model(of: Conversion) -> Stage:
    if not of.item.mapping("model_para") or not of.has_model("create_model"):
        return {}
    name = of.item.text("model_para", "model_name")
    of.note("model_para.model_name", f"{name!r} dropped", "models are named after their run and stage")
    return {"kind": "model", **enabled(of, "create_model"), **_served(of)}


def transform(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("transform_para") or not _can_transform(of):
        return {}
    name = item.text("transform_para", "job_name")
    of.note("transform_para.job_name", f"{name!r} dropped", "jobs are named after their run and stage")
    if item.flag("transform_job"):
        reason = "its input file has a header and the label, and both are sent to the model"
        of.note("transform_para", reason, "write a file without them in preprocessing, and set it as `input`")
    output = item.text("transform_para", "output")
    return {
        "kind": "transform",
        **enabled(of, "transform_job"),
        "model": "${stages.model.name}",
        "input": of.prepared("test_data"),
        **of.after_preprocessing(),
        **({"output": of.paths.output(output)} if output else {}),
        "input_filter": "$[1:]",
        "accept": "text/csv",
        "instance_type": "ml.m4.xlarge",
    }


def _can_transform(of: Conversion) -> bool:
    """Whether the item has what the job reads: a model and test data."""
    if not of.item.mapping("model_para"):
        return of.lacks("transform_job", "the item has no model_para", "add model_para")
    if not of.prepared("test_data"):
        return of.lacks("transform_job", "the item has no output_test_data_path", "add it to preprocessing")
    return of.has_model("transform_job")


def endpoint(of: Conversion) -> Stage:
    item = of.item
    if not item.mapping("endpoint_para") or not of.has_model("create_endpoint"):
        return {}
    has_config, has_endpoint = item.flag("create_endpoint_config"), item.flag("create_endpoint")
    of.note(
        "config_para.config_name", f"{item.text('config_para', 'config_name')!r} dropped",
        "each version of the endpoint has its own configuration; old ones are removed",
    )  # fmt: skip
    if has_config != has_endpoint:
        switch = "Y" if has_config else "N"
        of.note(
            "create_endpoint_config",
            f"{switch} alone creates no endpoint, so the stage is off",
            "set enabled: true to create one",
        )
    name = item.text("endpoint_para", "endpoint_name")
    stage: Stage = (
        {"kind": "endpoint"} if has_config and has_endpoint else {"kind": "endpoint", "enabled": False}
    )
    return stage | _served(of) | ({"name": name} if name else {}) | {"instance_type": "ml.t2.medium"}


def _served(of: Conversion) -> Stage:
    program = unquoted(of.item.text("model_para", "environment", "SAGEMAKER_PROGRAM"))
    of.item.get("model_para", "environment", "SAGEMAKER_SUBMIT_DIRECTORY")
    stage: Stage = {"model": f"${{stages.{of.trained}.model}}"}
    if program and program not in of.scripts.files:
        of.refuse("model_para.environment.SAGEMAKER_PROGRAM", f"no {program} among the scripts", REMEDY)
    included = sorted(of.scripts.unpacked - {program})
    more = {"entry_point": program, **({"include": included} if included else {})} if program else {}
    own = ("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY")
    environment = of.item.mapping("model_para", "environment")
    rest = {name: escape(str(value)) for name, value in environment.items() if name not in own}
    return stage | more | ({"environment": rest} if rest else {})
