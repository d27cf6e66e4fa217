"""The sample tables: three issue tables and two file tables, with their rows, for the demo and the tests."""

from importlib.resources import files

_SCRIPTS = ("issues.sql", "files.sql")


def sample_sql() -> tuple[str, ...]:
    """The SQL that makes the sample, one text a file, each to be run whole in an empty schema `public`.

    Every name in it is schema-qualified and it holds no psql commands, so any session may run it.
    """
    return tuple(files(__name__).joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)
