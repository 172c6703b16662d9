#include "limits/redis/store.h"

#include <hiredis/hiredis.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <new>

namespace capture::limits::redis {
namespace {

constexpr std::size_t kMaxDecoded = 256u << 20;
constexpr std::string_view kZstdMagic{"\x28\xb5\x2f\xfd", 4};

bool reads(std::string_view name) {
    constexpr std::array<std::string_view, 3> kReads{"GET", "MGET", "ZRANGEBYSCORE"};
    return std::ranges::any_of(kReads, [&](std::string_view read) { return read == name; });
}

Error refused(std::string text) {
    return Error{Failure::Refused, std::move(text)};
}
Error unexpected_kind() {
    return Error{Failure::Protocol, "reply of an unexpected kind"};
}

struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// Nothing unless all of `frame` decodes.
std::optional<std::string> inflate(std::string_view frame) {
    std::unique_ptr<ZSTD_DCtx, FreeContext> const context(ZSTD_createDCtx());
    if (!context) return std::nullopt;
    std::string out;
    std::array<char, 64 << 10> block;
    ZSTD_inBuffer in{frame.data(), frame.size(), 0};
    std::size_t left = 1;
    while (in.pos < in.size || left != 0) {
        ZSTD_outBuffer room{block.data(), block.size(), 0};
        std::size_t const consumed = in.pos;
        left = ZSTD_decompressStream(context.get(), &room, &in);
        if (ZSTD_isError(left) || out.size() + room.pos > kMaxDecoded) return std::nullopt;
        out.append(block.data(), room.pos);
        if (room.pos == 0 && in.pos == consumed) break;  // truncated
    }
    if (left != 0 || in.pos != in.size) return std::nullopt;
    return out;
}

}  // namespace

const char* to_text(Failure failure) {
    switch (failure) {
        case Failure::Unreachable:
            return "unreachable";
        case Failure::Timeout:
            return "timeout";
        case Failure::QueueFull:
            return "queue_full";
        case Failure::Refused:
            return "refused";
        case Failure::Protocol:
            return "protocol";
    }
    return "protocol";
}

void Commands::add(std::span<const std::string_view> arguments) {
    std::array<const char*, 16> few_texts;
    std::array<std::size_t, 16> few_sizes;
    std::vector<const char*> many_texts;
    std::vector<std::size_t> many_sizes;
    const char** texts = few_texts.data();
    std::size_t* sizes = few_sizes.data();
    if (arguments.size() > few_texts.size()) {
        many_texts.resize(arguments.size());
        many_sizes.resize(arguments.size());
        texts = many_texts.data();
        sizes = many_sizes.data();
    }
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        texts[i] = arguments[i].empty() ? "" : arguments[i].data();
        sizes[i] = arguments[i].size();
    }
    char* formatted = nullptr;
    int const length =
        redisFormatCommandArgv(&formatted, static_cast<int>(arguments.size()), texts, sizes);
    if (length < 0) throw std::bad_alloc();
    wire_.append(formatted, static_cast<std::size_t>(length));
    redisFreeCommand(formatted);
    ++count_;
    read_only_ = read_only_ && reads(arguments.front());
}

std::string decode_value(std::string value, bool* broken) {
    if (!value.starts_with(kZstdMagic)) return value;
    if (auto decoded = inflate(value)) return std::move(*decoded);
    if (broken) *broken = true;
    return value;
}

base::Task<Result<Reply>> command(Store& store, Commands one, std::chrono::milliseconds timeout) {
    Result<Replies> replies = co_await store.run(std::move(one), timeout);
    if (!replies) co_return std::unexpected(std::move(replies.error()));
    Reply reply = std::move(replies->front());
    if (reply.kind == Reply::Kind::Error) co_return std::unexpected(refused(std::move(reply.text)));
    co_return reply;
}

base::Task<Result<std::optional<std::string>>> get(Store& store, std::string key,
                                                   std::chrono::milliseconds timeout) {
    Commands one;
    one.add({"GET", key});
    Result<Reply> reply = co_await command(store, std::move(one), timeout);
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    if (reply->kind == Reply::Kind::Nil) co_return std::optional<std::string>();
    if (reply->kind != Reply::Kind::Text) co_return std::unexpected(unexpected_kind());
    std::string value = decode_value(std::move(reply->text));
    if (value.empty()) co_return std::optional<std::string>();
    co_return std::optional<std::string>(std::move(value));
}

base::Task<Result<std::vector<std::string>>> members_from(Store& store, std::string key,
                                                          std::int64_t minimum) {
    std::string const score = std::to_string(minimum);
    Commands one;
    one.add({"ZRANGEBYSCORE", key, score, "+Inf"});
    Result<Reply> reply = co_await command(store, std::move(one));
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    if (reply->kind != Reply::Kind::Array) co_return std::unexpected(unexpected_kind());
    std::vector<std::string> members;
    members.reserve(reply->items.size());
    for (Reply& item : reply->items) {
        if (item.kind != Reply::Kind::Text) co_return std::unexpected(unexpected_kind());
        members.push_back(std::move(item.text));
    }
    co_return members;
}

}  // namespace capture::limits::redis
