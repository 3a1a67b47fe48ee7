// SPDX-License-Identifier: MIT
// Source and state of an event, by the rule of origin.h. What is taken back counts where it was
// counted first, whatever the event itself or the customer's row says by now.
#include "sums/origin.h"

void origin_resolve(struct order *o, const struct origin *placed,
                    const struct customers *customers) {
    if (placed != NULL) {
        o->source = placed->source;
        o->state = placed->state;
        return;
    }
    const struct customer *customer = o->source.at != NULL && o->state.at != NULL
                                          ? NULL
                                          : customers_find(customers, o->customer_id);
    if (customer != NULL) {
        o->source = o->source.at != NULL ? o->source : customer->source;
        o->state = o->state.at != NULL ? o->state : customer->state;
    }
    o->source = o->source.at != NULL ? o->source : TEXT_LIT("(unknown)");
    o->state = o->state.at != NULL ? o->state : TEXT_LIT("(unknown)");
}
