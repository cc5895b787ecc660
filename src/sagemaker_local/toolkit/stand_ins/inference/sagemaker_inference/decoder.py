from _sagemaker_toolkit.inference_codecs import *  # noqa: F403
