#include "telemetry/log.h"

#include <unistd.h>

#include <poll.h>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/thread_name.h"
#include "telemetry/log_line.h"

namespace capture::telemetry {
namespace {

constexpr std::size_t kMaxWaiting = 8 << 20;

std::uint64_t thread_number() {
    static std::atomic<std::uint64_t> next{1};
    thread_local std::uint64_t const mine = next.fetch_add(1, std::memory_order_relaxed);
    return mine;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t const n = ::write(fd, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            // stdout was made non-blocking by somebody who shares it.
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return;  // the reader is gone: there is nobody left to tell
        }
    }
}

}  // namespace

struct Logger::Impl {
    explicit Impl(const LogOptions& o)
        : options(o), filter(o.filter), writer([this] { write_loop(); }) {}
    ~Impl() {
        {
            std::lock_guard lock(mutex);
            stopping = true;
        }
        more.notify_one();
        writer.join();
    }

    void append(std::string& out, Level level, std::string_view target, std::string_view message,
                std::initializer_list<Field> fields) const {
        LogLine const line{clock.now(), level,       target,         message,
                           fields,      options.pod, thread_number()};
        if (options.human) {
            append_human_line(out, line, options.colours);
        } else {
            append_json_line(out, line);
        }
    }

    void push(std::string_view line) {
        {
            std::lock_guard lock(mutex);
            if (waiting.size() + line.size() > kMaxWaiting) {
                ++left_out;
                return;
            }
            if (left_out > 0) {
                append(waiting, Level::Warn, "capture::log",
                       "Log lines were left out because nobody read them", {{"count", left_out}});
                left_out = 0;
            }
            waiting += line;
        }
        more.notify_one();
    }

    void write_loop() {
        base::ThreadName const name("log-writer");
        std::string batch;
        std::unique_lock lock(mutex);
        while (true) {
            more.wait(lock, [this] { return stopping || !waiting.empty(); });
            if (waiting.empty()) return;
            batch.swap(waiting);
            writing = true;
            lock.unlock();
            write_all(options.fd, batch);
            // A burst's memory is given back.
            if (batch.capacity() > (1 << 16)) batch = {};
            batch.clear();
            lock.lock();
            writing = false;
            if (waiting.empty()) idle.notify_all();
        }
    }

    void flush() {
        std::unique_lock lock(mutex);
        idle.wait(lock, [this] { return waiting.empty() && !writing; });
    }

    const LogOptions options;
    const LogFilter filter;
    base::SystemClock clock;
    std::mutex mutex;
    std::condition_variable more;
    std::condition_variable idle;
    std::string waiting;
    std::uint64_t left_out = 0;
    bool writing = false;
    bool stopping = false;
    std::thread writer;
};

Logger::Logger() = default;
Logger::Logger(const LogOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Logger::~Logger() = default;

Logger& Logger::silent() {
    static Logger none;
    return none;
}

bool Logger::enabled(Level level, std::string_view target) const {
    return impl_ && impl_->filter.enabled(level, target);
}

void Logger::log(Level level, std::string_view target, std::string_view message, Fields fields) {
    if (!impl_) return;
    std::string line;
    line.reserve(512);
    impl_->append(line, level, target, message, fields);
    impl_->push(line);
}

void Logger::flush() {
    if (impl_) impl_->flush();
}

}  // namespace capture::telemetry
