"""Why `make aws-smoke` does not try a fact of docs/fidelity.md: what a confirmation needs."""

from __future__ import annotations

SECOND_ACCOUNT = "needs two accounts"
CHINA = "needs an account in China or GovCloud"
FAULT = "needs a fault of AWS that cannot be caused on purpose"
LONG = "needs jobs that run for hours, or several at once"
PROBE_JOB = "needs a job made for it; only that job's result depends on it"
MACHINE = "needs a state machine made for it, and a role for it"
UNUSED = "nothing in the runs uses it"
VPC = "needs a VPC with endpoints of its own, which the smoke test does not create"
KEY = "needs a customer key, which cannot be removed for at least seven days"
SERVERS = "needs GitLab's or Terraform Cloud's servers, not an AWS account"
BILL = "needs a bill, which AWS completes days later"
PERSON = "needs the role of a person, and a person"
PROVIDER = "needs two applies with different variables, and the newest provider"
UPDATE = "needs an update of an endpoint, which takes most of an hour and a second instance"

REASONS = {
    "F2": PROBE_JOB,
    "F3": PROBE_JOB,
    "F4": PROBE_JOB,
    "F5": PROBE_JOB,
    "F6": "concerns policies of buckets and keys outside the account's installation",
    "F7": VPC,
    "F8": UNUSED,
    "F10": UPDATE,
    "F11": "needs a cause that AWS cuts in the middle of a character",
    "F12": "the speed changes with AWS's load; one measurement confirms nothing",
    "F13": LONG,
    "F14": UNUSED,
    "F18": "needs the stop of a run by the state machine's role",
    "F20": UNUSED,
    "F25": FAULT,
    "F26": UNUSED,
    "F27": UPDATE,
    "F30": LONG,
    "F33": UNUSED,
    "F36": SECOND_ACCOUNT,
    "F37": "needs a function that crashes, and the tag of the installation on it",
    "F38": PROBE_JOB,
    "F42": "the time changes with AWS's load; one measurement confirms nothing",
    "F45": PERSON,
    "F47": UPDATE,
    "F48": UPDATE,
    "F49": PROBE_JOB,
    "F50": PROBE_JOB,
    "F51": LONG,
    "F52": "if AWS accepts a request after all, a tuning job starts",
    "F55": UPDATE,
    "F60": LONG,
    "F61": LONG,
    "F62": "if AWS accepts a request after all, a job or an endpoint starts, one for each rule",
    "F66": PROBE_JOB,
    "F67": PROBE_JOB,
    "F69": "the search index follows minutes to hours later",
    "F71": PROBE_JOB,
    "F72": "needs an endpoint with data capture and requests of every encoding",
    "F74": "the role allows the call on all resources, so either answer works",
    "F78": FAULT,
    "F80": FAULT,
    "F84": PERSON,
    "F85": PERSON,
    "F88": CHINA,
    "F89": CHINA,
    "F90": "needs an alarm that goes off and a subscriber",
    "F91": KEY,
    "F92": PROVIDER,
    "F93": PROVIDER,
    "F94": FAULT,
    "F95": FAULT,
    "F96": SERVERS,
    "F97": SERVERS,
    "F98": "needs the roles of CI, which an administrator creates before",
    "F99": SERVERS,
    "F100": VPC,
    "F101": PERSON,
    "F102": PERSON,
    "F105": "`stagewright prices update` reads the lists without an account",
    "F106": BILL,
    "F107": LONG,
    "F108": BILL,
    "F109": BILL,
    "F110": UNUSED,
    "F111": FAULT,
    "F114": MACHINE,
    "F115": MACHINE,
    "F117": LONG,
    "F118": "needs a call of ValidateStateMachineDefinition for each of a dozen wrong definitions",
    "F119": "needs a job that fails after it has written its outputs",
}
