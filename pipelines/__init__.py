"""pgfold: folds several Postgres tables into one, and can unfold them again.

The Dagster Component is loaded only when somebody asks for it: importing Dagster takes about a second, and neither
`pipelines.core` nor the command line's first words need it.
"""

from importlib import import_module
from typing import Any

_LAZY = {"Consolidation": "pipelines.component"}
__all__ = ["Consolidation"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
