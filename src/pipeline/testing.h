// For tests, fuzzers and benchmarks of surfaces: one worker's world without sockets, Kafka and
// Redis. Requests are values, records are kept in memory, and serve() returns when the answer is
// there.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/load.h"
#include "pipeline/analytics_v0.h"
#include "pipeline/context.h"

namespace capture::pipeline::testing {

struct Record {
    model::Output output;
    std::string custom_topic;
    std::optional<std::string> key;
    std::string value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

/// Keeps what was submitted, and ends groups as the test says.
class MemorySink final : public sink::Sink {
  public:
    std::vector<Record> records;
    model::DeliveryOutcome outcome = model::DeliveryOutcome::Delivered;
    bool full = false;  ///< open() gives null
    bool keep = true;   ///< false: records are forgotten (fuzzers)

    sink::RecordGroupPtr open(std::size_t, base::Budget&) override {
        return full ? nullptr : std::make_unique<Group>(*this);
    }
    bool flush(std::chrono::milliseconds) override { return true; }

  private:
    class Group final : public sink::RecordGroup {
      public:
        explicit Group(MemorySink& owner) : owner_(owner) {}
        base::ByteWriter& begin(const model::Destination& destination, std::size_t) override {
            value_.emplace();
            Record& record = records_.emplace_back();
            record.output = destination.output;
            record.custom_topic = destination.custom_topic;
            return *value_;
        }
        bool commit(std::optional<std::string_view> key,
                    std::span<const model::RecordHeader> headers) override {
            Record& record = records_.back();
            record.value = value_->take();
            if (key) record.key = *key;
            for (auto const& header : headers) {
                record.headers.emplace_back(
                    header.name,
                    header.value ? std::optional<std::string>(*header.value) : std::nullopt);
            }
            return true;
        }
        void submit(sink::DeliveryCallback done) override {
            if (owner_.keep) {
                for (Record& record : records_)
                    owner_.records.push_back(std::move(record));
            }
            done(owner_.outcome);
            delete this;
        }

      private:
        MemorySink& owner_;
        std::optional<base::StringWriter> value_;
        std::vector<Record> records_;
    };
};

/// A request as the http room would present it: a small body has come with its head.
class FakeRequest final : public http::Request {
  public:
    /// Longer bodies are waited for.
    static constexpr std::size_t kAtHand = 8 * 1024;

    FakeRequest(std::string path, std::string body)
        : path_(std::move(path)), body_(std::move(body)) {}

    std::string query_text;
    std::map<std::string, std::string, std::less<>> headers;

    http::Method method() const override { return http::Method::Post; }
    std::string_view method_text() const override { return "POST"; }
    std::string_view path() const override { return path_; }
    std::string_view query() const override { return query_text; }
    std::string_view route() const override { return path_; }
    std::string_view header(std::string_view name) const override {
        auto const found = headers.find(name);
        return found == headers.end() ? std::string_view() : std::string_view(found->second);
    }
    bool has_header(std::string_view name) const override { return headers.contains(name); }
    std::vector<std::string_view> header_lines(std::string_view name) const override {
        if (!has_header(name)) return {};
        return {header(name)};
    }
    std::string_view client_ip() const override { return "203.0.113.7"; }
    base::Instant received() const override { return {}; }
    base::Task<model::Result<base::Buffer>> read_body(std::size_t cap) override {
        if (body_.size() > cap)
            co_return model::fail(model::Code::OversizeEvent, "Request body exceeds limit");
        co_return copy();
    }
    std::optional<model::Result<base::Buffer>> body_at_hand(std::size_t cap) override {
        if (body_.size() > std::min(cap, kAtHand)) return std::nullopt;
        return copy();
    }

  private:
    model::Result<base::Buffer> copy() const {
        base::Buffer buffer;
        if (!buffer.append(body_))
            return model::fail(model::Code::ServiceUnavailable, "memory budget exhausted");
        return buffer;
    }

    std::string path_;
    std::string body_;
};

/// One worker. `environment` configures it as for the program; the sink is always `sink`.
class World {
  public:
    explicit World(config::Environment environment = {})
        : settings(settings_of(std::move(environment))),
          registry("capture", config::to_text(settings.mode)),
          probe(registry),
          route_probe(registry),
          decode_probe(registry),
          parse_probe(registry),
          ledger(registry, log),
          limits(*limits::Limits::create(settings, registry, log, clock)),
          worker_limits(limits->worker()),
          pool(1),
          context{.settings = settings,
                  .clock = clock,
                  .log = log,
                  .probe = probe,
                  .route_probe = route_probe,
                  .lanes = lanes,
                  .pool = pool,
                  .sink = sink,
                  .warnings = warnings,
                  .inbox = inbox,
                  .budget = budget,
                  .ledger = ledger,
                  .limits = worker_limits} {
        lanes.wired.set();
    }

    http::Response serve(http::Handler& surface, http::Request& request) {
        std::optional<http::Response> answer;
        base::asio::co_spawn(io.get_executor(), surface.serve(request),
                             [&answer](std::exception_ptr error, http::Response response) {
                                 if (error) std::rethrow_exception(error);
                                 answer = std::move(response);
                             });
        io.restart();
        io.run();
        return std::move(*answer);
    }

    /// Switches warnings on, with nobody warned yet; the sink they go to.
    MemorySink& warn() {
        auto owned = std::make_unique<MemorySink>();
        MemorySink& warned = *owned;
        warnings = Warnings(std::move(owned), std::size_t{1} << 20, registry, clock);
        return warned;
    }

    base::IoContext io{1};
    base::Inbox inbox{io};
    base::ManualClock clock{{1'788'264'000, 123'456'789}};
    telemetry::Logger& log = telemetry::Logger::silent();
    config::Settings settings;
    telemetry::Registry registry;
    Probe probe;
    route::Probe route_probe;
    decode::Probe decode_probe;
    parse::Probe parse_probe;
    route::LaneRules lanes;
    MemorySink sink;
    Warnings warnings;  ///< off, until warn()
    base::Budget budget{std::size_t{1} << 30, std::size_t{1} << 31};
    Ledger ledger;
    std::unique_ptr<limits::Limits> limits;
    limits::WorkerLimits worker_limits;
    base::WorkPool pool;
    Context context;

  private:
    static config::Settings settings_of(config::Environment environment) {
        environment.emplace("REDIS_URL", "none");
        environment.emplace("NOOP_SINK", "true");
        return config::load(environment, {}).settings;
    }
};

}  // namespace capture::pipeline::testing
