#include "limits/redis/memory_store.h"

#include <cstdlib>

#include "limits/redis/wire.h"

namespace capture::limits::redis {
namespace {

Reply text(std::string value) {
    Reply reply;
    reply.kind = Reply::Kind::Text;
    reply.text = std::move(value);
    return reply;
}

Reply integer(std::int64_t value) {
    Reply reply;
    reply.kind = Reply::Kind::Integer;
    reply.integer = value;
    return reply;
}

Reply of_kind(Reply::Kind kind, std::string value) {
    Reply reply;
    reply.kind = kind;
    reply.text = std::move(value);
    return reply;
}

}  // namespace

const std::string* MemoryStore::find(const std::string& key) const {
    auto const found = texts_.find(key);
    return found == texts_.end() ? nullptr : &found->second;
}

std::int64_t MemoryStore::expiry(const std::string& key) const {
    auto const found = expiries_.find(key);
    return found == expiries_.end() ? 0 : found->second;
}

Reply MemoryStore::answer(const Reply& command) {
    auto const argument = [&](std::size_t i) -> const std::string& {
        return command.items.at(i).text;
    };
    if (command.items.empty()) return of_kind(Reply::Kind::Error, "ERR empty command");
    const std::string& name = argument(0);
    if (command.items.size() > 1 && !refused_key.empty() && argument(1) == refused_key) {
        return of_kind(Reply::Kind::Error, "WRONGTYPE refused");
    }
    auto const value_of = [&](const std::string& key) {
        const std::string* found = find(key);
        return found ? text(*found) : Reply();
    };
    if (name == "PING") return of_kind(Reply::Kind::Status, "PONG");
    if (name == "AUTH" || name == "SELECT") return of_kind(Reply::Kind::Status, "OK");
    if (name == "GET") return value_of(argument(1));
    if (name == "SET") {
        set(argument(1), argument(2));
        return of_kind(Reply::Kind::Status, "OK");
    }
    if (name == "MGET") {
        Reply all = of_kind(Reply::Kind::Array, "");
        for (std::size_t i = 1; i < command.items.size(); ++i)
            all.items.push_back(value_of(argument(i)));
        return all;
    }
    if (name == "INCRBY") {
        std::string& held = texts_[argument(1)];
        std::int64_t const sum = std::atoll(held.c_str()) + std::atoll(argument(2).c_str());
        held = std::to_string(sum);
        return integer(sum);
    }
    if (name == "EXPIREAT") {
        expiries_[argument(1)] = std::atoll(argument(2).c_str());
        return integer(1);
    }
    if (name == "ZRANGEBYSCORE") {
        Reply all = of_kind(Reply::Kind::Array, "");
        double const minimum = std::atof(argument(2).c_str());
        for (auto const& [member, score] : sets_[argument(1)]) {
            if (score >= minimum) all.items.push_back(text(member));
        }
        return all;
    }
    return of_kind(Reply::Kind::Error, "ERR unknown command");
}

base::Task<Result<Replies>> MemoryStore::run(Commands commands,
                                             std::chrono::milliseconds /*timeout*/) {
    ++runs;
    auto const failure = failing ? failing : commands.read_only() ? failing_reads : failing_writes;
    if (failure) {
        Error error{*failure, "made to fail"};
        co_return std::unexpected(std::move(error));
    }
    WireReader reader;
    Replies replies;
    if (reader.feed(commands.wire())) {
        while (auto command = reader.next())
            replies.push_back(answer(*command));
    }
    if (losing_replies) {
        Error error{Failure::Timeout, "made to be lost"};
        co_return std::unexpected(std::move(error));
    }
    co_return replies;
}

}  // namespace capture::limits::redis
