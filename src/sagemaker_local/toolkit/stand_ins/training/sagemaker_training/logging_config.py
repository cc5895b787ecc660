from _sagemaker_toolkit.logs import *  # noqa: F403
