"""The reference page of the pipeline document, generated from the models."""

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
from stagewright.syntax.fields import DURATION, NAME_RULES, REFERENCE, RUN, Model

_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "anything"}
_TYPES = {
    "text": "text",
    "number": "number",
    "flag": "true or false",
    "uri": "S3 URI",
    "package": "model package",
    "model": "SageMaker model",
}

_PATTERN_TYPES = {
    DURATION: "duration such as `10m` or `7d`",
    REFERENCE: "reference such as `${parameters.size}`",
    RUN: "run ID",
}
"""Pattern of a text -> its name as a type, instead of `text` with the pattern in words."""

_HEAD = """# The pipeline document

Generated from the models (`make docs`); do not edit. Unknown keys are rejected.
"""

_EXAMPLE = """## Example

Two training stages run in parallel. A gate ends the run if the model is not good enough.

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

A plan shows the order of execution as waves. The stages of a wave run in parallel; the next wave starts when
the wave has ended. `a -> b` is a chain: stages that run one after another within a wave.
"""

_SCRIPTS = """## Scripts

A processing script reads `/opt/ml/processing/input/<name>` and writes `/opt/ml/processing/output/<name>`.

| script | arguments | environment variables | packages |
|---|---|---|---|
| training, tuning | the hyperparameters | `SM_*` and `environment` | image and requirements.txt |
| processing | `arguments` | `environment`, no `SM_*` | image; a `.sh` script can call pip |
| serving | none | `environment` | image and requirements.txt |

Put requirements.txt in the root of the code folder.

`validate`, `plan`, `run`, `push` and `resume` check the code of the enabled stages. They read it and never
run it.

| found | result |
|---|---|
| a script, or a file that it surely imports, that the image's Python cannot parse | error |
| a shell script with Windows line endings or a byte order mark, as the script of a stage | error |
| the same mistakes in other files of a stage | warning |
| a hyperparameter, range or argument that the script's `argparse` rejects, or that it misses | warning |
| an import that neither the image, the stage's files nor requirements.txt has | warning |
| a file that the script imports and `include` leaves out | warning |
| a requirements.txt in a subfolder | warning |

There is no warning where the source does not show it: `parse_known_args`, other parsers than `argparse`,
imports in `try` or in a function, scripts that call pip, and images whose packages are not known.

One script can train and serve. Serving imports it, so put the training code under
`if __name__ == "__main__":`. Serving calls these functions. The scikit-learn image has defaults for all but
`model_fn`:

```python
def model_fn(model_dir: str): ...                        # load the model from the files of model.tar.gz
def input_fn(body: str | bytes, content_type: str): ...  # parse the body of a request
def predict_fn(data, model): ...                         # predict
def output_fn(prediction, accept: str): ...              # return the body, or body and content type
```
"""

_REFERENCES = """## References

`${parameters.size}` is replaced by the value of the parameter. If a text consists of one reference, it takes
the type of the value. In a longer text, the value becomes part of the text. Write `$${` for a literal `${`.

A stage runs after every stage that it refers to. A reference to a disabled stage resolves to its last good
result in the same partition. An argument, an environment variable or a hyperparameter cannot consist of a
number that is known only during the run; use it in a longer text.

| reference | available for | type | known | description |
|---|---|---|---|---|
"""

_TUNED = """## Train with tuned hyperparameters

A tuning stage trains on a part of the data only. To train on all data, refer to its best hyperparameters in a
training stage. While `tune` is disabled, the references resolve to its last good result. Each value is the
text that the tuning script received: `0.1`, `squared_error`, `True`.

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

_GATES = """## Conditions of a gate

```yaml
kind: gate
require:
  - "${{stages.evaluate.metrics.r2}} >= ${{champion.evaluate.metrics.r2}} - 0.01"
  - "${{stages.evaluate.metrics.mae}} < 20000 or ${{stages.evaluate.metrics.r2}} > 0.95"
else: stop
```

A condition consists of comparisons, joined by `and`, `or` and `not`, and grouped by `(` and `)`. A comparison
compares two values by one of {operators}. A value is a reference, a number, a text in single or double
quotes, or a computation with {arithmetic}. Texts can be compared only by `==` and `!=`. If `require` is a
list, all its conditions must hold.

The *champion* is the newest approved version of the model that the document registers. The document must have
exactly one register stage. `${{champion.<stage>.metrics.<name>}}` is a metric of a stage in the run that made
the champion.

- While there is no champion, a comparison with it is true.
- A comparison with a missing value, or with a division by zero, is false. So is its negation.
- A gate is not run again just because it let the champion through.
"""

_AMBIGUOUS = """## Rejected YAML

Stagewright and Terraform read the same file. Plain texts that YAML readers interpret differently are
therefore rejected, with a remedy. Also rejected: repeated keys, keys that are not texts, anchors, aliases,
tags, several documents in a file, and numbers that JSON cannot store exactly.

| examples | reason |
|---|---|
"""


def document_reference() -> str:
    """Return the page as Markdown: an example, every field, references, conditions and rejected YAML."""
    parts = [_HEAD, _EXAMPLE, *_section("The document", Pipeline), *_section("`defaults`", Defaults)]
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
        _AMBIGUOUS + _table(_ambiguous_scalars()),
    ]
    return "\n".join(parts)


def _section(title: str, model: type[BaseModel]) -> list[str]:
    head = "| field | type | default | description |\n|---|---|---|---|\n"
    return [f"## {title}\n", f"{cleandoc(model.__doc__ or '')}\n", head + _table(_fields(model))]


def _nested(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield field and model of each mapping with fields of its own that only this kind has."""
    for name, field in model.model_fields.items():
        if name not in Stage.model_fields:
            for nested in models(field.annotation):
                yield name, nested


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    accepted = accepted_references(model)
    for name, field in model.model_fields.items():
        description = describe(model, name)
        accepts = accepted[name]
        if accepts:
            every = len(accepts.types) == len(_TYPES)
            types = "any type" if every else " or ".join(_TYPES[type_] for type_ in accepts.types)
            when = ", known before the run" if accepts.known == "plan" else ""
            description += f" Accepts references: {types}{when}."
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
    """Return a type in words, with its limits."""
    if get_origin(annotation) is Annotated:
        return _type(annotation.__origin__, annotation.__metadata__)
    limits = _limits(metadata)
    if named := _PATTERN_TYPES.get(limits.get("pattern", "")):
        return named
    words = _limit_words(limits, "entries" if get_args(annotation) else "characters")
    return _bare_type(annotation) + (f" ({'; '.join(words)})" if words else "")


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
    return ", or ".join(dict.fromkeys(_type(member) for member in arguments if member is not NoneType))


def _limits(metadata: list[Any] | tuple[Any, ...]) -> dict[str, Any]:
    return {
        name: value
        for item in metadata
        for part in (item, *getattr(item, "metadata", ()))
        for name in ("ge", "le", "pattern", "max_length")
        if (value := getattr(part, name, None)) is not None
    }


def _limit_words(limits: dict[str, Any], unit: str) -> list[str]:
    words = []
    if "pattern" in limits:
        words.append(NAME_RULES[limits["pattern"]])
    if limits.get("max_length") not in (None, STAGE_LIMIT):
        words.append(f"at most {limits['max_length']:,} {unit}")
    if "ge" in limits:
        low = limits["ge"]
        words.append(f"{low:,} to {limits['le']:,}" if "le" in limits else f"at least {low:,}")
    return words


def _references() -> Iterator[tuple[str, ...]]:
    yield (
        "`${parameters.<name>}`",
        "every document",
        "that of the parameter",
        "before the run",
        "The value of a parameter.",
    )
    about = "A metric of the champion. See *Conditions of a gate*."
    yield "`${champion.<stage>.metrics.<name>}`", "gates", "number", "before the run", about
    for path, value in VALUES.items():
        yield f"`${{{'.'.join(path)}}}`", "every document", "text", "before the run", value.description
    for word, stage_value in STAGE_VALUES.items():
        name = ".<name>" if stage_value.named else ""
        kinds = ", ".join(kind for kind, row in KINDS.items() if word in row.schema.values)
        known = "during the run" if stage_value.meaning.known == "run" else "before the run"
        kind_of_value = _TYPES[stage_value.meaning.type]
        yield f"`${{stages.<stage>.{word}{name}}}`", kinds, kind_of_value, known, stage_value.description


def _ambiguous_scalars() -> Iterator[tuple[str, ...]]:
    for form in AMBIGUOUS_SCALARS:
        yield ", ".join(f"`{example}`" for example in form.examples), form.reading
