# SPDX-License-Identifier: MIT
# Salestide. `make run` and `make check` do all the set-up on a fresh Debian machine.
CC      ?= cc
BUILD   ?= build
PREFIX  ?= /usr/local
CSTD    := -std=c17 -D_GNU_SOURCE
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
OPT     ?= -O2 -g -fno-omit-frame-pointer
PKGS    := libmicrohttpd sqlite3 zlib libxxhash libcrypto libcurl inih
PKGFLAGS = $(shell pkg-config --cflags $(PKGS))
PKGLIBS  = $(shell pkg-config --libs $(PKGS)) -lpthread -lm
VERSION := 0.1.0

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

CPPFLAGS += -Isrc $(if $(YYJSON_H),-isystem $(YYJSON_DIR)) -DSALESTIDE_VERSION='"$(VERSION)"'
CFLAGS   += $(CSTD) $(WARN) $(OPT) $(SANITIZE) $(FAULTS)

SRC  := $(sort $(shell find src -name '*.c'))
OBJ   = $(SRC:src/%.c=$(BUILD)/obj/%.o)
LIBOBJ = $(filter-out $(BUILD)/obj/main.o,$(OBJ)) $(BUILD)/obj/web_assets.o $(YYJSON_O)
UNIT := $(sort $(wildcard tests/unit/test_*.c))

.PHONY: all
all: $(BUILD)/salestide

$(BUILD)/salestide: $(BUILD)/obj/main.o $(LIBOBJ)
	$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(PKGLIBS)

$(BUILD)/obj/%.o: src/%.c $(YYJSON_H)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/yyjson.o: $(YYJSON_H)
	@mkdir -p $(@D)
	$(CC) -O2 -g $(SANITIZE) -DYYJSON_DISABLE_UTILS=1 -c -o $@ $(YYJSON_DIR)/yyjson.c

build/deps/yyjson/yyjson.h:
	scripts/get-yyjson.sh $(@D)

# The page: bundled by esbuild from web/, embedded as gzip.
WEB_SRC := $(shell find web -path web/node_modules -prune -o -type f -print)
build/web/web_assets.c: $(WEB_SRC) scripts/build-web.sh
	scripts/build-web.sh $@

$(BUILD)/obj/web_assets.o: build/web/web_assets.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Unit tests: one program a file, linked with everything but main, under sanitizers.
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
.PHONY: unit-programs
unit-programs: $(UNIT:tests/unit/%.c=$(BUILD)/unit/%)
$(BUILD)/unit/%: tests/unit/%.c $(LIBOBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(PKGFLAGS) $(CFLAGS) -Itests/unit -MMD -MP -MF $@.d -o $@ $< $(LIBOBJ) $(LDFLAGS) $(PKGLIBS) -lcmocka

.PHONY: unit
unit:
	$(MAKE) BUILD=build/asan OPT='-O1 -g -fno-omit-frame-pointer' SANITIZE='$(ASAN)' FAULTS=-DSALESTIDE_FAULTS unit-programs

-include $(OBJ:.o=.d)
-include $(UNIT:tests/unit/%.c=$(BUILD)/unit/%.d)
