"""The life of a tuning job: propose, train and report until it is complete."""

from __future__ import annotations

import time

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.errors import JobFailure
from sagemaker_local.jobs.job_run import JobRun
from sagemaker_local.jobs.kinds import TUNING
from sagemaker_local.resource import now
from sagemaker_local.store import Record
from sagemaker_local.tuning import tuned_jobs
from sagemaker_local.tuning.completion import completion
from sagemaker_local.tuning.trials import Trials

POLL_SECONDS = 0.02
ATTEMPTS = 5
"""SageMaker stops if the first five training jobs have no objective."""
NONE_SUCCEEDED = (
    "No training job succeeded after {count} attempts. For additional details, please take a look at the "
    "training job failures by listing training jobs for the hyperparameter tuning job."
)
NO_OBJECTIVE = (
    "No objective metrics found after running {count} training jobs. Please ensure that the custom algorithm "
    "is emitting the objective metric as defined by the regular expression provided."
)


class TuningRun(JobRun):
    kind = TUNING
    idle_fields = ()

    def execute(self) -> str:
        """Run the tuning job. No training job runs when it returns."""
        trials = Trials(self.context, self.record)
        self.set_status("Training")
        try:
            return self._tune(trials)
        except ApiError as error:
            raise JobFailure(f"ClientError: {error.message}") from error
        finally:
            # If the server stops, the training jobs are interrupted by their own resource.
            if not self._interrupted:
                trials.stop()
            while trials.running and not self._interrupted:
                time.sleep(POLL_SECONDS)
                trials.collect()
            trials.close()

    def terminate(self) -> None:
        """Does nothing: the job's thread checks whether the job is stopping."""

    kill = terminate

    def event_record(self) -> Record:
        return self.record | tuned_jobs.counters(tuned_jobs.summaries(self.context.store, self.name))

    def _tune(self, trials: Trials) -> str:
        """Returns the failure reason; empty if there is none."""
        enough = completion(self.record)
        while not self._stopping.wait(POLL_SECONDS if trials.running else 0):
            trials.collect()
            if trials.ended >= ATTEMPTS and not trials.objectives:
                return without_objective(trials)
            if enough.reached(now() - self.record["CreationTime"], trials.objectives):
                return ""
            trials.launch()
            if not trials.running:
                return "" if trials.objectives else without_objective(trials)
            trials.stop_early()
        return ""


def without_objective(trials: Trials) -> str:
    return (NO_OBJECTIVE if trials.completed else NONE_SUCCEEDED).format(count=trials.ended)
