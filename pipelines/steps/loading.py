"""Finding a spec: a name below pipelines/defs, or the path of a defs.yaml anywhere."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pipelines.core.errors import SpecError
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec

FILE = "defs.yaml"


def load_spec(argument: str, folder: Path) -> Spec:
    """Read the spec that a person named on the command line; a relative path starts at `folder`.

    Raises:
        SpecError: there is none of that name, or it has mistakes (every one, with its line).
    """
    path = find_spec(argument, folder)
    label = str(path.relative_to(folder) if path.is_relative_to(folder) else path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{label} cannot be read: {error.strerror}: give access to it") from error
    except UnicodeDecodeError:
        raise SpecError(f"{label} is no text in UTF-8: write a defs.yaml as text, or name another file") from None
    return parse_spec(path.absolute().parent.name, text, label)


def find_spec(argument: str, folder: Path) -> Path:
    """The file: a path to a defs.yaml or its folder first, then a name of ours.

    Raises:
        SpecError: nothing of that name; the message lists the names there are.
    """
    given = folder / argument
    for path in (given, given / FILE, *(root / argument / FILE for root in roots(folder))):
        if argument and _is_file(path):
            return path
    names = ", ".join(sorted(spec_names(folder))) or "none"
    raise SpecError(f"there is no spec {argument!r}: give the path of a defs.yaml, or one of these names: {names}")


def _is_file(path: Path) -> bool:
    """A name that is too long for the file system, or holds a NUL, is nobody's."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def roots(folder: Path) -> tuple[Path, ...]:
    """Where named specs are: the folder's own pipelines/defs, else the package's."""
    own = folder / "pipelines" / "defs"
    return (own,) if own.is_dir() else (Path(str(files("pipelines.defs"))),)


def spec_names(folder: Path) -> tuple[str, ...]:
    """The consolidations that a name can be given for."""
    return tuple(path.parent.name for root in roots(folder) for path in root.glob(f"*/{FILE}"))
