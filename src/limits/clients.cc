#include "limits/clients.h"

#include <array>

namespace capture::limits {
namespace {

bool off(const std::string& url) {
    return url.empty() || url == "none";
}

redis::ClientProbe client_probe(const Probe& probe, const std::string& role) {
    auto const result = [&](const char* name) { return probe.redis_commands.with({role, name}); };
    return {probe.redis_connected.with({role}),
            probe.redis_connections.with({role}),
            result("ok"),
            result("refused"),
            result("timeout"),
            result("unreachable"),
            result("queue_full"),
            result("protocol")};
}

}  // namespace

std::vector<std::string> check_urls(const config::RedisSettings& settings) {
    struct Named {
        const char* variable;
        const std::string& url;
    };
    const std::array<Named, 7> all{{
        {"REDIS_URL", settings.primary.url},
        {"REDIS_READER_URL", settings.primary.reader_url},
        {"GLOBAL_RATE_LIMIT_REDIS_URL", settings.rate_limit.url},
        {"GLOBAL_RATE_LIMIT_REDIS_READER_URL", settings.rate_limit.reader_url},
        {"EVENT_RESTRICTIONS_REDIS_URL", settings.restrictions.url},
        {"EVENT_RESTRICTIONS_REDIS_URL", settings.restrictions.reader_url},
        {"KNOWN_TOKENS_REDIS_URL", settings.known_tokens.url},
    }};
    std::vector<std::string> problems;
    std::vector<std::string_view> seen;  // a role that fell back repeats another one's URL
    for (const Named& named : all) {
        if (off(named.url)) continue;
        bool repeated = false;
        for (auto const earlier : seen)
            repeated = repeated || earlier == named.url;
        seen.push_back(named.url);
        if (repeated) continue;
        if (auto const url = redis::parse_url(named.url); !url) {
            problems.push_back(std::string(named.variable) + ": " + url.error());
        }
    }
    return problems;
}

std::shared_ptr<redis::Client> RedisClients::connect(const std::string& role,
                                                     const std::string& url,
                                                     const config::RedisEndpoint& endpoint,
                                                     bool dedicated) {
    if (!dedicated) {
        for (const Open& open : open_) {
            if (open.url == url && open.response_timeout_ms == endpoint.response_timeout_ms &&
                open.connection_timeout_ms == endpoint.connection_timeout_ms) {
                return open.client;
            }
        }
    }
    auto parsed = redis::parse_url(url);
    if (!parsed) return nullptr;  // check_urls() has refused it
    redis::ClientOptions options;
    options.role = role;
    options.url = std::move(*parsed);
    options.ca_file = ca_file_;
    options.response_timeout = std::chrono::milliseconds(endpoint.response_timeout_ms);
    options.connection_timeout = std::chrono::milliseconds(endpoint.connection_timeout_ms);
    auto client = redis::Client::create(context_, std::move(options), client_probe(probe_, role),
                                        logger_, clock_);
    if (!client) {
        logger_.error("capture::limits", "A Redis role is off",
                      {{"role", role}, {"cause", client.error()}});
        return nullptr;
    }
    (*client)->start();
    open_.push_back({dedicated ? std::string() : url, endpoint.response_timeout_ms,
                     endpoint.connection_timeout_ms, *client});
    return *client;
}

std::shared_ptr<redis::Store> RedisClients::open(const std::string& role,
                                                 const config::RedisEndpoint& endpoint,
                                                 bool dedicated) {
    if (off(endpoint.url)) return nullptr;
    std::shared_ptr<redis::Client> writer = connect(role, endpoint.url, endpoint, dedicated);
    if (!writer || off(endpoint.reader_url)) return writer;
    std::shared_ptr<redis::Client> reader =
        connect(role + "_reader", endpoint.reader_url, endpoint, dedicated);
    if (!reader) return writer;
    return std::make_shared<redis::SplitStore>(std::move(writer), std::move(reader));
}

void RedisClients::close() {
    for (const Open& open : open_)
        open.client->close();
    open_.clear();
}

}  // namespace capture::limits
