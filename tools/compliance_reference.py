"""docs/compliance.md: AWS's controls, and how an installation meets each."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stagewright.stages.base.job_settings import FIELDS

FILE = Path(__file__).with_name("compliance.toml")
ANSWERS = {
    "default": "met by default",
    "variable": "met by a variable",
    "document": "met by the document",
    "no": "not met",
    "unused": "no such resource",
    "account": "of the account",
}
VARIABLES = {
    "vpc": ("job_subnet_ids", "job_security_group_ids"),
    "network_isolation": ("job_network_isolation",),
    "encrypt_traffic": ("job_encrypt_traffic",),
    "kms_volume_key": ("job_volume_kms_key_arn", "kms_key_arn"),
    "kms_output_key": ("job_output_kms_key_arn", "kms_key_arn"),
}
"""Setting of jobs -> the Terraform variables that set it; of two keys, the first one wins."""
INTRODUCTION = """\
# Compliance

This page is generated from `tools/compliance.toml` (`make docs`). It lists the controls of AWS Security Hub
for the services that an installation or a run uses, first of all the standard *AWS Foundational Security
Best Practices* (FSBP). Tests compare each answer with a Terraform plan or with the requests of a run.
**Security Hub itself has evaluated no installation.** The table is no certificate: it shows what is left to
you. The VPC, the repositories of your images, CloudTrail and GuardDuty are yours too.

`enforce_job_settings` makes IAM deny jobs, models and endpoints without the settings of the installation.
"""
JOBS = """\
## Jobs, models and endpoints
FSBP has a control for one of these settings only (SageMaker.5). Each is one variable, and reaches these
fields of the requests:

| variable | request | field |
|---|---|---|
"""
NOT_TRAINING = """
Step Functions cannot set inter-container encryption of a training job. With `job_encrypt_traffic`, training
stages of several instances are rejected.
"""


def data() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text())


def nist(content: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    """Return the NIST ids of a control, with the sets of the file in place of their names."""
    text: str = control.get("nist", "")
    return content["nist_sets"][text[1:]] if text.startswith("@") else text


def compliance_reference() -> str:
    content = data()
    parts = [INTRODUCTION, _summary(content), *_services(content), JOBS + "".join(_job_rows()) + NOT_TRAINING]
    return "\n".join([*parts, _sources(content)])


def _summary(content: Mapping[str, Any]) -> str:
    rows = []
    for answer, words in ANSWERS.items():
        counts = Counter(
            control.get("fsbp", True) for control in content["control"] if control["answer"] == answer
        )
        rows.append(f"| {words} | {counts[True]} | {counts[False]} |\n")
    return "| answer | FSBP | other controls |\n|---|---|---|\n" + "".join(rows)


def _services(content: Mapping[str, Any]) -> Iterator[str]:
    services: dict[str, list[str]] = {}
    for control in content["control"]:
        services.setdefault(control["id"].partition(".")[0], []).append(_row(content, control))
    for service, rows in services.items():
        head = "| control | FSBP | NIST 800-53 | answer | how |\n|---|---|---|---|---|\n"
        yield f"## {service}\n{head}{''.join(rows)}"


def _row(content: Mapping[str, Any], control: Mapping[str, Any]) -> str:
    ids = "see AWS's page" if control.get("nist_unread") else nist(content, control) or "none"
    how = [", ".join(f"`{name}`" for name in control.get("variables", ())), control.get("how", "")]
    resource = control.get("resource", "")
    cells = (
        f"{control['id']}: {control['title']}",
        "yes" if control.get("fsbp", True) else "no",
        ids,
        ANSWERS[control["answer"]],
        ". ".join(filter(None, [*how, f"`{resource}`" if resource else ""])),
    )
    return f"| {' | '.join(cells)} |\n"


def _job_rows() -> Iterator[str]:
    for operation, fields in FIELDS.items():
        for setting, path in fields.items():
            variables = " or " if setting.startswith("kms") else " and "
            names = variables.join(f"`{name}`" for name in VARIABLES[setting])
            yield f"| {names} | `{operation}` | `{path}` |\n"


def _sources(content: Mapping[str, Any]) -> str:
    lines = [f"- [{each['title']}]({each['url']}), as of {each['state']}" for each in content["source"]]
    return f"## Sources\nRead on {content['read']}, from stored copies:\n" + "\n".join(lines) + "\n"
