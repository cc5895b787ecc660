"""Stagewright: a reusable MLOps framework for Amazon SageMaker.

How a change becomes a served model, once, in order:

1. A pipeline is a **document** (`spec`): parameters, triggers, and stages that can each be switched on or
   off. People write YAML (`specfile`); everything else passes JSON.
2. A push uploads the code files, then a **release manifest**, last (`run.release`). The manifest's *Object
   Created* event is matched by a rule (`installation.rules`), waits in a queue, and reaches the **router**
   (`router.router`).
3. The router reads the document from DynamoDB, applies the trigger's parameters, records the effective
   document as a numbered **revision**, and **plans** (`plan`): which stages run, which reuse an earlier
   result, which are skipped, why, and the exact AWS request of each. One conditional write claims the
   event; then the execution starts (`run.start`). The same event delivered again does nothing more.
4. One **state machine** (`workflow`) walks any plan: it reads the requests from DynamoDB, binds the values
   that exist only now, calls SageMaker, and records each stage's **result** when it ends.
5. The **recorder** (`router.recorder`) writes down how the run ended; the **sweeper** (`router.sweeper`)
   repairs what an undelivered event left behind.

On a laptop the same artifacts run against a local server (`local`): the same state machine, function code,
event patterns and requests, with a SageMaker that really runs the jobs.
"""

from __future__ import annotations

__version__ = "0.1.0"
