"""Ports: each enabled server gets its socket before anything else starts, or the start says who holds it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator

import psutil

from daemon.errors import PortTaken

_BACKLOG = 1024


def open_port(setting: str, host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        PortTaken: naming the port, its setting and the process that holds it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise PortTaken(_sentence(setting, host, port, error)) from error
    return opened


def number(opened: socket.socket) -> int:
    """Which port it is."""
    return int(opened.getsockname()[1])


def address_to_open(host: str) -> str:
    """What a person or a program may connect to: an address that means 'all' is none of them."""
    try:
        unspecified = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        unspecified = not host
    if unspecified:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _sentence(setting: str, host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = next(_holders(port), "a process that this user may not see")
        return f"port {port} ({setting}) is held by {holder}: end it, or set {setting} to another port"
    if error.errno == errno.EACCES:
        return f"port {port} ({setting}) needs rights that this user has not: set {setting} to one above 1023"
    return f"port {port} ({setting}) cannot be listened on at {host or 'all addresses'}: {error.strerror}"


def _holders(port: int) -> Iterator[str]:
    """The processes listening on a port, as far as this user may see them."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return
    for connection in connections:
        here = connection.laddr.port if connection.laddr else None
        if connection.status == psutil.CONN_LISTEN and here == port and connection.pid:
            try:
                yield f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.Error:
                yield f"pid {connection.pid}"
