// Under ThreadSanitizer only: C11 threads on top of POSIX threads.
//
// librdkafka uses C11 threads, which this sanitizer does not know: it crashes in threads that
// thrd_create() made, and misses the order that mtx_lock() makes. Definitions in the program come
// before glibc's, and glibc's own types are the POSIX ones under another name, so with these the
// client's threads and locks are seen. What stays unseen are its atomic reference counts, because
// it is not compiled with the sanitizer: whatever the last owner of an object frees looks like a
// race with the one before. Those reports name librdkafka in their stacks and are suppressed.
#include "sink/kafka/c11_threads.h"

#if CAPTURE_THREAD_SANITIZER
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <memory>

namespace capture::sink::kafka {
namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));
static_assert(sizeof(once_flag) == sizeof(pthread_once_t) && sizeof(thrd_t) == sizeof(pthread_t));

pthread_mutex_t* posix(mtx_t* mutex) {
    return reinterpret_cast<pthread_mutex_t*>(mutex);
}
pthread_cond_t* posix(cnd_t* condition) {
    return reinterpret_cast<pthread_cond_t*>(condition);
}

int result(int error) {
    if (error == 0) return thrd_success;
    return error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

struct Start {
    thrd_start_t function;
    void* argument;
};

void* run(void* raw) {
    std::unique_ptr<Start> const start(static_cast<Start*>(raw));
    return reinterpret_cast<void*>(static_cast<std::intptr_t>(start->function(start->argument)));
}

}  // namespace

void use_posix_threads() {}

}  // namespace capture::sink::kafka

using capture::sink::kafka::posix;
using capture::sink::kafka::result;

extern "C" {

/// Asked by the sanitizer at start.
const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() {
    return "race:librdkafka.so";
}

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
    auto start = std::make_unique<capture::sink::kafka::Start>(function, argument);
    int const error = pthread_create(thread, nullptr, capture::sink::kafka::run, start.get());
    if (error == 0) (void)start.release();
    return result(error);
}
int thrd_join(thrd_t thread, int* code) {
    void* value = nullptr;
    int const error = pthread_join(thread, &value);
    if (code) *code = static_cast<int>(reinterpret_cast<std::intptr_t>(value));
    return result(error);
}
int mtx_init(mtx_t* mutex, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if ((type & mtx_recursive) != 0) {
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    }
    int const error = pthread_mutex_init(posix(mutex), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(error);
}
int mtx_lock(mtx_t* mutex) {
    return result(pthread_mutex_lock(posix(mutex)));
}
int mtx_unlock(mtx_t* mutex) {
    return result(pthread_mutex_unlock(posix(mutex)));
}
void mtx_destroy(mtx_t* mutex) {
    pthread_mutex_destroy(posix(mutex));
}
int cnd_init(cnd_t* condition) {
    return result(pthread_cond_init(posix(condition), nullptr));
}
int cnd_signal(cnd_t* condition) {
    return result(pthread_cond_signal(posix(condition)));
}
int cnd_broadcast(cnd_t* condition) {
    return result(pthread_cond_broadcast(posix(condition)));
}
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
    return result(pthread_cond_wait(posix(condition), posix(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
    return result(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}
void cnd_destroy(cnd_t* condition) {
    pthread_cond_destroy(posix(condition));
}
void call_once(once_flag* flag, void (*function)(void)) {
    pthread_once(reinterpret_cast<pthread_once_t*>(flag), function);
}

}  // extern "C"
#endif
