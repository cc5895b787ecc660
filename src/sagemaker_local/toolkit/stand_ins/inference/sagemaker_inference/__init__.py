"""A stand-in for sagemaker-inference 1.10: its codecs, for a Python that lacks the package."""
