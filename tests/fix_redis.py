"""A Redis server of the test session, Debian's: apt-get install redis-server."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest
import redis


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server, over a Unix socket, with nothing written to disk."""

    url: str


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server for the session, in a folder of its own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    with tempfile.TemporaryDirectory(prefix="pgfold-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        arguments = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
        try:
            server = RedisServer(f"unix://{socket}")
            _wait_for(server)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(server: RedisServer) -> None:
    deadline = monotonic() + 10
    with redis.Redis.from_url(server.url) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert monotonic() < deadline, "redis-server does not answer"
                sleep(0.02)
