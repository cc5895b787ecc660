import json
import pathlib
import platform

out = pathlib.Path("/opt/ml/processing/output")
numbers = list(range(1, 11))
(out / "train" / "numbers.txt").write_text("\n".join(map(str, numbers)))
(out / "train" / "metrics.json").write_text(json.dumps({"count": len(numbers)}))
(out / "test" / "rows.csv").write_text("1\n2\n3\n")
# For tools/aws_facts/job_facts.py: a link in an output, and the Python of the image.
(out / "test" / "link.csv").symlink_to(out / "test" / "rows.csv")
(out / "test" / "python.json").write_text(json.dumps(platform.python_version()))
