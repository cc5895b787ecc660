"""Errors of the toolkits. The wording is that of sagemaker_containers/_errors.py."""


class ClientError(Exception):
    """A mistake in the script or its input."""


class UnsupportedFormatError(Exception):
    """A content type without a default codec."""

    def __init__(self, content_type: str) -> None:
        self.message = (
            f"Content type {content_type} is not supported by this framework.\n\n"
            "Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "serialize the response. For more information, see the SageMaker Python SDK README."
        )
        super().__init__(self.message)
