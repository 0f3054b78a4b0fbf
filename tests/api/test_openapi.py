"""The OpenAPI file says everything a client meets."""

from typing import Any

import pytest

from api.errors.problems import TITLES
from domain.refusals import all_refusals
from tests.support.world import World

ROUTES = {
    ("post", "/v1/offers"),
    ("post", "/v1/orders"),
    ("get", "/v1/orders/{order}"),
    ("post", "/v1/orders/{order}/quotes"),
    ("post", "/v1/orders/{order}/changes"),
    ("get", "/v1/changes/{change}"),
    ("get", "/v1/changes/{change}/events"),
    ("post", "/v1/orders/{order}/confirm"),
    ("delete", "/v1/orders/{order}/draft"),
    ("post", "/v1/orders/{order}/payments"),
    ("patch", "/v1/orders/{order}"),
    ("get", "/v1/orders/{order}/history"),
    ("get", "/v1/orders/{order}/change-options"),
    ("get", "/v1/attention"),
    ("get", "/v1/orders/{order}/attention"),
    ("post", "/v1/orders/{order}/attention/retry-now"),
    ("post", "/v1/orders/{order}/attention/done-by-hand"),
    ("post", "/v1/webhooks"),
    ("get", "/v1/webhooks"),
    ("get", "/v1/webhooks/{webhook}"),
    ("patch", "/v1/webhooks/{webhook}"),
    ("delete", "/v1/webhooks/{webhook}"),
    ("post", "/v1/webhooks/{webhook}/rotate-secret"),
    ("post", "/v1/webhooks/{webhook}/test"),
    ("get", "/v1/webhooks/{webhook}/deliveries"),
}


async def spec(world: World) -> dict[str, Any]:
    return (await world.send("GET", "/openapi.json")).body


@pytest.mark.only_on("sqlite")  # no store is asked
async def test_every_route_is_described_with_every_problem_it_answers_and_an_example_of_each(world: World) -> None:
    paths = (await spec(world))["paths"]
    found = {(method, path) for path, methods in paths.items() for method in methods if path.startswith("/v1/")}
    assert found == ROUTES
    for method, path in ROUTES:
        answers = paths[path][method]["responses"]
        assert paths[path][method]["description"]
        errors = {status: answer for status, answer in answers.items() if int(status) >= 400}
        assert errors
        for status, answer in errors.items():
            (media,) = answer["content"]
            assert media == "application/problem+json"
            for code, example in answer["content"][media]["examples"].items():
                assert example["value"]["code"] == code
                assert str(example["value"]["status"]) == status


@pytest.mark.only_on("sqlite")  # no store is asked
async def test_requests_have_examples(world: World) -> None:
    schemas = (await spec(world))["components"]["schemas"]
    for name in ("OfferSearchIn", "OrderIn", "ChangeIn", "ConfirmIn", "WebhookIn", "WebhookPatchIn"):
        assert schemas[name]["examples"]


@pytest.mark.only_on("sqlite")  # no store is asked
async def test_no_amount_is_a_number_but_where_discover_swiss_has_exact_ones(world: World) -> None:
    schemas = (await spec(world))["components"]["schemas"]
    numbers = {name: numbers_in(schema) for name, schema in schemas.items() if numbers_in(schema)}
    assert {name.partition("__orders__")[0] for name in numbers} == {
        "OrderItemOut",
        "PriceOut",
        "ProductOut",
        "TravelerOut",
        "api__discover",
    }
    assert {number.get("format") for found in numbers.values() for number in found} == {"decimal"}


def numbers_in(schema: Any) -> list[dict[str, Any]]:
    """Return every schema within a schema that is a number."""
    if isinstance(schema, list):
        return [found for each in schema for found in numbers_in(each)]
    if not isinstance(schema, dict):
        return []
    below = [found for each in schema.values() for found in numbers_in(each)]
    return [schema, *below] if schema.get("type") == "number" else below


@pytest.mark.only_on("sqlite")  # no store is asked
@pytest.mark.parametrize("code", sorted(all_refusals()))
async def test_every_refusal_is_explained_where_its_problem_points(world: World, code: str) -> None:
    answer = await world.send("GET", f"/problems/{code}")
    assert (answer.status, answer.body["code"], answer.body["status"]) == (200, code, TITLES[code][0])


@pytest.mark.only_on("sqlite")  # no store is asked
async def test_every_code_is_listed(world: World) -> None:
    listed = await world.http.get("/problems")
    assert {each["code"] for each in listed.json()} == set(TITLES)
    assert (await world.send("GET", "/problems/NOPE")).code == "NOT_FOUND"
