"""Small consolidations for Dagster and the commands: two tables of a shop that become one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import copytree
from threading import Thread

import pytest

from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec
from pipelines.orchestration.home import environment_of, prepare_home
from pipelines.orchestration.known_specs import remember_spec
from pipelines.orchestration.run_shell import instance_of
from pipelines.sample import sample_sql
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from pipelines.steps.surroundings import Surroundings
from tests.databases import Database, Templates
from tests.webserver import Webserver

_STARTS_S = 120


@dataclass(frozen=True, slots=True)
class Shop:
    """A consolidation of a test: its spec on disk, its database, and the folder that pgfold works in."""

    name: str
    database: Database
    folder: Path
    approval: str = "drop"

    @property
    def settings(self) -> Settings:
        """As the environment of `command` says."""
        return Settings(self.database.url, "public", self.folder, "ada")

    @property
    def spec_file(self) -> Path:
        """The defs.yaml."""
        return self.folder / self.name / "defs.yaml"

    @property
    def spec(self) -> Spec:
        """As the file says now."""
        return parse_spec(self.name, self.spec_file.read_text(), str(self.spec_file))

    @property
    def tables(self) -> str:
        """The SQL that makes them: a target with one row, a source with three."""
        return f"""
            CREATE TABLE public.{self.name} (id bigint PRIMARY KEY, title text NOT NULL, origin text);
            INSERT INTO public.{self.name} VALUES (1, 'a shelf', 'shop');
            CREATE TABLE public.web_{self.name} (order_no bigint PRIMARY KEY, label text NOT NULL);
            INSERT INTO public.web_{self.name} VALUES (11, 'a lamp'), (12, 'a chair'), (13, 'a table');
        """

    def write_spec(self) -> None:
        """Three rows of web_<name> go to <name>."""
        self.spec_file.parent.mkdir(parents=True, exist_ok=True)
        self.spec_file.write_text(
            f"type: pipelines.Consolidation\nattributes:\n  description: The web's {self.name} join the others.\n"
            f"  target: public.{self.name}\n  approval: {self.approval}\n  drop_after: 0h\n  sources:\n"
            f"    - table: public.web_{self.name}\n      columns: {{order_no: id, label: title}}\n"
            f"      set: {{origin: web}}\n"
        )

    @contextmanager
    def surroundings(self) -> Iterator[Surroundings]:
        """What a step works in."""
        with surroundings_of(self.settings) as surroundings:
            yield surroundings

    def titles(self) -> list[tuple[object, ...]]:
        """The target's rows."""
        return self.database.rows(f"SELECT id, title FROM public.{self.name} ORDER BY id")

    @property
    def staged(self) -> str:
        """The name of the source's staging table."""
        named = f"SELECT relname FROM pg_class WHERE relname LIKE 'staged_{self.name}_%' AND relkind = 'r'"
        return f"pgfold.{self.database.value(named)}"

    def spoil(self) -> None:
        """From now on what is staged of row 12 is something else, however often it is staged."""
        self.database.run(f"""
            CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN NEW.title := 'a stool'; RETURN NEW; END $$;
            CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON {self.staged}
                FOR EACH ROW WHEN (NEW.id = 12) EXECUTE FUNCTION public.spoil();
            ALTER TABLE {self.staged} ENABLE ALWAYS TRIGGER spoil;
            UPDATE {self.staged} SET title = '' WHERE id = 12""")

    def mend(self) -> None:
        """Nothing spoils it any more."""
        self.database.run("DROP FUNCTION public.spoil CASCADE")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`pgfold` with these arguments, as a shell starts it."""
        return start_command(self.settings, *arguments)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, until it ends."""
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=_STARTS_S)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def start_command(
    settings: Settings, *arguments: str, background: bool = False, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """`pgfold` in a process of its own; `background`: as a script starts one beside it, with SIGINT ignored."""
    own = {**(environment or {}), "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=settings.folder,
        env=environment_of(settings, {**os.environ, **own}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignore_interrupts if background else heed_interrupts,
    )


def heed_interrupts() -> None:
    """What a terminal's shell leaves a command with, also where the tests themselves run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignore_interrupts() -> None:
    """What a shell does before it starts a command in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Dagster home whose databases are made, and empty: to make them takes longer than a fold."""
    settings = Settings(None, "public", tmp_path_factory.mktemp("home"), "ada")
    with instance_of(prepare_home(settings)) as instance:
        instance.get_runs(limit=1)
    return settings.dagster_home


@pytest.fixture
def new_shop(database: Database, tmp_path: Path, empty_home: Path) -> Callable[..., Shop]:
    """`new_shop(approval=...)`: tables and spec of a consolidation `orders`, in the test's own database."""

    def make(name: str = "orders", approval: str = "drop") -> Shop:
        shop = Shop(name, database, tmp_path, approval)
        shop.write_spec()
        database.run(shop.tables)
        copytree(empty_home, shop.settings.dagster_home)
        return shop

    return make


@dataclass(frozen=True, slots=True)
class Up:
    """A running `pgfold up`: its UI, and what it folds."""

    webserver: Webserver
    shops: dict[str, Shop]


@pytest.fixture(scope="session")
def up(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One `pgfold up` for the session, on a database with the sample and three shops; stopped as a person would."""
    folder = tmp_path_factory.mktemp("up")
    names = ("parcels", "letters", "orders")
    made = [Shop(name, Database("", ""), folder).tables for name in names]
    with templates.clone(*sample_sql(), *made) as database:
        shops = {name: Shop(name, database, folder) for name in names}
        home = prepare_home(shops["orders"].settings)
        for shop in shops.values():
            shop.write_spec()
            remember_spec(home, shop.spec_file)
        with running_up(shops["orders"].settings) as webserver:
            yield Up(webserver, shops)


@contextmanager
def running_up(settings: Settings) -> Iterator[Webserver]:
    """`pgfold up` on free ports until the caller leaves; it must end well."""
    port, own = free_port(), monitor_ports()
    with start_command(settings, "up", "--port", str(port), background=True, environment=own) as process:
        try:
            wait_for_line(process, f"http://127.0.0.1:{port}")
            yield Webserver(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            output, errors = process.communicate(timeout=_STARTS_S)
    assert (process.returncode, errors) == (0, ""), output + errors
    assert processes_of(settings.folder) == []


def processes_of(folder: Path) -> list[str]:
    """Every process that works in that folder, by what its environment says: id and command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if f"PGFOLD_HOME={folder}\0".encode() in (process / "environ").read_bytes():
                found.append(f"{process.name} {(process / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
    return found


def wait_for_line(process: subprocess.Popen[str], part: str) -> str:
    """Everything printed up to the line that holds `part`."""
    assert process.stdout is not None
    lines: SimpleQueue[str] = SimpleQueue()
    Thread(target=_pass_on, args=(process.stdout, lines, part), daemon=True).start()
    seen = ""
    while part not in seen:
        try:
            line = lines.get(timeout=_STARTS_S)
        except Empty:
            raise AssertionError(f"no line with {part!r} within {_STARTS_S} s: {seen}") from None
        assert line, f"it ended before a line with {part!r}: {seen} {process.stderr.read() if process.stderr else ''}"
        seen += line
    return seen


def _pass_on(stream: object, lines: SimpleQueue[str], part: str) -> None:
    """Read no further than the line that is waited for: the rest is `communicate`'s."""
    for line in iter(stream.readline, ""):  # type: ignore[attr-defined]
        lines.put(line)
        if part in line:
            return
    lines.put("")


def monitor_ports() -> dict[str, str]:
    """The settings of a monitor that is in nobody's way."""
    names = ("WS_PORT", "MONITORING_PORT", "HEALTH_CHECK_PORT", "METRICS_PORT")
    return {name: str(free_port()) for name in names}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
