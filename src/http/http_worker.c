// SPDX-License-Identifier: MIT
// The pool: one lock, one list for each kind of job, N threads.
#include "http/http_worker.h"

#include "base/mem.h"
#include <pthread.h>
#include <stdlib.h>

struct job_list {
    struct http_job *first, **last;
    size_t n;
};

struct http_workers {
    struct http_workers_options options;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job_list waiting[JOB_KINDS];
    int questions_running;
    bool stopping;
    pthread_t *threads;
    int n_threads;
};

static struct http_job *unlink_first(struct job_list *list) {
    struct http_job *job = list->first;
    list->first = job->next;
    list->n--;
    if (list->first == NULL) {
        list->last = &list->first;
    }
    return job;
}

// Waits for a job that this thread may take; NULL: stopping and nothing left.
static struct http_job *take_job(struct http_workers *w, enum job_kind *kind) {
    for (;;) {
        if (w->waiting[JOB_ORDERS].n > 0) {
            *kind = JOB_ORDERS;
            return unlink_first(&w->waiting[JOB_ORDERS]);
        }
        if (w->waiting[JOB_QUESTION].n > 0 &&
            (w->questions_running < w->n_threads - 1 || w->stopping)) {
            *kind = JOB_QUESTION;
            w->questions_running++;
            return unlink_first(&w->waiting[JOB_QUESTION]);
        }
        if (w->stopping) {
            return NULL;
        }
        pthread_cond_wait(&w->work, &w->lock);
    }
}

static void *worker_main(void *arg) {
    struct http_workers *w = arg;
    struct http_worker self = {.parser = mem_must(order_json_new(NULL)), .pool = w};
    struct http_job *job;
    enum job_kind kind = JOB_ORDERS;
    pthread_mutex_lock(&w->lock);
    while ((job = take_job(w, &kind)) != NULL) {
        pthread_mutex_unlock(&w->lock);
        job->run(job, &self);
        pthread_mutex_lock(&w->lock);
        if (kind == JOB_QUESTION) {
            w->questions_running--;
            pthread_cond_signal(&w->work); // the next question may have waited for this one
        }
    }
    pthread_mutex_unlock(&w->lock);
    http_worker_drop_reader(&self);
    order_json_free(self.parser);
    return NULL;
}

bool http_workers_start(const struct http_workers_options *options, struct http_workers **out,
                        struct error *err) {
    struct http_workers *w = mem_zalloc(1, sizeof *w);
    w->options = *options;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    for (int k = 0; k < JOB_KINDS; k++) {
        w->waiting[k].last = &w->waiting[k].first;
    }
    w->threads = mem_zalloc((size_t)options->threads, sizeof *w->threads);
    pthread_mutex_lock(&w->lock); // n_threads is complete before any of them looks
    for (int i = 0; i < options->threads; i++) {
        int code = pthread_create(&w->threads[i], NULL, worker_main, w);
        if (code != 0) {
            pthread_mutex_unlock(&w->lock);
            http_workers_stop(w);
            return error_set(err, ERROR_FATAL, "cannot start a worker thread: %s", strerror(code));
        }
        pthread_setname_np(w->threads[i], "worker");
        w->n_threads++;
    }
    pthread_mutex_unlock(&w->lock);
    *out = w;
    return true;
}

bool http_workers_submit(struct http_workers *w, enum job_kind kind, struct http_job *job) {
    if (w == NULL) {
        return false;
    }
    pthread_mutex_lock(&w->lock);
    struct job_list *list = &w->waiting[kind];
    bool taken = list->n < w->options.max_waiting && !w->stopping;
    if (taken) {
        job->next = NULL;
        *list->last = job;
        list->last = &job->next;
        list->n++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
    return taken;
}

bool http_worker_reader(struct http_worker *worker, struct sales_reader **out, struct error *err) {
    const struct http_workers_options *o = &worker->pool->options;
    if (worker->reader == NULL && !o->open_reader(o->open_reader_user, &worker->reader, err)) {
        worker->reader = NULL;
        return false;
    }
    *out = worker->reader;
    return true;
}

void http_worker_drop_reader(struct http_worker *worker) {
    if (worker->reader != NULL) {
        worker->reader->ops->close(worker->reader);
        worker->reader = NULL;
    }
}

void http_workers_stop(struct http_workers *w) {
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->n_threads; i++) {
        pthread_join(w->threads[i], NULL);
    }
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    free(w->threads);
    free(w);
}
