// SPDX-License-Identifier: MIT
// Submits rejected events again: posts each as a request of its own, prints its verdict and notes
// it beside the rejected event. Main thread.
#pragma once
#include "base/text.h"
#include "store/rejected_retries.h"
#include "tool/rejected/rejected_which.h"
#include "tool/send_to.h"

struct rejected_sender;
// Takes over `retries`, which gets the verdicts, also when it fails. `to` is a server or a topic.
MUST_CHECK bool rejected_sender_open(const struct send_to *to, struct rejected_retries *retries,
                                     struct rejected_sender **out, struct error *err);
// Sends this text for a rejected event, or the order that it has in an envelope, unless somebody
// else has begun to since it was seen. Some are on their way at a time. Prints what becomes of it,
// some time until the end.
void rejected_sender_post(struct rejected_sender *s, const struct rejected_found *found,
                          struct text kept);
// One that is not sent, and why.
void rejected_sender_skip(struct rejected_sender *s, int64_t id, const char *why);
// Marks the rejected events whose places newer ones have taken.
MUST_CHECK bool rejected_sender_mark(struct rejected_sender *s, struct sales_reader *reader,
                                     struct error *err);
// Something went wrong that ends all of it: see _end.
bool rejected_sender_failed(const struct rejected_sender *s);
// Waits for what is under way and prints a summary. False: err tells what ended it. *all: every
// event got through.
MUST_CHECK bool rejected_sender_end(struct rejected_sender *s, bool *all, struct error *err);
void rejected_sender_close(struct rejected_sender *s); // NULL is fine

// Texts of others may hold anything: what is not to be shown as it is
// (text_shown) is a question mark.
void rejected_print_text(struct text t, bool one_line);
