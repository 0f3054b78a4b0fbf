"""The page on authentication lists the scope of each route as the code requires it."""

import re
from itertools import groupby

from domain.access import Scope
from tests.support.docs_pages import ROOT
from tests.support.routes import DocumentedRoute, documented_routes
from tests.support.world import World


async def test_the_route_table_matches_the_code(world: World) -> None:
    expected = _table([route for route in await documented_routes(world) if route.security])
    page = (ROOT / "docs" / "authentication.md").read_text()
    (table,) = re.findall(r"<!-- routes -->\n(.*?)<!-- /routes -->", page, re.DOTALL)
    assert table == expected, f"docs/authentication.md must contain:\n{expected}"


def _table(routes: list[DocumentedRoute]) -> str:
    order = list(Scope)
    rows = sorted(routes, key=lambda each: (order.index(_scope(each)), each.path, each.method))
    lines = ["| scope | routes |", "|---|---|"]
    for scope, of_scope in groupby(rows, _scope):
        lines.append(f"| `{scope}` | {', '.join(f'`{each.method} {each.path}`' for each in of_scope)} |")
    return "\n".join([*lines, ""])


def _scope(route: DocumentedRoute) -> Scope:
    return Scope(route.security[0]["bearer"][0])
