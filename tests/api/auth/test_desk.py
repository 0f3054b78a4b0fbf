"""With authentication the desk uses Basic authentication: any user name, and the API key of an operator."""

import base64

from domain.access import Scope
from tests.support.auth import AuthenticatedWorld, with_authentication
from tests.support.canary import ADULT
from tests.support.world import World


def basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'somebody:{key}'.encode()).decode()}"}


async def get(authenticated: AuthenticatedWorld, path: str, key: str | None) -> tuple[int, str]:
    answer = await authenticated.world.http.get(path, headers=basic(key) if key else {})
    return answer.status_code, answer.headers.get("WWW-Authenticate", "")


async def test_the_desk_is_for_operators(world: World) -> None:
    async with with_authentication(world) as authenticated:
        order = await authenticated.client().world.order()
        operator, shop = (
            authenticated.client(Scope.OPERATE).key.text,
            authenticated.client(Scope.READ, Scope.CHANGE).key.text,
        )
        for path in ("/desk", f"/desk/orders/{order}", "/desk/attention", "/desk/services", "/desk/static/desk.css"):
            status, challenge = await get(authenticated, path, None)
            assert (status, challenge.partition(" ")[0]) == (401, "Basic"), path
            assert (await get(authenticated, path, f"{operator}x"))[0] == 401
            assert (await get(authenticated, path, shop))[0] == 403
            assert (await get(authenticated, path, operator))[0] in (200, 404), path
        assert (await get(authenticated, f"/desk/orders/{order}", operator))[0] == 200


async def test_another_tenants_operator_sees_another_tenants_orders(world: World) -> None:
    async with with_authentication(world) as authenticated:
        order = await authenticated.client().world.order()
        foreign_key = authenticated.client(Scope.OPERATE, tenant="elsewhere").key.text
        assert (await get(authenticated, f"/desk/orders/{order}", foreign_key))[0] == 404


async def test_an_operator_of_a_channel_finds_the_orders_of_that_channel_only(world: World) -> None:
    async with with_authentication(world) as authenticated:
        clients = [
            authenticated.client(channel="WAY:App"),
            authenticated.client(channel="WAY:Kiosk"),
            authenticated.client(),
        ]
        own, *others = [await each.world.order() for each in clients]
        operator = authenticated.client(Scope.OPERATE, channel="WAY:App").key.text
        for named in ("", *(f"?q={order}" for order in others)):
            page = await authenticated.world.http.get(f"/desk{named}", headers=basic(operator))
            assert page.status_code == 200
            # The search field of the page contains the number searched for.
            assert not [order for order in others if f"/desk/orders/{order}" in page.text]
            assert named or f"/desk/orders/{own}" in page.text


async def test_a_seat_map_names_no_order_of_another_channel(world: World) -> None:
    async with with_authentication(world) as authenticated:
        kiosk, app = authenticated.client(channel="WAY:Kiosk"), authenticated.client(channel="WAY:App")
        train = world.train()
        order = await kiosk.world.sold(ADULT, train=train)
        pages = {
            each.name: (
                await authenticated.world.http.get(f"/desk/services/{train}", headers=basic(each.key.text))
            ).text
            for each in (kiosk, app)
        }
        assert order in pages[kiosk.name]
        assert order not in pages[app.name]
        assert "1 sold" in " ".join(pages[app.name].split())
