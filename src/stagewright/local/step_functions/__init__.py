"""Step Functions for state machines in JSONata: runs a definition and writes its history as AWS does.

`execution.run` takes a definition, a function that performs tasks, and a clock. It needs no server, and
nothing else of Stagewright. Sources of its behavior:

- the Amazon States Language specification, and the Step Functions developer guide
- histories that LocalStack's tests recorded on AWS (github.com/localstack/localstack,
  tests/aws/services/stepfunctions); tests/local/step_functions repeats some
- what sfnx measured on AWS (github.com/iwamot/sfnx, docs/design.md)
- the end of a history of 25,000 events (github.com/floci-io/floci, issue 2734)

Not supported: JSONPath, distributed Map states, activities, and Lambda functions as a task's resource.
"""
