from _sagemaker_toolkit.files import *  # noqa: F403
