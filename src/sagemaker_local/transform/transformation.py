"""Transforms one input object into one output object."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sagemaker_local.transform.data_processing import DataProcessing
from sagemaker_local.transform.execution_parameters import ExecutionParameters
from sagemaker_local.transform.json_path import JsonPathError
from sagemaker_local.transform.mini_batches import InputError, MiniBatch, Record, mini_batches, read_records
from sagemaker_local.transform.model_client import CLIENT, InvocationError
from sagemaker_local.transform.record_formats import RecordError


@dataclass(frozen=True)
class Transformation:
    """What all objects of a job share. `requests` limits the number of concurrent requests."""

    processing: DataProcessing
    parameters: ExecutionParameters
    split_type: str
    compression: str
    assemble_with: str
    requests: Executor
    invoke: Callable[[bytes], bytes]

    def run(self, source: Path, target: Path) -> None:
        """Write the responses in the order of the records. On InvocationError no target file is left."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as output:
                for response in self._responses(source):
                    output.write(self._assembled(response))
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _responses(self, source: Path) -> Iterator[bytes]:
        """Sends only as many requests ahead as may run at once, so that a large file needs little memory."""
        waiting: deque[Future[bytes]] = deque()
        try:
            for batch in self._batches(source):
                waiting.append(self.requests.submit(self._response, batch))
                if len(waiting) >= self.parameters.concurrent:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            for future in waiting:
                with suppress(BaseException):
                    future.result()

    def _batches(self, source: Path) -> Iterator[MiniBatch]:
        try:
            yield from mini_batches(
                self._records(source), self.parameters.strategy, self.parameters.megabytes
            )
        except (InputError, RecordError, JsonPathError) as error:
            raise InvocationError(CLIENT, str(error)) from error

    def _records(self, source: Path) -> Iterator[Record]:
        for whole in read_records(source, self.split_type, self.compression):
            yield self.processing.record(whole)

    def _response(self, batch: MiniBatch) -> bytes:
        response = self.invoke(batch.payload)
        try:
            return self.processing.output(batch.records, response)
        except (RecordError, JsonPathError) as error:
            raise InvocationError(CLIENT, str(error)) from error

    def _assembled(self, response: bytes) -> bytes:
        """The response followed by one newline, if lines are assembled."""
        return response.removesuffix(b"\n") + b"\n" if self.assemble_with == "Line" else response
