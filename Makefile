# The everyday commands. From a fresh clone only a Rust toolchain is needed.

CARGO ?= cargo
# Docker Compose 2 where the client has it, else the older docker-compose.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: help up test test-neural fuzz lab lab-down bench bench-exporter bench-detect bench-forecast

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

up: ## Build, then watch the containers of this host (observe mode: nothing is changed)
	$(CARGO) build --release --locked
	./target/release/loadline up $(ARGS)

test: ## Install what the tests need, then format check, lints and all tests
	./tests/run.sh

test-neural: ## The tests of the networks, which the default build lacks: builds candle, trains for minutes
	$(CARGO) test --locked --release --lib --features neural neural

fuzz: ## Run each fuzz target for FUZZ_SECONDS (60)
	./fuzz/run.sh $(or $(FUZZ_SECONDS),60)

lab: ## The whole loop in containers: workload, exporter, scaler, Prometheus, Alertmanager, Grafana
	$(COMPOSE) up --build

lab-down: ## Remove the lab and its volumes
	$(COMPOSE) down --volumes

bench: ## Run the benchmarks
	$(CARGO) bench --locked

N ?= 50,300,1000
SCRAPES ?= 20
bench-exporter: ## What a scrape costs, as root: N=50,300 SCRAPES=20 PEER=http://localhost:8080/metrics PEER_PID= ARGS=
	$(CARGO) build --release --locked --bin loadline
	rustc -O --edition=2024 benches/exporter/floor.rs -o target/release/exporter-floor
	python3 benches/exporter/bench.py --loadline=target/release/loadline --floor=target/release/exporter-floor \
	    --n=$(N) --scrapes=$(SCRAPES) $(PEER:%=--peer=%) $(PEER_PID:%=--peer-pid=%) $(ARGS)

SCIKIT_LEARN ?= 1.9.1
ROUNDS ?= 7
bench-detect: ## The forest beside scikit-learn (put into target/peer where there is a network), and a tick: ROUNDS=7
	@target/peer/bin/python3 -c 'import sklearn' 2>/dev/null \
	    || { python3 -m venv target/peer && target/peer/bin/pip install --quiet scikit-learn==$(SCIKIT_LEARN); } \
	    || echo 'scikit-learn is not to be had: its row is left out' >&2
	$(CARGO) bench --locked --no-run --bench forest
	PATH="$$PWD/target/peer/bin:$$PATH" python3 benches/forest/bench.py --folder=target/peer-data \
	    --rounds=$(ROUNDS) -- $(CARGO) bench --quiet --locked --bench forest --
	$(CARGO) bench --quiet --locked --bench tick -- --targets=100,1000,10000 --past=400

LIGHTGBM ?= 4.7.0
bench-forecast: ## Boosting beside LightGBM (put into target/peer where there is a network), and all forecasters: ROUNDS=7
	@target/peer/bin/python3 -c 'import lightgbm' 2>/dev/null \
	    || { python3 -m venv target/peer && target/peer/bin/pip install --quiet lightgbm==$(LIGHTGBM); } \
	    || echo 'LightGBM is not to be had: its row is left out' >&2
	$(CARGO) bench --locked --no-run --bench boosting
	PATH="$$PWD/target/peer/bin:$$PATH" python3 benches/boosting/bench.py --folder=target/peer-data \
	    --rounds=$(ROUNDS) -- $(CARGO) bench --quiet --locked --bench boosting --
	$(CARGO) bench --quiet --locked --bench boosting --bench forecast
