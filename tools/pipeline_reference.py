"""The reference of the document, as Markdown made from the models, so that it cannot be out of date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stagewright.document.budget import Budget
from stagewright.document.field_descriptions import describe
from stagewright.document.pipeline import STAGE_LIMIT, Pipeline
from stagewright.document.reference_sites import accepted_references
from stagewright.document.reference_values import STAGE_VALUES, VALUES
from stagewright.document.schema_errors import models
from stagewright.document.triggers import TRIGGERS
from stagewright.stages.base.schema import Cache, Defaults, Retry, Stage
from stagewright.stages.registry import KINDS
from stagewright.syntax.ambiguous_scalars import AMBIGUOUS_SCALARS
from stagewright.syntax.condition import ARITHMETIC, OPERATORS
from stagewright.syntax.fields import NAME_RULES, Model

_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "anything"}
_TAKEN = {
    "text": "text",
    "number": "number",
    "flag": "true or false",
    "uri": "S3 URI",
    "package": "model package",
    "model": "SageMaker model",
}

_HEAD = """# The pipeline document

Made from the models; do not edit. A key that is not here is refused, with the nearest one that is.
"""

_EXAMPLE = """## A complete example

Two branches that run side by side, and a gate that decides between a new version and the end of the run.

```yaml
name: churn
parameters: {min_auc: 0.8}
sample_data: {raw/churn/: data/customers.csv}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers:
  - {type: code}
stages:
  features:
    kind: processing
    code: features.py
    arguments: ["--months", "12"]
    inputs: {customers: "s3://${bucket}/raw/churn/"}
    outputs: [train, test]
  trees:
    kind: training
    entry_point: trees.py
    channels: {train: "${stages.features.outputs.train}"}
    hyperparameters: {n-estimators: 300}
    metrics: {auc: 'AUC: ([0-9.]+)'}
  linear:
    kind: training
    entry_point: linear.py
    channels: {train: "${stages.features.outputs.train}"}
    metrics: {auc: 'AUC: ([0-9.]+)'}
  compare:
    kind: processing
    code: compare.py
    inputs:
      trees: "${stages.trees.model}"
      linear: "${stages.linear.model}"
      test: "${stages.features.outputs.test}"
    outputs: [report]
    metrics_file: report/metrics.json
  quality:
    kind: gate
    require: "${stages.compare.metrics.auc} >= ${parameters.min_auc}"
  register:
    kind: register
    after: [quality]
    model: "${stages.trees.model}"
    entry_point: trees.py
    approval: approved
  deploy:
    kind: endpoint
    model: "${stages.register.package}"
```

A plan prints the order as waves: what is in one wave runs side by side, and the next wave starts when all of
it has ended. `a -> b` is a chain within a wave.
"""

_SCRIPTS = """## What a script is given

| script | arguments | variables | packages |
|---|---|---|---|
| of training, tuning | the hyperparameters | `SM_*` and `environment` | also the requirements.txt beside it |
| of a processing stage | `arguments` | `environment`; no `SM_*` | the image's; a `.sh` script may call pip |
| that serves | none | `environment` | also the requirements.txt beside it |

The requirements.txt that counts stands at the root of the code folder.
A processing script reads `/opt/ml/processing/input/<name>` and writes `/opt/ml/processing/output/<name>`.
One script may train and serve. What trains stands under `if __name__ == "__main__":`, since the script is
imported to be served. Serving calls these functions of it; scikit-learn's image has defaults for all but the
first:

```python
def model_fn(model_dir: str): ...                    # the model, from the files of model.tar.gz
def input_fn(body: str | bytes, content_type: str): ...  # the data, from a request
def predict_fn(data, model): ...                     # the prediction
def output_fn(prediction, accept: str): ...          # the answer: its body, or body and content type
```
"""

_REFERENCES = """## References

`${...}` stands for a value. A text that is one reference and nothing else takes the value's own type; inside
a longer text the value becomes part of the text. Write `$${` for the text `${` itself.

A stage waits for every stage that it refers to. A reference to a stage that is off stands for its last good
result in the same partition. A number known only during the run cannot be the whole of a text (an argument, a
variable, a hyperparameter).

| reference | of | type | known | what it is |
|---|---|---|---|---|
"""

_TUNED = """## Training with tuned values

A tuning stage's best training job has seen the part of the data that it learned from. A training stage that
takes its hyperparameters by reference trains on all of it; with `tune` off they are those of its last good
result. A value is the text that the script was given: `0.1`, `squared_error`, `True`.

```yaml
tune:
  kind: tuning
  entry_point: train.py
  channels: {train: "${stages.prepare.outputs.train}"}
  hyperparameters: {epochs: 30}
  ranges:
    rate: {type: continuous, min: 0.01, max: 0.3}
    loss: {type: categorical, values: [squared_error, huber]}
  metrics: {mae: 'MAE: ([0-9.]+)'}
  objective: {metric: mae, goal: minimize}
train:
  kind: training
  entry_point: train.py
  channels: {train: "${stages.prepare.outputs.all}"}
  hyperparameters:
    epochs: "${stages.tune.hyperparameters.epochs}"
    rate: "${stages.tune.hyperparameters.rate}"
    loss: "${stages.tune.hyperparameters.loss}"
```
"""

_GATES = """## What a gate requires

Comparisons of two values, by one of {operators}, joined by `and`, `or` and `not`; `(` and `)` group. A value
is a reference, a number, a text in single or double quotes, or numbers computed by {arithmetic}. Numbers
compare with numbers; texts with texts, by `==` and `!=` alone.

`${{champion.<stage>.metrics.<name>}}` is that metric of that stage in the run that made the newest approved
version of what the document registers (it needs exactly one register stage). While there is no such version,
a comparison with it holds. A comparison with a value that is missing, or divided by zero, does not hold, nor
does its opposite. A champion that the gate itself has let through is not judged again by its own figures.

```yaml
kind: gate
require:
  - "${{stages.evaluate.metrics.r2}} >= ${{champion.evaluate.metrics.r2}} - 0.01"
  - "${{stages.evaluate.metrics.mae}} < 20000 or ${{stages.evaluate.metrics.r2}} > 0.95"
else: stop
```
"""

_TRAPS = """## YAML that is refused

Some plain texts mean different things to different YAML readers, and the same file is read here and by
Terraform. They are refused, with what to write instead. Also refused: a key twice, keys that are no text,
anchors and aliases, tags, several documents in a file, and numbers that JSON cannot keep exactly.

| such as | why |
|---|---|
"""


def document_reference() -> str:
    """Markdown: every field of every kind, the references, what gates require, the YAML that is refused."""
    parts = [_HEAD, *_section("The document", Pipeline), *_section("`defaults`", Defaults)]
    parts += _section("`budget`", Budget)
    for name, trigger in TRIGGERS.items():
        parts += _section(f"`triggers`: `{name}`", trigger)
    parts += [*_section("`cache` of a stage", Cache), *_section("`retry` of a stage", Retry)]
    for kind, row in KINDS.items():
        parts += _section(f"Stages of kind `{kind}`", row.schema)
        for name, within in _nested(row.schema):
            parts += _section(f"`{name}` of stages of kind `{kind}`", within)
    operators, arithmetic = (" ".join(f"`{each}`" for each in some) for some in (OPERATORS, ARITHMETIC))
    parts += [
        _SCRIPTS,
        _REFERENCES + _table(_references()),
        _TUNED,
        _GATES.format(operators=operators, arithmetic=arithmetic),
        _TRAPS + _table(_traps()),
        _EXAMPLE,
    ]
    return "\n".join(parts)


def _section(title: str, model: type[BaseModel]) -> list[str]:
    head = "| field | type | default | what it is |\n|---|---|---|---|\n"
    return [f"## {title}\n", f"{cleandoc(model.__doc__ or '')}\n", head + _table(_fields(model))]


def _nested(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Field and model of what is a mapping with fields of its own, in this kind alone."""
    for name, field in model.model_fields.items():
        if name not in Stage.model_fields:
            for within in models(field.annotation):
                yield name, within


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    takes = accepted_references(model)
    for name, field in model.model_fields.items():
        description = describe(model, name)
        allowed = takes[name]
        if allowed:
            which = (
                "any type"
                if len(allowed.types) == len(_TAKEN)
                else " or ".join(_TAKEN[t] for t in allowed.types)
            )
            when = ", known before the run" if allowed.known == "plan" else ""
            description += f" References: {which}{when}."
        yield (
            f"`{field.alias or name}`",
            _type(field.annotation, field.metadata),
            _default(field),
            description,
        )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, Model) or value in ((), {}, ""):
        return ""
    return f"`{json.dumps(value)}`"


def _type(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """A type in plain words, with its limits."""
    if get_origin(annotation) is Annotated:
        return _type(annotation.__origin__, annotation.__metadata__)
    return _bare_type(annotation) + _limits(metadata)


def _bare_type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of: {_type(arguments[0])}"
    if arguments:
        return f"mapping of {_type(arguments[0])} to: {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return next((f"`{kind}`" for kind, row in KINDS.items() if row.schema is annotation), "mapping")
    return _WORDS[annotation]


def _union(arguments: tuple[Any, ...]) -> str:
    if {bool, int, float, str} <= set(arguments):
        return "text, number, or true or false"
    return ", or ".join(dict.fromkeys(_type(each) for each in arguments if each is not NoneType))


def _limits(metadata: list[Any] | tuple[Any, ...]) -> str:
    found = {
        name: value
        for each in metadata
        for part in (each, *getattr(each, "metadata", ()))
        for name in ("ge", "le", "pattern", "max_length")
        if (value := getattr(part, name, None)) is not None
    }
    words = []
    if "pattern" in found:
        words.append(NAME_RULES[found["pattern"]])
    if found.get("max_length") not in (None, STAGE_LIMIT):
        words.append(f"at most {found['max_length']} characters")
    if "ge" in found:
        words.append(f"{found['ge']:,} to {found['le']:,}" if "le" in found else f"at least {found['ge']:,}")
    return f" ({'; '.join(words)})" if words else ""


def _references() -> Iterator[tuple[str, ...]]:
    yield "`${parameters.<name>}`", "the document", "its own", "before the run", "A parameter's value."
    about = "That metric, of the champion: see *What a gate requires*."
    yield "`${champion.<stage>.metrics.<name>}`", "gates", "number", "before the run", about
    for path, value in VALUES.items():
        yield f"`${{{'.'.join(path)}}}`", "the run", "text", "before the run", value.description
    for word, stage_value in STAGE_VALUES.items():
        name = ".<name>" if stage_value.named else ""
        kinds = ", ".join(kind for kind, row in KINDS.items() if word in row.schema.values)
        known = "during the run" if stage_value.meaning.known == "run" else "before the run"
        kind_of_value = _TAKEN[stage_value.meaning.type]
        yield f"`${{stages.<stage>.{word}{name}}}`", kinds, kind_of_value, known, stage_value.description


def _traps() -> Iterator[tuple[str, ...]]:
    for trap in AMBIGUOUS_SCALARS:
        yield ", ".join(f"`{example}`" for example in trap.examples), trap.reading
