from _sagemaker_toolkit.entry_point import _wait_hostname_resolution  # noqa: F401
