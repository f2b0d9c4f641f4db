# Two commands matter: `make serve` runs Footfall, `make test` proves it.
# Both set up what they need; the rest is for those who work on it.

SHELL := /bin/bash -euo pipefail
TOOLS := .tools
ARGS ?=
FOOTFALL := $(abspath $(or $(CARGO_TARGET_DIR),target))/release/footfall

.PHONY: serve test torture bench tools kafka browser lint deny fmt snippet clean

serve: tools ## Set up and run: embedded log, embedded ClickHouse, dashboard
	cargo build --release -p footfall
	$(FOOTFALL) serve $(ARGS)

test: tools kafka browser lint deny snippet ## Set up and pass every test
	cargo build --workspace --bins --tests
	cargo test --workspace --no-fail-fast

torture: tools kafka ## 100 rounds of random kill -9, embedded and on Kafka
	cargo build --release -p footfall
	FOOTFALL_TORTURE_ROUNDS=100 FOOTFALL_BIN=$(FOOTFALL) \
		cargo test -p footfall-tests --test torture -- --nocapture

bench: tools kafka ## Our figures beside their baselines
	cargo build --release -p footfall
	cargo run --quiet -p footfall-tests --example with_broker -- $(FOOTFALL) bench $(ARGS)

tools: ## The ClickHouse engine library and the geo databases, into .tools
	./scripts/tools.sh system engine

kafka: ## A real Kafka broker for the tests, into .tools
	./scripts/tools.sh kafka

browser: ## Chromium and nginx for the tests
	./scripts/tools.sh browser

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

deny: ## Licences and sources of what we depend on
	./scripts/tools.sh deny
	.tools/cargo/bin/cargo-deny --log-level error check bans licenses sources

fmt:
	cargo fmt --all

snippet: ## Prove that the built script is current
	cd js-snippet && npm ci --silent --no-audit --no-fund && npm run --silent check

clean:
	cargo clean
	rm -rf $(TOOLS)
