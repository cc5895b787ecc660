from stagewright.api.calls import plan as plan
from stagewright.api.calls import predict as predict
from stagewright.api.calls import push as push
from stagewright.api.calls import run as run
from stagewright.api.calls import runs as runs
from stagewright.api.calls import show as show
from stagewright.api.open_sessions import close as close
from stagewright.api.plan import Plan as Plan
from stagewright.api.prediction import Prediction as Prediction
from stagewright.api.run import Run as Run
from stagewright.api.run_list import Runs as Runs
from stagewright.api.stage import Stage as Stage
from stagewright.errors import DeniedError as DeniedError
from stagewright.errors import DocumentError as DocumentError
from stagewright.errors import JobEnvironmentError as JobEnvironmentError
from stagewright.errors import NotFoundError as NotFoundError
from stagewright.errors import PlanError as PlanError
from stagewright.errors import Problem as Problem
from stagewright.errors import ReleaseError as ReleaseError
from stagewright.errors import RunFailedError as RunFailedError
from stagewright.errors import StagewrightError as StagewrightError
from stagewright.errors import TargetError as TargetError

__version__: str
PUBLIC: dict[str, str]
