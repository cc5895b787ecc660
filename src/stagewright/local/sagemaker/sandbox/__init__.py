"""Each job's own /opt/ml, and the end of everything it started."""

from stagewright.local.sagemaker.sandbox.isolation import Isolation, probe
from stagewright.local.sagemaker.sandbox.launcher import Command, Launcher, Process

__all__ = ["Command", "Isolation", "Launcher", "Process", "probe"]
