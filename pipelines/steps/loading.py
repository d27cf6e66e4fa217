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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}") from error
    return parse_spec(path.absolute().parent.name, text, str(path))


def find_spec(argument: str, folder: Path) -> Path:
    """The file: a path to a defs.yaml or its folder first, then a name of ours.

    Raises:
        SpecError: nothing of that name; the message lists the names there are.
    """
    given = folder / argument
    for path in (given, given / FILE, *(root / argument / FILE for root in roots(folder))):
        if path.is_file():
            return path
    names = ", ".join(sorted(spec_names(folder))) or "none"
    raise SpecError(f"there is no spec {argument!r}: give the path of a defs.yaml, or one of these names: {names}")


def roots(folder: Path) -> tuple[Path, ...]:
    """Where named specs are: the folder's own pipelines/defs, else the package's."""
    own = folder / "pipelines" / "defs"
    return (own,) if own.is_dir() else (Path(str(files("pipelines.defs"))),)


def spec_names(folder: Path) -> tuple[str, ...]:
    """The consolidations that a name can be given for."""
    return tuple(path.parent.name for root in roots(folder) for path in root.glob(f"*/{FILE}"))
