// SPDX-License-Identifier: MIT
// How often an address may try wrong keys to sign in: LOGIN_TRIES at once, then one each
// LOGIN_TRY_EVERY_MS. Keys cannot be guessed; this keeps who tries from being a load. Loop's
// thread; the time is handed in.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    LOGIN_TRIES = 10,
    LOGIN_TRY_EVERY_MS = 6000, // also the longest that one has to wait
    LOGIN_ADDRESSES = 1024, // known at once; beyond that those that have tried least are forgotten
};

// A network of IPv6 (64 bits: what one host can choose from) or an address of IPv4.
struct login_address {
    uint64_t bits;
};
struct login_address login_address_of(const struct sockaddr_storage *peer);

struct login_slot {
    struct login_address address;
    int64_t even_ms; // when all its tries are forgotten; in the past: the slot is free
};
struct login_limit {
    struct login_slot slots[LOGIN_ADDRESSES]; // zeroed at first
};
bool login_limit_allows(const struct login_limit *l, struct login_address from, int64_t now_ms);
void login_limit_failed(struct login_limit *l, struct login_address from, int64_t now_ms);
