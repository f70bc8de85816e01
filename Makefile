# One entry for everything a person or a machine does here. `make` alone lists the targets.
CONFIG ?= plugins.yaml
PREFIX ?= /usr/local
DESTDIR ?=
# The second store engine is built where its library is: asked for each recipe, `setup` may just have installed it.
export HOOKLINE_ROCKSDB = $(shell pkg-config --exists rocksdb 2>/dev/null && echo 1)
RELEASE := .build/release
FORMATTED := Package.swift SDK/Package.swift Sources Plugins Tests Fuzz $(wildcard Examples)

.DEFAULT_GOAL := help
.PHONY: help run build test check check-asan check-tsan conformance fuzz simulate coverage crash crash-power bench \
    bench-hooks bench-slow-plugin bench-durability bench-edge bench-store bench-swap bench-administration check-acl \
    check-metrics check-store format install clean setup

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: setup ## build in release mode and serve plugins.yaml (CONFIG=FILE for another one)
	@swift build -c release
	@$(RELEASE)/hookline certs init --if-missing certs
	@exec scripts/run.sh $(CONFIG)

build: setup ## release build of the host, the tool and the plugins
	@swift build -c release
	@scripts/build-http.sh

setup:
	@scripts/setup.sh run

test: ## everything: format, tidy rules, unit tests, C examples, integration tests with real clients
	@scripts/test.sh

check: ## the quick part of `make test`: format, C examples, unit tests, tidy rules
	@scripts/test.sh quick

check-asan: ## unit tests and a short integration run with AddressSanitizer
	@scripts/sanitize.sh address

check-tsan: ## unit tests and a short integration run with ThreadSanitizer
	@scripts/sanitize.sh thread

conformance: ## the conformance tests, docs/conformance.md, and the totals for each version of MQTT
	@scripts/setup.sh test
	@swift build --build-tests
	@swift test --skip-build --disable-xctest --filter '^ConformanceTests\.'
	@scripts/conformance.py

fuzz: ## libFuzzer with AddressSanitizer on the decoder and on whole connections, TIME seconds each (60)
	@scripts/fuzz.sh $(or $(TIME),60)

simulate: ## the simulation with 10,000 seeds (SEEDS=n), or one seed and its shortest trace (SEED=n)
	@HOOKLINE_SIMULATION=1 SIMULATION_SEEDS=$(or $(SEEDS),10000) $(if $(SEED),SIMULATION_SEED=$(SEED)) \
	    swift test -c release --scratch-path .build-simulation -Xswiftc -enable-testing --disable-xctest

DECISIONS ?= 1000000
check-acl: ## random access rules and questions against a slow reference matcher (DECISIONS=1000000)
	@HOOKLINE_DECISIONS=$(DECISIONS) swift test -c release --scratch-path .build-decisions \
	    -Xswiftc -enable-testing --disable-xctest --filter RandomDecisionTests

coverage: ## line coverage by the tests without sockets: fails below 100 % of MQTTCodec, 95 % of BrokerCore
	@scripts/coverage.sh

bench: ## wire bench side by side with Debian's mosquitto (BENCH="--rounds 3 --cells pairs")
	@scripts/setup.sh bench
	@swift build -c release
	@python3 Benchmarks/wire/run.py $(BENCH)

ROUNDS ?= 200
crash: ## kill -9 at random moments while clients publish: nothing acknowledged may be lost (ROUNDS=200, SEED=n)
	@swift build -c release
	@python3 Tests/Crash/crash.py --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

crash-power: ## the power fails at each of the first flushes of a broker, with both engines (ROUNDS=200, SEED=n)
	@swift build -c release
	@for engine in store-sqlite $(if $(HOOKLINE_ROCKSDB),store-rocksdb); do \
	    python3 Tests/Crash/crash.py --power --rounds $(ROUNDS) --store $$engine $(if $(SEED),--seed $(SEED)) || exit 1; \
	done

bench-durability: ## what durability costs, each figure beside its goal (FIGURES="throughput queue restart plain")
	@swift build -c release
	@python3 Benchmarks/durability/run.py $(FIGURES)

bench-edge: ## figures of TLS, limits, log-ins and access rules, each held against its goal; on a quiet machine
	@swift build -c release
	@python3 Benchmarks/wire/transports.py
	@python3 Benchmarks/auth/wrong_passwords.py
	@python3 Benchmarks/acl/run.py
	@python3 Benchmarks/acl/live.py

bench-swap: ## swap plugins under load for a minute and count what is lost (SWAP="--seconds 10"); on a quiet machine
	@swift build -c release
	@python3 Benchmarks/reload/author.py
	@python3 Benchmarks/reload/swap.py $(SWAP)

bench-hooks: ## what hooks cost, in instructions under callgrind, held against Benchmarks/hooks/thresholds.json
	@command -v valgrind >/dev/null || { echo "bench-hooks needs valgrind: apt-get install valgrind" >&2; exit 1; }
	@swift build -c release --product hook-bench
	@python3 Benchmarks/hooks/run.py $(RELEASE)/hook-bench

bench-slow-plugin: ## what a plugin that takes 2 s for one client costs the others: p99 within 1.5 times, two minutes
	@swift build -c release --product hookline
	@swift build -c release --product hookline-host
	@python3 Benchmarks/hooks/slow_plugin.py --build $(RELEASE)

bench-store: ## durable batches per second of the store alone (STORE=DIR for another disk, ENGINE=store-rocksdb)
	@swift build -c release
	@$(RELEASE)/store-bench $(RELEASE)/lib$(or $(ENGINE),store-sqlite).so $(or $(STORE),/var/tmp) 5

bench-administration: ## what other clients notice of an administrator's lists (SESSIONS=100000)
	@swift build -c release
	@python3 Benchmarks/administration/pages.py $(SESSIONS)

check-store: ## the store plugins against store/1, with the power cut at every flush (SEEDS=n workloads)
	@swift build -c release
	@for engine in store-sqlite $(if $(HOOKLINE_ROCKSDB),store-rocksdb); do \
	    $(RELEASE)/hookline plugins check-store $(RELEASE)/lib$$engine.so --seeds $(or $(SEEDS),12) || exit 1; done

check-metrics: ## a million messages, each kind of drop provoked: the counters tell the truth (MESSAGES=n)
	@scripts/setup.sh test
	@swift build -c release
	@HOOKLINE_SLOW=8 HOOKLINE_MESSAGES=$(or $(MESSAGES),1000000) WORKERS=2 \
	    scripts/integration.sh $(RELEASE) test_metric_truth.py

format: ## rewrite the Swift sources in the house format
	@swift format --in-place --parallel --configuration .swift-format -r $(FORMATTED)

install: build ## install under PREFIX (default /usr/local; DESTDIR is honoured)
	@scripts/install.sh "$(DESTDIR)" "$(PREFIX)"

clean: ## remove what builds and test runs leave behind
	@rm -rf .build .build-address .build-thread .build-coverage .build-fuzz .build-simulation .build-decisions \
	    .build-http .venv .pytest_cache bench-out
