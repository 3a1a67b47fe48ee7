// SPDX-License-Identifier: MIT
// What is known of an event's identity (order_id, kind, event_id).
#pragma once

enum known_as {
    KNOWN_NEW,   // not known
    KNOWN_SAME,  // known with the same content: order_same_content
    KNOWN_OTHER, // known with other content
};
