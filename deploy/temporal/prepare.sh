#!/bin/sh
# Makes the namespace and the search attributes Changeover writes (temporal/search_attributes.py). May run as often as one likes.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where; RETENTION how long closed runs can be looked at.
set -eu
: "${TEMPORAL_NAMESPACE:=default}" "${RETENTION:=30d}"
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 \
    || temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
# The server itself learns of a new namespace some seconds after it has said that it is there.
tries=30
until temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the namespace did not come up" >&2; exit 1; }
    sleep 1
done

create() {
    type=$1
    shift
    for name in "$@"; do
        temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
    done
}
create Keyword OrderNumber OrderState ChangeKind Channel CorrelationId StuckStep
create Int PriceDiffMinor
create Bool NeedsAttention
create Datetime DraftExpires
