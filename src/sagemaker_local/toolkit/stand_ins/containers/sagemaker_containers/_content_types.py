from _sagemaker_toolkit.content_types import *  # noqa: F403
