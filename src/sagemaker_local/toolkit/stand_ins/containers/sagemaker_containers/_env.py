"""The settings of the job or server, and its folders."""

from _sagemaker_toolkit.environment import *  # noqa: F403
from _sagemaker_toolkit.folders import *  # noqa: F403
