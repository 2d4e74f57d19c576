"""Files by `http:` and `https:`. Both of Parsl's ways come to the same: a task of its own, a folder of its own."""

from nbflow.client.fetching import (
    HTTPStaging as HTTPInTaskStaging,
)
from nbflow.client.fetching import (
    HTTPStaging as HTTPSeparateTaskStaging,
)

__all__ = [
    "HTTPInTaskStaging",
    "HTTPSeparateTaskStaging",
]
