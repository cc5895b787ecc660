import argparse
import json
import os
import pathlib


def model_fn(folder):
    return json.loads(pathlib.Path(folder, "model.json").read_text())


def input_fn(body, content_type):
    text = body if isinstance(body, str) else body.decode()
    return [float(line) for line in text.split()]


def predict_fn(numbers, model):
    return [number * model["total"] for number in numbers]


def output_fn(answers, accept):
    return "\n".join(map(str, answers)), accept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--factor", type=float)
    factor = parser.parse_args().factor
    numbers = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "numbers.txt").read_text().split()
    total = factor * sum(map(float, numbers))
    print(f"total: {total}")
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps({"total": total}))
