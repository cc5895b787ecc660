"""Stagewright: a reusable MLOps framework for Amazon SageMaker.

How a change becomes a deployed model, in order:

1. A pipeline is a **document** (`document`): parameters, triggers, and stages that can be enabled and
   disabled. People write YAML (`document.file`); all later steps use JSON.
2. A push uploads the code files and then a **release manifest** (`runs.releases.push`). S3 sends an *Object
   Created* event for the manifest. A rule (`installation.rules`) sends it to a queue, which invokes the
   **router** (`functions.router`).
3. The router claims the event and makes a **run** of it (`runs.lifecycle`; read that module first). It reads
   the document from DynamoDB, records it as a numbered **revision**, and **plans** (`planner`): which stages
   run, which reuse an earlier result, which are skipped, why, and the exact AWS request of each. Then it
   starts the execution. A redelivery of the event starts no second run.
4. One **state machine** (`state_machine`) executes every plan. It reads the requests from DynamoDB, adds the
   values that exist only at run time, calls SageMaker, and records the **result** of each stage.
5. The **recorder** (`functions.recorder`) closes the run. The **sweeper** (`functions.sweeper`,
   `runs.reconcile`) repairs what a lost event left unfinished.

On a laptop the same artifacts run against a local server (`local`): the same state machine, function code,
event patterns and requests, with a SageMaker that runs the jobs as processes (`sagemaker_local`).
"""

from __future__ import annotations

__version__ = "0.1.0"
