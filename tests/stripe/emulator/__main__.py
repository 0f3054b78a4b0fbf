"""Runs the emulator on an inherited socket until its standard input ends."""

import argparse
import socket
import sys
import threading

from tests.stripe.emulator.account import Clock
from tests.stripe.emulator.server import Server
from tests.stripe.emulator.service import Service
from tests.stripe.emulator.settings import Settings

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listening", type=int, required=True, help="a socket that is inherited and listens")
    parser.add_argument("--now", type=int, required=True, help="the time when it starts, in seconds since 1970")
    arguments = parser.parse_args()
    service = Service(Clock(arguments.now))
    service.reset(Settings())
    server = Server(socket.socket(fileno=arguments.listening), service)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    # The pipe ends with the process that started this one, however it ends.
    sys.stdin.read()
