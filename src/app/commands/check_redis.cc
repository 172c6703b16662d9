#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "app/commands/check.h"
#include "base/async.h"
#include "base/clock.h"
#include "limits/redis/client.h"

namespace capture::app {
namespace {

namespace redis = limits::redis;

struct Endpoint {
    std::string variable;
    std::string url;
    std::uint64_t connection_timeout_ms;
};

std::vector<Endpoint> endpoints(const config::RedisSettings& settings) {
    std::vector<Endpoint> out;
    auto const add = [&](const char* variable, const std::string& url,
                         const config::RedisEndpoint& role) {
        if (url.empty()) return;
        for (auto const& known : out) {
            if (known.url == url) return;
        }
        out.push_back({variable, url, role.connection_timeout_ms});
    };
    add("REDIS_URL", settings.primary.url, settings.primary);
    add("REDIS_READER_URL", settings.primary.reader_url, settings.primary);
    add("EVENT_RESTRICTIONS_REDIS_URL", settings.restrictions.url, settings.restrictions);
    add("KNOWN_TOKENS_REDIS_URL", settings.known_tokens.url, settings.known_tokens);
    add("GLOBAL_RATE_LIMIT_REDIS_URL", settings.rate_limit.url, settings.rate_limit);
    add("GLOBAL_RATE_LIMIT_REDIS_READER_URL", settings.rate_limit.reader_url, settings.rate_limit);
    return out;
}

base::Task<void> ping(redis::Store& store, redis::Commands commands, Finding& finding,
                      std::string place, std::chrono::milliseconds limit) {
    auto const reply = co_await redis::command(store, std::move(commands), limit);
    // A user that may not PING has logged in all the same.
    finding.ok = reply || (reply.error().failure == redis::Failure::Refused &&
                           reply.error().message.starts_with("NOPERM"));
    finding.text = place + (finding.ok ? " answers" : " cannot be used: " + reply.error().message);
}

Finding check(const Endpoint& endpoint, const std::string& ca_file) {
    auto const url = redis::parse_url(endpoint.url);
    if (!url) return {endpoint.variable, url.error(), false};
    Finding finding{endpoint.variable, url->place() + " did not answer in time", false};

    base::SystemClock const clock;
    base::IoContext io(1);
    redis::ClientOptions options{.role = "check", .url = *url, .ca_file = ca_file};
    options.connection_timeout = std::chrono::milliseconds(endpoint.connection_timeout_ms);
    options.response_timeout = std::chrono::seconds(5);
    auto client = redis::Client::create(io, options, {}, telemetry::Logger::silent(), clock);
    if (!client) {
        return {endpoint.variable, url->place() + " cannot be used: " + client.error(), false};
    }
    (*client)->start();
    auto const limit =
        std::chrono::milliseconds(endpoint.connection_timeout_ms) + std::chrono::seconds(5);
    base::asio::co_spawn(io, ping(**client, redis::Commands{"PING"}, finding, url->place(), limit),
                         [&](std::exception_ptr error) {
                             if (error) finding.ok = false;
                             (*client)->close();
                         });
    io.run_for(limit + std::chrono::seconds(1));
    return finding;
}

}  // namespace

std::vector<Finding> check_redis(const config::Settings& settings) {
    std::vector<Finding> findings;
    for (auto const& endpoint : endpoints(settings.redis))
        findings.push_back(check(endpoint, settings.redis.tls_ca_file));
    return findings;
}

}  // namespace capture::app
