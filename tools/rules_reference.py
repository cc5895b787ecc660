"""docs/sagemaker-rules.md, from the table of `sagemaker_rules`."""

from __future__ import annotations

from sagemaker_rules.table import RULES

HEAD = """\
# Rules between the fields of SageMaker requests

Generated from the table in `src/sagemaker_rules` (`make docs`). botocore's models do not have these rules, so
boto3 sends a request that breaks one, and AWS refuses it. The planner refuses it before a run starts. The
local SageMaker answers as AWS does: `ValidationException` with the message.

Messages in quotes are AWS's own, as reported at the source. The others say what the source says.
Rules for training jobs also apply to each definition of training jobs in a tuning job.

| rule | about | message | source |
|---|---|---|---|
"""


def rules_reference() -> str:
    rows = []
    for rule in RULES:
        message = rule.message.replace("{", "<").replace("}", ">").replace("|", "\\|")
        shown = f'"`{message}`"' if rule.quoted else f"`{message}`"
        scope = "all requests" if rule.scope == "any" else rule.scope
        rows.append(f"| `{rule.name}` | {scope} | {shown} | {rule.source} |\n")
    return HEAD + "".join(rows)
