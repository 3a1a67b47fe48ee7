// SPDX-License-Identifier: MIT
// One worker under one mutex: given is set by who gives, and cleared when the work is done.
#include "store/commit_thread.h"

#include <assert.h>

static commit_turn_fn turn;
static void *turn_user;

void commit_thread_set_turns(commit_turn_fn at_once, void *user) {
    turn = at_once;
    turn_user = user;
}

static void *commit_thread_run(void *user) {
    struct commit_thread *t = user;
    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        if (!t->given) {
            pthread_cond_wait(&t->changed, &t->lock);
            continue;
        }
        pthread_mutex_unlock(&t->lock);
        t->work(t->user);
        pthread_mutex_lock(&t->lock);
        t->given = false;
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

void commit_thread_init(struct commit_thread *t, void (*work)(void *user), void *user) {
    *t = (struct commit_thread){.work = work, .user = user};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
}

static void take_turn(struct commit_thread *t, bool now) {
    t->given = !now;
    if (now) {
        t->work(t->user);
    }
}

bool commit_thread_give(struct commit_thread *t) {
    if (turn != NULL) {
        take_turn(t, turn(turn_user));
        return true;
    }
    if (!t->runs && pthread_create(&t->thread, NULL, commit_thread_run, t) != 0) {
        return false;
    }
    if (!t->runs) {
        t->runs = true;
        pthread_setname_np(t->thread, "commit");
    }
    pthread_mutex_lock(&t->lock);
    assert(!t->given);
    t->given = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return true;
}

void commit_thread_wait(struct commit_thread *t) {
    if (turn != NULL) {
        if (t->given) {
            take_turn(t, true);
        }
        return;
    }
    pthread_mutex_lock(&t->lock);
    while (t->given) {
        pthread_cond_wait(&t->changed, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

void commit_thread_end(struct commit_thread *t) {
    if (t->runs) {
        pthread_mutex_lock(&t->lock);
        assert(!t->given);
        t->stop = true;
        pthread_cond_broadcast(&t->changed);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->thread, NULL);
    }
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
}
