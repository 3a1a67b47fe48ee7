// SPDX-License-Identifier: MIT
// What the commands that open the HTTP door have in common.
#pragma once
#include "host/options.h"
#include "http/http_server.h"

// Before any thread starts: signals for the loop are blocked and put into *signals, a client that
// is gone is no signal, freed memory is kept.
void http_prepare_process(sigset_t *signals);
// Address, keys and the limits that all of them have; `out` keeps what else is in it.
void http_options_read(const struct options *o, struct http_options *out);
// Likewise the limits of those that take orders, and of those that show sales.
void http_orders_options_read(const struct options *o, struct http_options *out);
void http_sales_options_read(const struct options *o, struct http_options *out);
