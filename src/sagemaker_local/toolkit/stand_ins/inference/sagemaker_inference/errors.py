from _sagemaker_toolkit.errors import *  # noqa: F403
