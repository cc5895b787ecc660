"""Lambda and Callback steps -> lambda and callback stages."""

from __future__ import annotations

from stagewright.migration.converted import Stage
from stagewright.migration.requests.request import Request


def function(of: Request, arn: str) -> Stage:
    """The arguments of the step are the event. The function's code is not in the definition."""
    remedy = "tag the function stagewright:installation; on this machine, name its code in sample_functions"
    of.note("FunctionArn", "the function must belong to the installation", remedy)
    payload = dict(of.data)
    return {"kind": "lambda", "function": arn, **({"payload": payload} if payload else {})}


def callback(of: Request, queue: str) -> Stage:
    """The arguments of the step are those of the message, which also has its token."""
    remedy = "tag the queue stagewright:installation, and return the token with SendTaskSuccess"
    of.note("SqsQueueUrl", "the token is one of Step Functions, not of SageMaker", remedy)
    payload = dict(of.data)
    return {"kind": "callback", "queue": queue, **({"payload": payload} if payload else {})}
