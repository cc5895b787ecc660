"""Conversion of SageMaker API requests to stages. Systems that keep raw requests share it."""

from __future__ import annotations
