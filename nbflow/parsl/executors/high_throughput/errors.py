"""What becomes of tasks whose worker dies."""

from nbflow.errors import WorkerLost
from nbflow.errors import WorkerLost as ManagerLost

__all__ = [
    "ManagerLost",
    "WorkerLost",
]
