#!/bin/sh
# Fetches the Apache Kafka broker that the tests start, into <tools>/kafka/libs. Does nothing when
# the release named in pom.xml is there already. Needs Maven and Java 17 or newer.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=${FOOTFALL_TOOLS:-$(cd "$here/../.." && pwd)/.tools}
libs=$tools/kafka/libs

# The copy of the pom is written last: it proves that all jars arrived.
if cmp -s "$here/pom.xml" "$libs/pom.xml"; then
    exit 0
fi
command -v mvn >/dev/null || { echo "fetch.sh: Maven is missing: apt-get install maven" >&2; exit 1; }
rm -rf "$libs"
mkdir -p "$libs"
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$libs"
cp "$here/pom.xml" "$libs/pom.xml"
