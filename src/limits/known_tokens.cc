#include "limits/known_tokens.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>
#include <exception>
#include <functional>

namespace capture::limits {
namespace {

namespace asio = boost::asio;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, base::Executor>;
using Done = std::function<void(TokenVerdict)>;

/// The first of two racing answers, from two threads, gets through.
struct First {
    explicit First(Done d) : done(std::move(d)) {}
    void answer(TokenVerdict verdict) {
        if (!answered.exchange(true)) std::exchange(done, nullptr)(verdict);
    }
    std::atomic<bool> answered{false};
    Done done;
};

std::chrono::seconds seconds(std::uint64_t count) {
    return std::chrono::seconds(std::min<std::uint64_t>(count, 1'000'000'000));
}

base::Task<TokenVerdict> hold(std::shared_ptr<KnownTokens> self, std::string token) {
    co_return co_await self->look_up(std::move(token));
}

}  // namespace

const char* to_text(TokenVerdict verdict) {
    switch (verdict) {
        case TokenVerdict::Known:
            return "known";
        case TokenVerdict::Unknown:
            return "unknown";
        case TokenVerdict::Unverified:
            return "unverified";
    }
    return "unverified";
}

KnownTokens::KnownTokens(const config::KnownTokensSettings& settings, const Probe& probe,
                         const base::Clock& clock)
    : settings_(settings),
      clock_(clock),
      known_(settings.cache_max_entries, seconds(settings.known_ttl_secs)),
      unknown_(settings.cache_max_entries, seconds(settings.unknown_ttl_secs)) {
    if (!enabled()) return;
    for (auto const verdict :
         {TokenVerdict::Known, TokenVerdict::Unknown, TokenVerdict::Unverified}) {
        verdicts_[static_cast<std::size_t>(verdict)] = probe.known_tokens.with({to_text(verdict)});
    }
    marker_fresh_ = probe.marker_refresh.with({"fresh"});
    marker_stale_ = probe.marker_refresh.with({"stale"});
    age_.emplace("known_tokens_marker", probe, clock);
}

void KnownTokens::attach(base::IoContext& housekeeping, std::shared_ptr<redis::Store> store) {
    housekeeping_ = &housekeeping;
    store_ = std::move(store);
    attached_.store(store_ != nullptr, std::memory_order_release);
}

std::optional<TokenVerdict> KnownTokens::cached(std::string_view token) const {
    if (!attached_.load(std::memory_order_acquire) || !marker_fresh())
        return TokenVerdict::Unverified;
    auto const now = clock_.steady();
    if (known_.contains(token, now)) return TokenVerdict::Known;
    if (unknown_.contains(token, now)) return TokenVerdict::Unknown;
    return std::nullopt;
}

base::Task<TokenVerdict> KnownTokens::check(std::string_view token) {
    if (auto const verdict = cached(token)) co_return *verdict;
    // The worker's own limit counts, so that not even a stuck housekeeping thread delays a request
    // further.
    Timer limit(co_await asio::this_coro::executor);
    limit.expires_after(
        std::chrono::milliseconds(std::max<std::uint64_t>(settings_.lookup_timeout_ms, 1)));
    auto const start = [&](auto done) {
        auto first = std::make_shared<First>(std::move(done));
        limit.async_wait([first](const boost::system::error_code& error) {
            if (!error) first->answer(TokenVerdict::Unverified);
        });
        asio::post(*housekeeping_, [self = shared_from_this(), first,
                                    text = std::string(token)]() mutable {
            asio::co_spawn(*self->housekeeping_, hold(self, std::move(text)),
                           [first](std::exception_ptr escaped, TokenVerdict verdict) {
                               first->answer(escaped ? TokenVerdict::Unverified : verdict);
                           });
        });
    };
    co_return co_await base::wait_for<TokenVerdict>(start);
}

void KnownTokens::count(TokenVerdict verdict) const {
    verdicts_[static_cast<std::size_t>(verdict)].add();
}

bool KnownTokens::refuses(TokenVerdict verdict) const {
    return verdict == TokenVerdict::Unknown && settings_.mode == config::TokenValidation::Enforce;
}

base::Task<void> KnownTokens::refresh_marker() {
    std::string key(kMarkerKey);
    auto const value = co_await redis::get(*store_, std::move(key));
    if (age_) value ? age_->refreshed() : age_->failed();
    bool fresh = false;
    if (value && value->has_value()) {
        std::string_view const text = **value;
        std::int64_t swept_at = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), swept_at);
        std::int64_t const now = clock_.now().seconds;
        fresh = error == std::errc() && end == text.data() + text.size() && swept_at >= 0 &&
                swept_at <= now &&
                static_cast<std::uint64_t>(now - swept_at) <= settings_.marker_max_age_secs;
    }
    fresh_.store(fresh, std::memory_order_release);
    (fresh ? marker_fresh_ : marker_stale_).add();
}

base::Task<TokenVerdict> KnownTokens::look_up(std::string token) {
    if (!attached_.load(std::memory_order_acquire)) co_return TokenVerdict::Unverified;
    std::string const key = std::string(kTokenPrefix) + token;
    redis::Commands one;
    one.add({"GET", key});
    std::chrono::milliseconds const limit(std::max<std::uint64_t>(settings_.lookup_timeout_ms, 1));
    auto const reply = co_await redis::command(*store_, std::move(one), limit);
    if (!reply) co_return TokenVerdict::Unverified;
    if (reply->kind == redis::Reply::Kind::Text) {
        known_.insert(token, clock_.steady());
        co_return TokenVerdict::Known;
    }
    if (reply->kind != redis::Reply::Kind::Nil) co_return TokenVerdict::Unverified;
    unknown_.insert(token, clock_.steady());
    co_return TokenVerdict::Unknown;
}

}  // namespace capture::limits
