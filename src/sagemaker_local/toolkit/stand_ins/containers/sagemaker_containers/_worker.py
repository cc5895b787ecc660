"""The response of a serving script. The server itself is not here."""

from _sagemaker_toolkit.response import *  # noqa: F403
