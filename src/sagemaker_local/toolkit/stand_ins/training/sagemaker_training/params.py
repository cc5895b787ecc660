from _sagemaker_toolkit.params import *  # noqa: F403
