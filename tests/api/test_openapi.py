"""The OpenAPI document describes every route, problem and schema, and its names do not change."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client

from api.app import create_app
from api.context import ApiContext
from api.errors.problems import TITLES
from api.workflow_client import OrderWorkflowClient
from domain.refusals import all_refusals
from runtime.bootstrap import build_components
from runtime.settings import Settings
from tests.support.pins import lost
from tests.support.world import TENANT, World

NAMES = Path(__file__).with_name("openapi_names.json")
"""Written anew by `python -m tests.api.test_openapi`: a commit of its own, which states what changes and why."""

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
    ("post", "/v1/orders/{order}/attention/payout"),
    ("post", "/v1/orders/{order}/attention/reverse"),
    ("post", "/v1/orders/{order}/attention/reseat"),
    ("post", "/v1/orders/{order}/attention/close-dispute"),
    ("post", "/v1/providers/payments/events"),
    ("post", "/v1/webhooks"),
    ("get", "/v1/webhooks"),
    ("get", "/v1/webhooks/{webhook}"),
    ("patch", "/v1/webhooks/{webhook}"),
    ("delete", "/v1/webhooks/{webhook}"),
    ("post", "/v1/webhooks/{webhook}/rotate-secret"),
    ("post", "/v1/webhooks/{webhook}/test"),
    ("get", "/v1/webhooks/{webhook}/deliveries"),
}


def test_the_names_of_operations_schemas_and_members_stay_as_they_are(tmp_path: Path) -> None:
    known, now = json.loads(NAMES.read_text()), openapi_names(tmp_path)
    assert list(lost(known, now)) == []
    assert now == known, f"new: add it to {NAMES.name}"


def openapi_names(folder: Path) -> dict[str, Any]:
    """Return what clients depend on: operations with parameters and bodies, and schemas with their members' types.

    Texts, examples and bounds are left out. Which members are required counts in requests only.
    """
    components = build_components(Settings(database=f"sqlite:///{folder / 'openapi.db'}"))
    nowhere = OrderWorkflowClient(cast("Client", None))  # describing routes calls no workflow
    document = create_app(
        ApiContext(components.store, components.offers, components.inventory, nowhere, TENANT)
    ).openapi()
    components.store.close()
    routes = [
        (f"{method.upper()} {path}", route)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
    ]
    schemas = document["components"]["schemas"]
    sent = _reached([route.get("requestBody") for _, route in routes], schemas)
    return {
        "operations": {name: _operation(route) for name, route in routes},
        "schemas": {name: _form(schema, required=name in sent) for name, schema in schemas.items()},
    }


def _operation(route: dict[str, Any]) -> dict[str, Any]:
    """Return an operation's id, parameters, request body and bodies of success."""
    bodies = {status: answer.get("content", {}) for status, answer in route["responses"].items() if int(status) < 400}
    return {
        "id": route["operationId"],
        "parameters": {f"{each['in']} {each['name']}": _form(each["schema"]) for each in route.get("parameters", ())},
        "required": sorted(each["name"] for each in route.get("parameters", ()) if each["required"]),
        "request": _contents(route.get("requestBody", {}).get("content", {})),
        "responses": {status: _contents(content) for status, content in bodies.items()},
    }


def _contents(content: dict[str, Any]) -> dict[str, Any]:
    return {media: _form(body.get("schema") or body.get("itemSchema", {})) for media, body in content.items()}


_FORM = {
    *("$ref", "additionalProperties", "allOf", "anyOf", "const", "contentSchema", "enum", "format", "items", "oneOf"),
    "type",
}


def _form(schema: Any, *, required: bool = True) -> Any:
    """Return the form of a schema alone: its types, members and values."""
    if isinstance(schema, list):
        return [_form(each, required=required) for each in schema]
    if not isinstance(schema, dict):
        return schema
    form = {key: _form(value, required=required) for key, value in schema.items() if key in _FORM}
    if "properties" in schema:
        form["members"] = {name: _form(each, required=required) for name, each in schema["properties"].items()}
        if required:
            form["required"] = sorted(schema.get("required", ()))
    return form


def _reached(nodes: list[Any], schemas: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that some parts of the document refer to, at any depth."""
    reached: set[str] = set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in reached:
                reached.add(name)
                nodes.append(schemas[name])
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)
    return reached


async def spec(world: World) -> dict[str, Any]:
    return (await world.send("GET", "/openapi.json")).body


@pytest.mark.only_on("sqlite")  # the store is not queried
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


@pytest.mark.only_on("sqlite")  # the store is not queried
async def test_requests_have_examples(world: World) -> None:
    schemas = (await spec(world))["components"]["schemas"]
    for name in ("OfferSearchIn", "OrderIn", "ChangeIn", "ConfirmIn", "WebhookIn", "WebhookPatchIn"):
        assert schemas[name]["examples"]


@pytest.mark.only_on("sqlite")  # the store is not queried
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


@pytest.mark.only_on("sqlite")  # the store is not queried
@pytest.mark.parametrize("code", sorted(all_refusals()))
async def test_every_refusal_is_explained_where_its_problem_points(world: World, code: str) -> None:
    answer = await world.send("GET", f"/problems/{code}")
    assert (answer.status, answer.body["code"], answer.body["status"]) == (200, code, TITLES[code][0])


@pytest.mark.only_on("sqlite")  # the store is not queried
async def test_every_code_is_listed(world: World) -> None:
    listed = await world.http.get("/problems")
    assert {each["code"] for each in listed.json()} == set(TITLES)
    assert (await world.send("GET", "/problems/NOPE")).code == "NOT_FOUND"


if __name__ == "__main__":
    import tempfile

    NAMES.write_text(json.dumps(openapi_names(Path(tempfile.mkdtemp())), indent=1, sort_keys=True) + "\n")
