// SPDX-License-Identifier: MIT
// Moves a program's wall clock: loaded before it (LD_PRELOAD), this library adds to it what the
// first eight bytes of the file $SHIFTED_BY hold, in nanoseconds. A test changes them while the
// program runs. The monotonic clock stays as it is.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *shifted_ns;

__attribute__((constructor)) static void open_shift(void) {
    const char *path = getenv("SHIFTED_BY");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shifted_ns, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        abort(); // a test without it would say nothing
    }
    close(fd);
    shifted_ns = at;
}

int clock_gettime(clockid_t id, struct timespec *t) {
    int code = (int)syscall(SYS_clock_gettime, id, t);
    if (code == 0 && id == CLOCK_REALTIME && shifted_ns != NULL) {
        int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + *shifted_ns;
        t->tv_sec = ns / 1000000000;
        t->tv_nsec = ns % 1000000000;
    }
    return code;
}
