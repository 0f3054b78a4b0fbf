"""What the processes of the fake systems have in common: their options, and how they serve."""

import argparse
import socket
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from telemetry.loopback import HOST

KEEP_ALIVE = 75
"""Seconds, longer than clients keep a connection: closed under a request, its answer would be lost by chance."""


def create_parser(description: str | None, port: int) -> argparse.ArgumentParser:
    """Return the options of a system with a book and a clock of its own; `port` is its usual one."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--book", type=Path, help="the SQLite file of the book; without it the book is in memory")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--listening", type=int, help="a socket that is inherited, bound to the loopback address")
    parser.add_argument("--clock-ahead", type=int, default=0, help="by how many seconds its clock is ahead")
    return parser


def configure(app: FastAPI, port: int, *, log_level: str = "warning") -> uvicorn.Config:
    """Return how a system is served on a port of the loopback address."""
    return uvicorn.Config(app, host=HOST, port=port, log_level=log_level, timeout_keep_alive=KEEP_ALIVE)


def serve(app: FastAPI, arguments: argparse.Namespace) -> None:
    """Serve a system until it is stopped, on its port or on the inherited socket."""
    inherited = arguments.listening
    sockets = [socket.socket(fileno=inherited)] if inherited is not None else None
    uvicorn.Server(configure(app, arguments.port)).run(sockets)
