from _sagemaker_toolkit.codecs import *  # noqa: F403
