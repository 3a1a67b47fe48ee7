# SPDX-License-Identifier: MIT
# Salestide. `make run` and `make check` do all the set-up on a fresh Debian machine.
# `make` alone builds build/salestide from what is installed; `make help` lists the rest.
CC      ?= cc
BUILD   ?= build
PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
CSTD    := -std=c17 -D_GNU_SOURCE
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
OPT     ?= -O2 -g -fno-omit-frame-pointer
PKGS    := libmicrohttpd sqlite3 zlib libxxhash libcrypto libssl libcurl inih libmariadb
PKGFLAGS = $(shell pkg-config --cflags $(PKGS))
PKGLIBS  = $(RDKAFKA_LIBS) $(shell pkg-config --libs $(PKGS)) -lpthread -lm
VERSION := 0.1.0

# One short line a step; `make V=1` shows the commands.
Q    := $(if $(V),,@)
tell  = $(if $(V),@:,@echo "  $(1)  $@")

# yyjson: the system's by pkg-config where it has one, else its source from the package index.
HAVE_YYJSON := $(shell pkg-config --exists yyjson 2>/dev/null && echo yes)
ifeq ($(HAVE_YYJSON),yes)
PKGS      += yyjson
YYJSON_H  :=
YYJSON_O   =
else
YYJSON_DIR := build/deps/yyjson
YYJSON_H   := $(YYJSON_DIR)/yyjson.h
YYJSON_O    = $(BUILD)/obj/yyjson.o
endif

# librdkafka likewise: before 2.6.1 it cannot log in by SCRAM to brokers from 4.0 on.
RDKAFKA_WANTED := rdkafka >= 2.6.1
HAVE_RDKAFKA   := $(shell pkg-config --exists '$(RDKAFKA_WANTED)' 2>/dev/null && echo yes)
ifeq ($(HAVE_RDKAFKA),yes)
PKGS         += rdkafka
else
PKGS         += libzstd
RDKAFKA_DIR  := build/deps/librdkafka
RDKAFKA_H    := $(RDKAFKA_DIR)/include/librdkafka/rdkafka.h
RDKAFKA_LIBS := $(RDKAFKA_DIR)/lib/librdkafka.a
endif
FETCHED := $(YYJSON_H) $(RDKAFKA_H)

# The program's allocator. Linked into it where there is a library for that: as one of its own it takes
# most of a megabyte more at rest. Asked for by name, since code that is optimised as a whole does not
# show that it allocates. Sanitizers bring their own.
JEMALLOC_DIR  := $(shell pkg-config --variable=libdir jemalloc 2>/dev/null)
JEMALLOC_LIBS := $(or $(wildcard $(JEMALLOC_DIR)/libjemalloc_pic.a),$(shell pkg-config --libs jemalloc 2>/dev/null))
PROGRAM_LIBS   = $(if $(SANITIZE),,-Wl,--require-defined=mallctl $(JEMALLOC_LIBS)) $(PKGLIBS)

CPPFLAGS += -Isrc -Iinclude $(if $(YYJSON_H),-isystem $(YYJSON_DIR)) \
            $(if $(RDKAFKA_H),-isystem $(RDKAFKA_DIR)/include) -DSALESTIDE_VERSION='"$(VERSION)"'
CFLAGS   += $(CSTD) $(WARN) $(OPT) $(SANITIZE) $(FAULTS)

SRC  := $(sort $(shell find src -name '*.c'))
OBJ   = $(SRC:src/%.c=$(BUILD)/obj/%.o)
LIBOBJ = $(filter-out $(BUILD)/obj/host/main.o,$(OBJ)) $(BUILD)/obj/web_assets.o $(BUILD)/obj/openapi_json.o \
         $(YYJSON_O)
UNIT := $(sort $(wildcard tests/unit/test_*.c))
CLUSTER := $(sort $(wildcard tests/cluster/test_*.c))
FUZZ := $(sort $(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all
all: $(BUILD)/salestide $(BUILD)/libsalestide.so $(BUILD)/libsalestide_reader.so

# Licences of what is in the program and the libraries themselves want to be beside them; what the system
# loads has its own.
NOTICES := $(if $(RDKAFKA_H),$(RDKAFKA_DIR)/LICENSES.txt) $(if $(YYJSON_H),$(YYJSON_DIR)/LICENSE) \
           $(if $(filter %.a,$(JEMALLOC_LIBS)),/usr/share/doc/libjemalloc-dev/copyright) \
           /usr/share/doc/libxxhash-dev/copyright
$(BUILD)/NOTICES: $(FETCHED) Makefile
	@mkdir -p $(@D)
	$(Q)for file in $(NOTICES); do \
	    [ ! -f $$file ] || { printf '==== %s\n\n' $$(basename $$(dirname $$file)); cat $$file; echo; }; done >$@.new && mv $@.new $@

# Everything but main: a test or benchmark links only what it uses of it.
$(BUILD)/libsalestide.a: $(LIBOBJ)
	$(call tell,AR)
	@rm -f $@.new
	$(Q)$(AR) rcs $@.new $(LIBOBJ) && mv $@.new $@

$(BUILD)/salestide: $(BUILD)/obj/host/main.o $(filter-out $(BUILD)/obj/kernel/% $(BUILD)/obj/reader/%,$(LIBOBJ))
	$(call tell,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(PROGRAM_LIBS)

$(BUILD)/obj/%.o: src/%.c $(FETCHED) | libraries
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/yyjson.o: $(YYJSON_H)
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) -O2 -g $(SANITIZE) -c -o $@ $(YYJSON_DIR)/yyjson.c

build/deps/yyjson/yyjson.h: scripts/get-yyjson.sh
	scripts/get-yyjson.sh $(@D)
build/deps/librdkafka/include/librdkafka/rdkafka.h: scripts/get-librdkafka.sh
	$(call tell,GET)
	$(Q)scripts/get-librdkafka.sh build/deps/librdkafka

# The kernel for other programs (include/salestide/arrow.h): compiled anew, since its code must not care
# where it lies and shows nothing but that header's functions. Of the rooms below src/kernel it has what it
# calls, and no library but libc.
PIC_ROOMS := base order format sums window engine store store/split
PIC_SRC    = $(sort $(foreach room,$(PIC_ROOMS),$(wildcard src/$(room)/*.c)))
PIC_KERNEL = $(patsubst src/%.c,$(BUILD)/pic/%.o,$(sort $(wildcard src/kernel/*.c)))
PIC_OBJ    = $(PIC_SRC:src/%.c=$(BUILD)/pic/%.o) $(YYJSON_O:$(BUILD)/obj/%=$(BUILD)/pic/%)
PICFLAGS   = -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections $(PICLTO)
# The libraries are compiled once more as a whole when they are linked: an order passes some forty small functions
# of as many files. By gcc alone, whose objects stay readable by others; not under sanitizers, for their traces.
PICLTO    := $(if $(SANITIZE),,$(if $(findstring gcc version,$(shell $(CC) -v 2>&1)),-flto=2 -ffat-lto-objects))
YYJSON_LIBS = $(if $(YYJSON_H),,$(shell pkg-config --libs yyjson))
comma     := ,
$(BUILD)/pic/%.o: src/%.c $(FETCHED) | libraries
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) $(PICFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/pic/yyjson.o: $(YYJSON_H)
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) -O2 -g $(SANITIZE) $(PICFLAGS) -c -o $@ $(YYJSON_DIR)/yyjson.c
$(BUILD)/pic/rooms.a: $(PIC_OBJ)
	$(call tell,AR)
	@rm -f $@.new
	$(Q)$(AR) rcs $@.new $(PIC_OBJ) && mv $@.new $@
# A sanitizer's own functions are found in the program that loads it.
$(BUILD)/libsalestide.so: $(PIC_KERNEL) $(BUILD)/pic/rooms.a src/kernel/exports.map
	$(call tell,LD)
	$(Q)$(CC) $(CFLAGS) $(PICLTO) -shared -Wl,-soname,libsalestide.so -Wl,--version-script=src/kernel/exports.map \
	    -Wl,--gc-sections -Wl,--as-needed $(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) \
	    -o $@ $(PIC_KERNEL) $(BUILD)/pic/rooms.a $(LDFLAGS) $(YYJSON_LIBS)

# What reads Kafka for it (include/salestide/reader.h), with the client that the program has, and nothing of it shown.
PIC_READER  = $(patsubst src/%.c,$(BUILD)/pic/%.o,$(sort $(wildcard src/reader/*.c)))
READER_LIBS = $(RDKAFKA_LIBS) $(shell pkg-config --libs $(if $(RDKAFKA_H),libssl libcrypto libzstd zlib,rdkafka)) -lpthread -lm
$(BUILD)/libsalestide_reader.so: $(PIC_READER) $(PIC_KERNEL) $(BUILD)/pic/rooms.a src/kernel/exports.map
	$(call tell,LD)
	$(Q)$(CC) $(CFLAGS) $(PICLTO) -shared -Wl,-soname,libsalestide_reader.so -Wl,--version-script=src/kernel/exports.map \
	    -Wl,--gc-sections -Wl,--as-needed $(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) -o $@ $(PIC_READER) \
	    $(BUILD)/pic/kernel/arrow_out.o $(BUILD)/pic/kernel/result.o $(BUILD)/pic/rooms.a $(LDFLAGS) $(READER_LIBS)

# One line instead of a compiler's page when a library is not there.
.PHONY: libraries
libraries:
	@pkg-config --exists $(PKGS) jemalloc || { \
	    echo "make: libraries are missing; run \`scripts/install-deps.sh build web\` first:" >&2; \
	    pkg-config --print-errors --exists $(PKGS) jemalloc; exit 1; }

# The page: bundled by esbuild from web/, embedded as gzip.
WEB_SRC := $(shell find web -path web/node_modules -prune -o -type f -print 2>/dev/null)
build/web/web_assets.c: $(WEB_SRC) scripts/build-web.sh
	scripts/build-web.sh $@

$(BUILD)/obj/web_assets.o: build/web/web_assets.c
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The API's description, embedded as it stands.
build/web/openapi_json.c: src/live/openapi.json scripts/embed.sh
	@mkdir -p $(@D)
	scripts/embed.sh openapi_json $< >$@

$(BUILD)/obj/openapi_json.o: build/web/openapi_json.c
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Unit tests: one program a file, linked with everything but main, under sanitizers. The same build
# has the program itself with fault points, for the crash tests.
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
ASAN_BUILD := BUILD=build/asan OPT='-O1 -g1 -fno-omit-frame-pointer' SANITIZE='$(ASAN)' \
              FAULTS='-DSALESTIDE_FAULTS -DSALESTIDE_CHECKS'
.PHONY: unit-programs unit-build asan faults
unit-programs: $(UNIT:tests/unit/%.c=$(BUILD)/unit/%)
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libsalestide.a
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -Itests/unit -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libsalestide.a $(LDFLAGS) $(PKGLIBS) -lcmocka

# Tests in C of what talks to real servers: pytest starts the servers and them (tests/cluster).
.PHONY: cluster-programs cluster-build
cluster-programs: $(CLUSTER:tests/cluster/%.c=$(BUILD)/cluster/%)
$(BUILD)/cluster/%: tests/cluster/%.c $(BUILD)/libsalestide.a
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -Itests/cluster -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libsalestide.a $(LDFLAGS) $(PKGLIBS) -lcmocka

unit-build:
	$(MAKE) $(ASAN_BUILD) unit-programs
cluster-build:
	$(MAKE) $(ASAN_BUILD) cluster-programs

# The unit tests and the program again under ThreadSanitizer, which cannot be had together with ASan.
TSAN_BUILD := BUILD=build/tsan OPT='-O1 -g1 -fno-omit-frame-pointer' SANITIZE='-fsanitize=thread' \
              FAULTS='-DSALESTIDE_FAULTS -DSALESTIDE_CHECKS' LDFLAGS='build/tsan/obj/c11_threads.o $(LDFLAGS)'
.PHONY: tsan-build
tsan-build: build/tsan/obj/c11_threads.o
	$(MAKE) $(TSAN_BUILD) build/tsan/salestide $(or $(TSAN_PROGRAMS),unit-programs)
build/tsan/obj/c11_threads.o: tests/tsan/c11_threads.c
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CSTD) $(WARN) -D_GNU_SOURCE -O1 -g1 -fno-omit-frame-pointer -fsanitize=thread -c -o $@ $<
asan:
	$(MAKE) $(ASAN_BUILD) build/asan/salestide
faults:
	$(MAKE) BUILD=build/faults FAULTS='-DSALESTIDE_FAULTS -DSALESTIDE_CHECKS' build/faults/salestide

# Fuzz targets: clang, libFuzzer. The same objects show that clang compiles all without a warning.
FUZZ_BUILD := BUILD=build/fuzz CC=clang OPT='-O1 -g1 -fno-omit-frame-pointer' \
              SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined'
.PHONY: fuzz-programs fuzz-build clang-objects clang-build
fuzz-programs: $(FUZZ:tests/fuzz/%.c=$(BUILD)/targets/%)
$(BUILD)/targets/%: tests/fuzz/%.c $(BUILD)/libsalestide.a
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libsalestide.a $(LDFLAGS) $(PKGLIBS)
fuzz-build:
	$(MAKE) $(FUZZ_BUILD) fuzz-programs
clang-objects: $(OBJ)
# For tools that need the compiler's flags.
.PHONY: print-flags
print-flags: $(FETCHED) | libraries
	@echo $(CPPFLAGS) $(PKGFLAGS) $(CSTD)
clang-build:
	$(MAKE) $(FUZZ_BUILD) clang-objects

# Programs through which tests from outside call what has no command of its own.
TOOLS := $(sort $(wildcard tests/tools/*.c))
.PHONY: test-tools
test-tools: $(TOOLS:tests/tools/%.c=$(BUILD)/tools/%)
$(BUILD)/tools/%: tests/tools/%.c $(BUILD)/libsalestide.a
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libsalestide.a $(LDFLAGS) $(PKGLIBS)

# Programs that measure: one a file, linked with the product's objects.
BENCH := $(sort $(wildcard bench/bench_*.c))
.PHONY: bench-programs
bench-programs: $(BENCH:bench/%.c=$(BUILD)/bench/%)
$(BUILD)/bench/%: bench/%.c $(BUILD)/libsalestide.a
	@mkdir -p $(@D)
	$(call tell,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libsalestide.a $(LDFLAGS) $(PKGLIBS)

# ---- what people and CI call

.PHONY: help deps spark-deps run check check-full unit tsan coverage integration browser crash cluster check-mysql8 \
        spark check-yarn check-superset check-powerbi check-lighthouse check-containers fuzz lint format docs superset bench
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

deps: ## Install what building and testing need (Debian: by apt), and get the real servers
	scripts/install-deps.sh build web test servers
	scripts/get-servers.sh kafka cassandra mysql8 hdfs
	scripts/get-spark.sh
spark-deps: ## Install PySpark and Spark's connectors, for spark/submit.sh
	scripts/install-deps.sh servers
	scripts/get-spark.sh

# Targets that build after installing start make again, since what is installed decides the flags.
run: ## Install, build, and run the demo: a server, orders for it, and a live page
	scripts/install-deps.sh build web
	$(MAKE) -j$(JOBS) all
	scripts/run-demo.sh

check: ## All tests, on a fresh machine too; ends with `N passed, N failed`
	scripts/install-deps.sh build web test servers
	scripts/check.sh

check-full: ## The long forms: 1,000 kills, long fuzzing, 200,000 orders through the servers, the Debian package, the containers
	scripts/install-deps.sh build web test servers packages containers
	scripts/check.sh --full

unit: ## Unit tests under ASan and UBSan
	scripts/check.sh unit
tsan: ## Unit tests and the program under ThreadSanitizer; FULL=1 for all of them
	scripts/check.sh $(if $(FULL),--full) tsan
coverage: ## Lines that unit and integration tests run, for each room; pages in build/coverage/html
	scripts/install-deps.sh build web test
	scripts/coverage.sh
integration: ## Tests of the whole program from outside
	scripts/check.sh reference integration
browser: ## Tests of the page in Chromium
	scripts/check.sh browser
crash: ## kill -9 at random points, 1,000 times
	scripts/check.sh --full crash
cluster: ## With real Kafka, Cassandra, MariaDB and MySQL 8; FULL=1 for the long form
	scripts/check.sh $(if $(FULL),--full) cluster
check-mysql8: ## Of those the ones with Oracle's MySQL 8 alone
	scripts/check.sh mysql8
spark: ## The job inside Spark, with the real servers and HDFS; FULL=1 for the long form
	scripts/check.sh $(if $(FULL),--full) spark
check-yarn: ## Of those the ones on a real YARN alone
	scripts/check.sh yarn
check-superset: ## The dashboard of superset/ in a real Superset, on SQLite and MariaDB
	scripts/install-deps.sh build web test servers
	scripts/check.sh superset
check-powerbi: ## The model of powerbi/ by Microsoft's own reader
	scripts/install-deps.sh test
	scripts/check.sh powerbi
check-containers: ## The images of deploy/ built, compose.yaml brought up (podman, as root); FULL=1 with Superset and Spark
	scripts/install-deps.sh build web test servers containers
	scripts/check.sh $(if $(FULL),--full) containers
check-lighthouse: ## Lighthouse on the page, as a phone and as a desk
	scripts/install-deps.sh build web test
	scripts/check.sh lighthouse
fuzz: ## Fuzzing, FUZZ_SECONDS (60) for each target
	scripts/fuzz.sh $(or $(FUZZ_SECONDS),60)
lint: ## Format, static analysis, warnings of clang, drift of generated documents
	scripts/check.sh lint
format: ## Format all C files
	find src include tests bench -name '*.[ch]' -print0 | xargs -0 clang-format -i

docs: $(BUILD)/salestide ## Generate docs/configuration.md, the man page and web/src/types.ts again
	scripts/generate-docs.sh $< docs web/src/types.ts

superset: ## Install Superset and start it with the bundle on loopback: SOURCE=mysql|sqlite URI=...
	superset/start.sh $(or $(SOURCE),sqlite) $(if $(URI),'$(URI)')

bench: ## Measure speed and size, beside others, on this machine; QUICK=1 is short
	scripts/install-deps.sh build web bench servers
	scripts/get-servers.sh kafka cassandra hdfs
	scripts/get-spark.sh
	scripts/get-flink.sh
	$(MAKE) -j$(JOBS) all bench-programs
	bench/run.sh

.PHONY: release check-release fetch dist deb check-deb
release: ## The program and the libraries in build/release, optimised as a whole and by a profile of their own work (LTO, PGO; gcc, minutes)
	scripts/install-deps.sh build web
	scripts/release.sh
check-release: ## Of those that the same profile makes the same bytes, and the tests from outside
	scripts/install-deps.sh build web test
	scripts/check.sh release
fetch: $(FETCHED) build/web/web_assets.c ## All that comes from outside, and the page made of it: then the rest builds without network
dist: ## The source tarball, build/salestide-VERSION.tar.gz
	scripts/dist.sh $(VERSION)
deb: ## The Debian package, in build/deb
	scripts/install-deps.sh build web packages
	$(MAKE) fetch
	scripts/deb.sh $(VERSION)
check-deb: ## The package on a clean Debian, and a build of the tarball without network; as root
	scripts/install-deps.sh build web test packages
	scripts/check.sh deb

.PHONY: install uninstall clean
UNITS := $(wildcard deploy/*.service)
SPARK := $(wildcard spark/*.py) spark/log4j2.properties spark/requirements.txt
BASH_COMPLETION := share/bash-completion/completions/salestide
ZSH_COMPLETION := share/zsh/site-functions/_salestide
FISH_COMPLETION := share/fish/vendor_completions.d/salestide.fish
install: all $(BUILD)/NOTICES ## Install program, library, the job in Spark, man page, completions and systemd units below PREFIX (/usr/local)
	install -D -m 755 $(BUILD)/salestide $(DESTDIR)$(PREFIX)/bin/salestide
	install -D -m 644 $(BUILD)/libsalestide.so $(DESTDIR)$(PREFIX)/lib/libsalestide.so
	install -D -m 644 $(BUILD)/libsalestide_reader.so $(DESTDIR)$(PREFIX)/lib/libsalestide_reader.so
	install -D -m 644 include/salestide/arrow.h $(DESTDIR)$(PREFIX)/include/salestide/arrow.h
	install -D -m 644 include/salestide/reader.h $(DESTDIR)$(PREFIX)/include/salestide/reader.h
	install -D -m 644 docs/salestide.1 $(DESTDIR)$(PREFIX)/share/man/man1/salestide.1
	install -D -m 644 docs/completions/salestide.bash $(DESTDIR)$(PREFIX)/$(BASH_COMPLETION)
	install -D -m 644 docs/completions/_salestide $(DESTDIR)$(PREFIX)/$(ZSH_COMPLETION)
	install -D -m 644 docs/completions/salestide.fish $(DESTDIR)$(PREFIX)/$(FISH_COMPLETION)
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/salestide/LICENSE
	install -D -m 644 $(BUILD)/NOTICES $(DESTDIR)$(PREFIX)/share/doc/salestide/NOTICES
	install -d $(DESTDIR)$(PREFIX)/share/salestide/spark
	install -m 644 $(SPARK) $(DESTDIR)$(PREFIX)/share/salestide/spark
	install -m 755 spark/submit.sh $(DESTDIR)$(PREFIX)/share/salestide/spark
	ln -sf ../share/salestide/spark/submit.sh $(DESTDIR)$(PREFIX)/bin/salestide-spark
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in $(UNITS:deploy/%=%); do \
	    sed 's|/usr/local/bin|$(PREFIX)/bin|' deploy/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit && \
	    chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; done
uninstall: ## Remove what install put there; data stays
	rm -rf $(DESTDIR)$(PREFIX)/share/salestide/spark
	rm -f $(DESTDIR)$(PREFIX)/bin/salestide $(DESTDIR)$(PREFIX)/bin/salestide-spark $(DESTDIR)$(PREFIX)/lib/libsalestide.so \
	    $(DESTDIR)$(PREFIX)/lib/libsalestide_reader.so $(DESTDIR)$(PREFIX)/include/salestide/reader.h \
	    $(DESTDIR)$(PREFIX)/include/salestide/arrow.h $(DESTDIR)$(PREFIX)/share/man/man1/salestide.1 \
	    $(addprefix $(DESTDIR)$(PREFIX)/,$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)) \
	    $(addprefix $(DESTDIR)$(PREFIX)/share/doc/salestide/,LICENSE NOTICES) $(UNITS:deploy/%=$(DESTDIR)$(PREFIX)/lib/systemd/system/%)
clean: ## Remove what was built (build/deps, build/venv, build/clients, build/servers, build/spark-*, build/superset*, build/powerbi-venv and web/node_modules stay)
	rm -rf build/deb build/salestide-*.tar.gz build/obj build/pic build/libsalestide.a build/libsalestide.so build/libsalestide_reader.so build/bench build/tools build/asan build/tsan build/coverage build/faults build/fuzz build/check build/web build/release build/salestide build/NOTICES

-include $(OBJ:.o=.d)
-include $(PIC_KERNEL:.o=.d) $(PIC_READER:.o=.d) $(PIC_OBJ:.o=.d)
-include $(UNIT:tests/unit/%.c=$(BUILD)/unit/%.d)
-include $(CLUSTER:tests/cluster/%.c=$(BUILD)/cluster/%.d)
-include $(BENCH:bench/%.c=$(BUILD)/bench/%.d)
-include $(TOOLS:tests/tools/%.c=$(BUILD)/tools/%.d)
-include $(FUZZ:tests/fuzz/%.c=$(BUILD)/targets/%.d)
