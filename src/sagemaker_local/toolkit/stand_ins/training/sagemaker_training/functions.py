from _sagemaker_toolkit.functions import *  # noqa: F403
