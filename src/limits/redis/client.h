// One connection to one Redis. Contract 30 §2. Housekeeping thread only.
//
// Commands of all callers are pipelined on it. A lost connection is rebuilt in the background: the
// name is resolved anew, attempts are 50 ms to 1 s apart (doubling, with jitter). A command issued
// while there is none waits for the attempt that is due and fails with it, so a caller learns
// quickly that Redis is away and the first refresh after its return succeeds. A timeout does not
// break the connection, unless nothing at all has arrived for `stall_limit` while replies were due
// (a host that vanished without a reset) or a server says that it has become a replica.
//
// Bounded: at most `max_queued` commands wait or are unanswered; beyond that run() fails at once
// with QueueFull.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/clock.h"
#include "limits/redis/store.h"
#include "limits/redis/url.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace capture::limits::redis {

struct ClientOptions {
    std::string role = "primary";  ///< for logs and the label `role` of this room's Redis metrics
    Url url;
    std::string ca_file;                                 ///< PEM; empty = OpenSSL's default places
    std::chrono::milliseconds response_timeout{100};     ///< 0 = none
    std::chrono::milliseconds connection_timeout{5000};  ///< 0 = none
    std::chrono::milliseconds stall_limit{5000};
    std::size_t max_queued = 50'000;
};

/// Handles of one client; empty ones count nothing.
struct ClientProbe {
    telemetry::Gauge connected;
    telemetry::Counter connections;
    telemetry::Counter ok;
    telemetry::Counter refused;
    telemetry::Counter timeout;
    telemetry::Counter unreachable;
    telemetry::Counter queue_full;
    telemetry::Counter protocol;
};

class Client final : public Store {
  public:
    /// The error names an unreadable CA file.
    static std::expected<std::shared_ptr<Client>, std::string> create(base::IoContext& context,
                                                                      ClientOptions options,
                                                                      const ClientProbe& probe,
                                                                      telemetry::Logger& logger,
                                                                      const base::Clock& clock);
    ~Client() override;

    /// Begins to connect. Commands may be issued before.
    void start();
    /// Fails everything that waits, closes the connection, ends the background work. Final.
    void close();

    base::Task<Result<Replies>> run(Commands commands,
                                    std::chrono::milliseconds timeout = kDefaultTimeout) override;

    bool connected() const;

  private:
    struct Impl;
    explicit Client(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// Reads go to `reader`; when it fails or answers with an error they are repeated on `writer`.
/// Writes go to `writer`.
class SplitStore final : public Store {
  public:
    SplitStore(std::shared_ptr<Store> writer, std::shared_ptr<Store> reader)
        : writer_(std::move(writer)), reader_(std::move(reader)) {}
    base::Task<Result<Replies>> run(Commands commands,
                                    std::chrono::milliseconds timeout = kDefaultTimeout) override;

  private:
    std::shared_ptr<Store> writer_;
    std::shared_ptr<Store> reader_;
};

}  // namespace capture::limits::redis
