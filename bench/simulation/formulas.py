"""What queueing theory knows without a simulation, to hold the simulation to."""

import math


def erlang_c(servers: int, offered: float) -> float:
    """Return the share that must wait in M/M/c. `offered` is arrivals a second times seconds of service."""
    waiting = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return waiting / (sum(offered**each / math.factorial(each) for each in range(servers)) + waiting)


def mean_wait(servers: int, rate: float, service: float) -> float:
    """Return the mean seconds in the queue of M/M/c."""
    return erlang_c(servers, rate * service) * service / (servers - rate * service)


def wait_of(share: float, servers: int, rate: float, service: float) -> float:
    """Return the seconds in the queue of M/M/c that this share of all do not exceed."""
    must = erlang_c(servers, rate * service)
    return max(0.0, math.log(must / (1 - share)) * service / (servers - rate * service))


def turned_away(places: int, rate: float, service: float) -> float:
    """Return the share that finds M/M/1/K full: `places` counts the one that is served too."""
    load = rate * service
    return 1 / (places + 1) if load == 1 else (1 - load) * load**places / (1 - load ** (places + 1))
