// SPDX-License-Identifier: MIT
// A try moves the moment at which the address is even again; it may be as far ahead as the tries
// last that are free. An address has one of the WAYS slots that its hash leads to.
#include "http/login_limit.h"

#include "base/hash.h"
#include <netinet/in.h>

enum { WAYS = 8 };

struct login_address login_address_of(const struct sockaddr_storage *peer) {
    struct login_address a = {0};
    if (peer->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
        bool is_v4 = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(&a.bits, v6->sin6_addr.s6_addr + (is_v4 ? 12 : 0), is_v4 ? 4 : sizeof a.bits);
    } else if (peer->ss_family == AF_INET) {
        memcpy(&a.bits, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    }
    return a;
}

static size_t first_way(struct login_address from) {
    return hash_u64(from.bits) % (LOGIN_ADDRESSES / WAYS) * WAYS;
}

static const struct login_slot *find_slot(const struct login_limit *l, struct login_address from,
                                          int64_t now_ms) {
    const struct login_slot *slots = &l->slots[first_way(from)];
    for (size_t i = 0; i < WAYS; i++) {
        if (slots[i].address.bits == from.bits && slots[i].even_ms > now_ms) {
            return &slots[i];
        }
    }
    return NULL;
}

bool login_limit_allows(const struct login_limit *l, struct login_address from, int64_t now_ms) {
    const struct login_slot *slot = find_slot(l, from, now_ms);
    return slot == NULL || slot->even_ms - now_ms <= (LOGIN_TRIES - 1) * LOGIN_TRY_EVERY_MS;
}

void login_limit_failed(struct login_limit *l, struct login_address from, int64_t now_ms) {
    struct login_slot *slot = (struct login_slot *)find_slot(l, from, now_ms);
    if (slot == NULL) {
        struct login_slot *slots = &l->slots[first_way(from)];
        slot = &slots[0];
        for (size_t i = 1; i < WAYS; i++) {
            slot = slots[i].even_ms < slot->even_ms ? &slots[i] : slot;
        }
        *slot = (struct login_slot){from, now_ms};
    }
    slot->even_ms += LOGIN_TRY_EVERY_MS;
}
