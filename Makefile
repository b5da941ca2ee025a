# spectrum2: what there is to do. `make demo` shows the main job live, `make
# check` runs every test; both need a Debian machine with Go and nothing else.
# `make run` is for trying it, anywhere that Go and bash are.

GO       ?= go
VERSION  := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)
LDFLAGS  := -s -w -X main.version=$(VERSION)
BIN      := build/bin
PROGRAMS := $(notdir $(wildcard cmd/*))
MANPAGES := $(patsubst man/%.scd,build/man/%,$(wildcard man/*.scd))
STEP     := @packaging/step
export GOFLAGS := -buildvcs=false
export CGO_ENABLED ?= 1

.PHONY: all build man lint test fuzz integration deb apt-repo system-test demo run clients check databases bench generate clean

all: build man

build: ## all programs, into build/bin
	@mkdir -p $(BIN)
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

man: $(MANPAGES) ## the manual pages, into build/man

build/man/%: man/%.scd
	@packaging/need scdoc
	@mkdir -p build/man
	@scdoc <$< >$@

lint: ## formatting, vet, staticcheck, units, shell scripts, manual pages
	@packaging/lint

test: ## unit tests with the race detector, fuzz targets with their seeds
	@packaging/need gcc libc6-dev dbus
	@$(GO) test -race -timeout 20m $$($(GO) list ./daemon/... ./spectrumctl/... ./cmd/... | grep -v /daemon/integration)

fuzz: ## each fuzz target for FUZZTIME (10 s)
	@packaging/fuzz $(or $(FUZZTIME),10s)

integration: build ## the real programs against real servers
	@packaging/integration

deb: ## Debian packages, into build/deb
	@packaging/deb

apt-repo: deb ## a local apt repository, in build/apt
	@packaging/apt-repo

system-test: apt-repo ## install and use the packages in a booted Debian
	@packaging/system/test

demo: ## the main job, live
	@packaging/system/demo

run: ## an XMPP server before an IRC network on this machine, to try with any client
	@packaging/run

clients: build ## clients that others wrote, against server mode
	@packaging/clients/all
	@packaging/clients/spread
	@packaging/clients/tls

databases: ## the stores against MySQL, newer MariaDB and PostgreSQL, and odd settings
	@packaging/databases

bench: build ## benchmarks and load drivers; BENCH=database (hot, load, server) is only that part
	@packaging/bench

check: ## everything: lint, tests, integration, packages, system test
	@packaging/check

generate: ## the backend protocol's Go code from its schema
	@packaging/need protobuf-compiler
	@mkdir -p build/tools
	@$(GO) build -o build/tools/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	@PATH=$$PWD/build/tools:$$PATH $(GO) generate ./daemon/pbnetwork

clean:
	@rm -rf build
