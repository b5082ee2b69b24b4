# Everything that a desk or CI does has a line here; `make` alone lists them.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-builtin-rules --no-print-directory

ROOT  := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
# Built tools, pinned by tools/*/go.sum and tools/spectral/package-lock.json; never on the PATH, never committed.
TOOLS := $(ROOT)/.tools

PKG       ?= ./...
RUN       ?= .
BENCH     ?= .
BENCHTIME ?= 1s
FUZZTIME  ?= 20s
ARGS      ?=
VERSION   ?= $(shell git -C $(ROOT) describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS   := -s -w -X main.version=$(VERSION)

# Where goroutines meet. The domain has none, and generated code has no tests.
RACE_PKGS := ./ports/... ./adapters/... ./cmd/...
# What generators write.
GENERATED := adapters/httpapi/oas adapters/postgres/sqlcgen sdk/go

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\nVariables: PKG=%s RUN=%s BENCH=%s BENCHTIME=%s FUZZTIME=%s ARGS= VERSION=%s\n' '$(PKG)' '$(RUN)' '$(BENCH)' '$(BENCHTIME)' '$(FUZZTIME)' '$(VERSION)'

##@ Run
.PHONY: run build migrate db-up db-down
run: build ## Build and start a server with a private database in .sheaf/ (ARGS= are flags of `sheaf dev`)
	@exec bin/sheaf dev $(ARGS)

build: ## Build bin/sheaf, static
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/sheaf ./cmd/sheaf

migrate: build ## Bring the configured database to the newest schema
	bin/sheaf migrate up

db-up: setup ## Start a PostgreSQL for development in .sheaf/desk and print its URL
	@tools/db.sh up

db-down: ## Stop it; the data stays
	@tools/db.sh down

##@ Test
.PHONY: setup test test-short test-race fuzz bench bench-go cover
setup: ## Install what tests need and is missing (as root on Debian), or say how
	@tools/setup.sh postgres cc redis

test: setup ## Run every test, and the concurrent ones again under the race detector
	go test -timeout 8m $(PKG)
	$(MAKE) test-race

test-short: setup ## Run the tests that take no time
	go test -short -timeout 3m -run '$(RUN)' $(PKG)

test-race: setup ## Run the tests of whatever has goroutines under the race detector
	go test -race -short -timeout 6m $(RACE_PKGS)

fuzz: ## Fuzz each target for FUZZTIME
	@tools/fuzz.sh $(FUZZTIME) '$(PKG)'

bench: setup build ## Measure the server beside bare net/http, one pgx statement a request, and COPY (ARGS= are flags of sheafbench)
	go run ./cmd/sheafbench -server bin/sheaf $(ARGS)

bench-go: setup ## Run the Go benchmarks BENCH for BENCHTIME each
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -timeout 60m $(PKG)

cover: setup ## Measure what the tests reach, generated code aside, into coverage.out and coverage.html
	go test -short -timeout 10m -coverpkg=./... -coverprofile=coverage.all.out ./...
	grep -vE '\.gen\.go:|/sqlcgen/' coverage.all.out > coverage.out
	go tool cover -html=coverage.out -o coverage.html
	go tool cover -func=coverage.out | tail -1

##@ Check
.PHONY: fmt lint generate verify contract-lint contract-diff ci
fmt: $(TOOLS)/golangci-lint ## Format the Go code
	$(TOOLS)/golangci-lint fmt

lint: $(TOOLS)/golangci-lint ## Vet and lint the Go code
	go vet ./...
	$(TOOLS)/golangci-lint run

generate: $(TOOLS)/oapi-codegen $(TOOLS)/sqlc ## Write all generated code anew
	go generate $(addprefix ./,$(filter-out %/sqlcgen,$(GENERATED)))
	if compgen -G 'adapters/postgres/queries/*.sql' > /dev/null; then $(TOOLS)/sqlc generate; fi

verify: generate ## Fail when generated code is not what its sources make
	@drift=$$(git status --porcelain -- $(GENERATED)); \
	if [ -n "$$drift" ]; then \
		git --no-pager diff --stat -- $(GENERATED); echo "$$drift"; \
		echo 'verify: generated code differs from what is committed; run make generate and commit the result' >&2; exit 1; \
	fi

contract-lint: $(TOOLS)/spectral/node_modules/.package-lock.json ## Lint openapi.yaml
	$(TOOLS)/spectral/node_modules/.bin/spectral lint --ruleset tools/spectral/rules.yaml --fail-severity=warn openapi.yaml

contract-diff: $(TOOLS)/oasdiff ## Fail when openapi.yaml breaks callers of the version before (BASE_REF, else found in git)
	@OASDIFF=$(TOOLS)/oasdiff tools/contract-diff.sh

ci: ## Do all that CI does
	.ci/run

##@ Tools
.PHONY: tools clean
tools: $(TOOLS)/oapi-codegen $(TOOLS)/oasdiff $(TOOLS)/sqlc $(TOOLS)/golangci-lint $(TOOLS)/spectral/node_modules/.package-lock.json ## Build the pinned tools into .tools/ (minutes when cold, nothing after)

# One module a tool: their dependencies disagree with one another's and with ours. Without cgo, because sqlc's C parser
# takes many times as long to build as its WebAssembly one. A tool is rebuilt when its go.sum changes.
$(TOOLS)/oapi-codegen:  MODULE := tools
$(TOOLS)/oasdiff:       MODULE := tools/oasdiff
$(TOOLS)/sqlc:          MODULE := tools/sqlc
$(TOOLS)/golangci-lint: MODULE := tools/lint
$(TOOLS)/oapi-codegen: tools/go.sum
$(TOOLS)/oasdiff: tools/oasdiff/go.sum
$(TOOLS)/sqlc: tools/sqlc/go.sum
$(TOOLS)/golangci-lint: tools/lint/go.sum
$(TOOLS)/oapi-codegen $(TOOLS)/oasdiff $(TOOLS)/sqlc $(TOOLS)/golangci-lint:
	@echo 'building $(@F)'
	@mkdir -p $(TOOLS)
	@cd $(MODULE) && CGO_ENABLED=0 GOBIN=$(TOOLS) go install tool
	@touch $@

$(TOOLS)/spectral/node_modules/.package-lock.json: tools/spectral/package.json tools/spectral/package-lock.json
	@tools/setup.sh node
	@mkdir -p $(TOOLS)/spectral
	@cp tools/spectral/package.json tools/spectral/package-lock.json $(TOOLS)/spectral/
	@npm ci --prefix $(TOOLS)/spectral --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean: ## Remove what was built; tools and data stay
	rm -rf bin coverage.out coverage.all.out coverage.html
