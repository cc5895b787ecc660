"""Stagewright as the program that runs the local SageMaker: its names and hints in messages."""

from __future__ import annotations

from sagemaker_local.settings import Program

STAGEWRIGHT = Program(
    "stagewright",
    key_hint="`stagewright env` prints the settings for this one",
    folder_hint="choose another with STAGEWRIGHT_STATE",
    stop_hint="stagewright down",
)
