// SPDX-License-Identifier: MIT
// The thread that a store commits on while the engine judges the next batch. It does one work, as
// often as it is asked to; one batch at a time. It starts when it is first needed: a store that
// never has much to do has none.
//
// Tests of what may happen in between have no thread, but turns.
#pragma once
#include "base/must.h"
#include <pthread.h>
#include <stdbool.h>

struct commit_thread {
    void (*work)(void *user);
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool runs, given, stop;
};

// `work` is called on the thread; what the caller has written before give it sees, and the caller
// after wait what it has written.
void commit_thread_init(struct commit_thread *t, void (*work)(void *user), void *user);
// Begins the work; nothing given before is without its wait. False: there is no thread, so the
// caller does it.
MUST_CHECK bool commit_thread_give(struct commit_thread *t);
// Until the work that was given is done: as long as a commit takes.
void commit_thread_wait(struct commit_thread *t);
void commit_thread_end(struct commit_thread *t); // nothing is given; ends the thread

// For tests: the caller does the work itself, within give where at_once says so, else within wait.
// NULL: a thread again. While nothing is given.
typedef bool (*commit_turn_fn)(void *user);
void commit_thread_set_turns(commit_turn_fn at_once, void *user);
