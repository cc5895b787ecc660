from __future__ import annotations

from stagewright.functions import sweeper
from stagewright.runs.releases.push import push


def test_handler_returns_the_number_of_repairs(function, pipeline, files, context, monkeypatch):
    push(function, pipeline, files)
    assert sweeper.handler({}, context) == {"repairs": 0}
    assert sweeper.handler({"detail": {"patience": 600}}, context) == {"repairs": 0}
    assert sweeper.handler({"detail": {"patience": -1}}, context) == {"repairs": 1}
