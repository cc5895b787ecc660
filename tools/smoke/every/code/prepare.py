import json
import pathlib

out = pathlib.Path("/opt/ml/processing/output")
numbers = list(range(1, 11))
(out / "train" / "numbers.txt").write_text("\n".join(map(str, numbers)))
(out / "train" / "metrics.json").write_text(json.dumps({"count": len(numbers)}))
(out / "test" / "rows.csv").write_text("1\n2\n3\n")
