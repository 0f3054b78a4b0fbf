#!/bin/sh
# Creates the namespace and the search attributes that Changeover writes (temporal/search_attributes.py). Repeatable.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE select the server; RETENTION is how long closed runs are kept.
set -eu
: "${TEMPORAL_NAMESPACE:=default}" "${RETENTION:=30d}"
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 \
    || temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
# The server serves a new namespace only some seconds after it has reported its creation.
tries=30
until temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the namespace did not become available" >&2; exit 1; }
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
