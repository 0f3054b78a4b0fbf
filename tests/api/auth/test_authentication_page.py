"""The page on access says what each route wants, as the code has it."""

import re
from itertools import groupby

from domain.access import Scope
from tests.support.docs_pages import ROOT
from tests.support.routes import DocumentedRoute, documented_routes
from tests.support.world import World


async def test_the_route_table_is_the_codes(world: World) -> None:
    wanted = _table([route for route in await documented_routes(world) if route.security])
    page = (ROOT / "docs" / "authentication.md").read_text()
    (found,) = re.findall(r"<!-- routes -->\n(.*?)<!-- /routes -->", page, re.DOTALL)
    assert found == wanted, f"docs/authentication.md wants:\n{wanted}"


def _table(routes: list[DocumentedRoute]) -> str:
    order = list(Scope)
    rows = sorted(routes, key=lambda each: (order.index(_scope(each)), each.path, each.method))
    lines = ["| scope | routes |", "|---|---|"]
    for scope, mine in groupby(rows, _scope):
        lines.append(f"| `{scope}` | {', '.join(f'`{each.method} {each.path}`' for each in mine)} |")
    return "\n".join([*lines, ""])


def _scope(route: DocumentedRoute) -> Scope:
    return Scope(route.security[0]["bearer"][0])
