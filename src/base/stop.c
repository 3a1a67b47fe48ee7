// SPDX-License-Identifier: MIT
#include "base/stop.h"

#include "base/must.h"
#include <signal.h>
#include <stddef.h>

static atomic_bool asked; // by a signal, of which there is one for the process

static void on_stop(int signal_number) {
    UNUSED(signal_number);
    atomic_store(&asked, true); // lock-free: a signal handler may
}

void stop_on_signals(void) {
    struct sigaction action = {.sa_handler = on_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    action.sa_flags = (int)SA_RESETHAND; // a second Ctrl-C kills
    sigaction(SIGINT, &action, NULL);
}

bool stop_asked(void) {
    return atomic_load(&asked);
}

const atomic_bool *stop_flag(void) {
    return &asked;
}
