"""The default functions of a serving script (sagemaker_containers/_transformer.py)."""

from sagemaker_containers import _encoders, _worker


def default_model_fn(model_dir):  # type: (str) -> object
    raise NotImplementedError(
        "Please provide a model_fn implementation.\n"
        "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
    )


def default_input_fn(input_data, content_type):  # type: (object, str) -> object
    return _encoders.decode(input_data, content_type)


def default_predict_fn(data, model):  # type: (object, object) -> object
    raise NotImplementedError(
        "Please provide a predict_fn implementation.\n"
        "See documentation for predict_fn at https://github.com/aws/sagemaker-python-sdk"
    )


def default_output_fn(prediction, accept):  # type: (object, str) -> _worker.Response
    return _worker.Response(response=_encoders.encode(prediction, accept), mimetype=accept)
