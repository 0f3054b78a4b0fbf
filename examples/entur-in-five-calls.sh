#!/usr/bin/env bash
# Entur in five calls: add, change twice, a third change that is refused, pay, confirm.
# Usage: examples/entur-in-five-calls.sh [API address]; `make up` starts one.
set -euo pipefail
API=${1:-http://127.0.0.1:8080}
DAY=$(date -d '+12 days' +%F)

sales() { # method, path, body
  curl -s -X "$1" "$API/sales$2" ${3:+-H 'Content-Type: application/json' -d "$3"} \
    -H 'Entur-Distribution-Channel: WAY:DistributionChannel:App' -H 'Entur-Pos: terminal' -H 'ET-Client-Name: acme-example'
}
native() { # path, body
  curl -s "$API$1" -H 'Content-Type: application/json' -H "Idempotency-Key: $RANDOM-$RANDOM" -d "$2"
}
member() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
offer() { # product, service, travellers
  native /v1/offers '{"product": "'"$1"'", "service": "'"$2"'", "travellers": ['"$3"'], "sold_out": true}' | member '["offer_bundles"][0]["offers"][0]["id"]'
}
show() {
  echo "$1"
  sales GET "/v1/orders/$ORDER" | python3 -c '
import json, sys
o = json.load(sys.stdin)
print("  ", o["id"], o["status"], "version", o["version"], "total", o["totalAmount"], "balance", o["balance"])
for line in o["orderLines"]:
    print("     line", line["id"], line["product"], line["service"], line["price"]["amount"], line["reservationIds"])
for fee in o["fees"]:
    print("     fee", fee["type"], fee["price"]["amount"])'
}
KARI='{"id": "kari", "birth_date": "1990-05-04"}'

OFFER=$(offer standard "4711-$DAY" "$KARI")
SOLD=$(sales POST /v1/reserve-offers '{"offerConfigurations": [{"offerId": "'"$OFFER"'"}]}')
ORDER=$(member '["orderId"]' <<<"$SOLD")
LINE=$(member '["orderLineIds"][0]' <<<"$SOLD")
show "1. reserve-offers: a new order"

change() { # offer
  sales POST /v1/update-order '{"orderId": "'"$ORDER"'", "offerConfigurations": [{"offerId": "'"$1"'", "orderLineId": "'"$LINE"'"}]}'
}
change "$(offer flexible "4713-$DAY" "$KARI")" >/dev/null
show "2. update-order: a later train, a flexible ticket"
change "$(offer standard "4713-$DAY" "$KARI")" >/dev/null
show "3. update-order again, by the line's first id: a standard ticket on that train"

NEXT=$(date -d '+13 days' +%F)
CROWD=$(seq -f '{"id": "guest-%g", "birth_date": "1990-01-01"}' -s ', ' 32)
sales POST /v1/reserve-offers '{"offerConfigurations": [{"offerId": "'"$(offer standard "4711-$NEXT" "$CROWD")"'"}]}' >/dev/null
echo "   and once more, to a train that is full: $(change "$(offer standard "4711-$NEXT" "$KARI")" | member '["code"]')"
show "   the draft is unchanged by the refused change"

native "/v1/orders/$ORDER/payments" '{"amount": "299.00", "currency": "NOK", "method": "card", "token": "tok_ok"}' >/dev/null
show "4. payments: authorised"
sales POST "/v1/orders/$ORDER/orderlines/confirm" >/dev/null
show "5. confirm"
