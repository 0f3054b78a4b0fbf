"""The tables of the DBOS app: one for each thing that a change touches, as in ours.

It has fewer tables than ours: it keeps seats and payments once, where ours also has the embedded provider's records. It
has no tenants, fees, supplements or webhooks, and one currency. These differences favour DBOS.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

Tx = Connection[Any]

COACHES, SEATS = 5, 40
STANDARD_MINOR, FLEXIBLE_MINOR, FEE_MINOR = 29900, 34900, 5000
DIFFERENCE_MINOR = FLEXIBLE_MINOR - STANDARD_MINOR + FEE_MINOR
CURRENCY = "NOK"
OK, REFUSED = "tok_ok", "tok_refuse_capture"

_TABLES = """
CREATE TABLE orders (
    number text PRIMARY KEY, currency text NOT NULL, status text NOT NULL CHECK (status IN ('draft', 'confirmed')),
    version int NOT NULL, confirmed_version int NOT NULL CHECK (confirmed_version <= version),
    draft_opened_by text, expires_at timestamptz, last_event int NOT NULL, next_line int NOT NULL);
CREATE TABLE travellers (
    order_number text REFERENCES orders, id text, given_name text NOT NULL, family_name text NOT NULL,
    birth_date date NOT NULL, PRIMARY KEY (order_number, id));
CREATE TABLE offer_bundles (
    id text PRIMARY KEY, product text NOT NULL, service text NOT NULL, price_minor int NOT NULL,
    change_fee_minor int NOT NULL, tax_rate numeric NOT NULL, youngest int NOT NULL, expires_at timestamptz NOT NULL);
CREATE TABLE order_lines (
    id text PRIMARY KEY, order_number text NOT NULL REFERENCES orders, product text NOT NULL, service text NOT NULL,
    price_minor int NOT NULL, change_fee_minor int NOT NULL, tax_rate numeric NOT NULL, seat_key text NOT NULL,
    added_by text NOT NULL, added_in int NOT NULL, removed_by text, removed_in int,
    undone boolean NOT NULL DEFAULT false);
CREATE INDEX ON order_lines (order_number);
CREATE TABLE seats (service text, coach int, seat int, PRIMARY KEY (service, coach, seat));
CREATE TABLE seat_holds (
    service text, coach int, seat int, key text NOT NULL, order_number text NOT NULL REFERENCES orders,
    state text NOT NULL CHECK (state IN ('held', 'confirmed')), expires_at timestamptz,
    PRIMARY KEY (service, coach, seat));
CREATE INDEX ON seat_holds (key);
CREATE INDEX ON seat_holds (order_number);
CREATE TABLE payments (
    key text PRIMARY KEY, order_number text NOT NULL REFERENCES orders, token text NOT NULL,
    authorised_minor int NOT NULL CHECK (authorised_minor > 0),
    captured_minor int NOT NULL DEFAULT 0 CHECK (captured_minor BETWEEN 0 AND authorised_minor),
    open boolean NOT NULL DEFAULT true);
CREATE INDEX ON payments (order_number);
CREATE TABLE ledger (
    key text PRIMARY KEY, order_number text NOT NULL REFERENCES orders, payment text NOT NULL REFERENCES payments,
    kind text NOT NULL, amount_minor int NOT NULL CHECK (amount_minor > 0), at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON ledger (order_number);
CREATE TABLE events (
    order_number text REFERENCES orders, number int, type text NOT NULL, change text, data jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (order_number, number));
CREATE TABLE changes (
    id text PRIMARY KEY, order_number text NOT NULL REFERENCES orders, bundle text NOT NULL, plan jsonb NOT NULL,
    quote jsonb, state text NOT NULL, code text, created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz);
CREATE INDEX ON changes (order_number);
CREATE TABLE effects (
    key text PRIMARY KEY, change text NOT NULL, step text NOT NULL, answer jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON effects (change);
"""

_TRAIN = """
INSERT INTO seats SELECT %s, coach, seat FROM generate_series(1, %s) coach, generate_series(1, %s) seat
ON CONFLICT DO NOTHING
"""
_BUNDLE = """
INSERT INTO offer_bundles VALUES (%s, 'flexible', %s, %s, %s, 0.12, 16, now() + interval '1 day')
"""
_SOLD = f"""
WITH head AS (INSERT INTO orders VALUES (%(order)s, '{CURRENCY}', 'confirmed', 1, 1, NULL, NULL, 1, 2)
              RETURNING number),
     who AS (INSERT INTO travellers SELECT number, 'maria', 'Maria', 'Li', '1990-05-04' FROM head),
     line AS (INSERT INTO order_lines SELECT number || '-1', number, 'standard', %(train)s, {STANDARD_MINOR},
              {FEE_MINOR}, 0.12, number || '/sale', 'sale', 1 FROM head),
     place AS (INSERT INTO seat_holds SELECT %(train)s, %(coach)s, %(seat)s, number || '/sale', number, 'confirmed'
               FROM head),
     paid AS (INSERT INTO payments SELECT number || '/sale', number, '{OK}', {STANDARD_MINOR}, {STANDARD_MINOR}, false
              FROM head RETURNING key, order_number),
     book AS (INSERT INTO ledger SELECT key || '/capture', order_number, key, 'capture', {STANDARD_MINOR} FROM paid)
INSERT INTO events SELECT number, 1, 'order_confirmed', NULL, '{{}}' FROM head
"""  # noqa: S608 - constants of our own


def create(tx: Tx) -> None:
    """Make the tables."""
    tx.execute(_TABLES)


def sell(tx: Tx, batch: str, orders: Sequence[str]) -> None:
    """Sell each order a standard seat, and offer it a flexible one on a later train: what a change starts from."""
    trains = [f"{batch}/{number}" for number in range(len(orders) // SEATS + 1)]
    placed = [(order, trains[number // SEATS], number % SEATS + 1) for number, order in enumerate(orders)]
    with tx.cursor() as cursor:
        for train in trains:
            cursor.executemany(_TRAIN, [(f"4711/{train}", COACHES, SEATS), (f"4713/{train}", COACHES, SEATS)])
        sold = [{"order": order, "train": f"4711/{train}", "coach": 1, "seat": seat} for order, train, seat in placed]
        cursor.executemany(_SOLD, sold)
        offered = [(bundle_for(order), f"4713/{train}", FLEXIBLE_MINOR, FEE_MINOR) for order, train, _ in placed]
        cursor.executemany(_BUNDLE, offered)


def bundle_for(order: str) -> str:
    """Return the name of the bundle an order is offered."""
    return f"{order}/later"
