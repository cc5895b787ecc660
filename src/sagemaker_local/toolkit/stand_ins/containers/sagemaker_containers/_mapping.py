from _sagemaker_toolkit.mapping import *  # noqa: F403
