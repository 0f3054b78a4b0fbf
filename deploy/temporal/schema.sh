#!/bin/sh
# Migrates Temporal's two databases to the schema of this image. Runs before each start of the server.
set -eu
SQL_PASSWORD="$(cat /run/secrets/temporal_password)"
export SQL_PASSWORD
for database in temporal visibility; do
    name=$([ "$database" = temporal ] && echo temporal || echo temporal_visibility)
    tool="temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal --db $name"
    $tool create
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$database/versioned"
done
