from _sagemaker_toolkit.modules import *  # noqa: F403
