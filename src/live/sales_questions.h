// SPDX-License-Identifier: MIT
// /v1/orders/{order_id}, /v1/sales and /v1/rejected as questions of the door.
#pragma once
#include "http/http_ports.h"

extern const struct http_questions sales_questions;
