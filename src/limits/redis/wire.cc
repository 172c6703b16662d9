#include "limits/redis/wire.h"

#include <hiredis/hiredis.h>

#include <new>

namespace capture::limits::redis {
namespace {

Reply convert(const redisReply& from) {
    Reply to;
    switch (from.type) {
        case REDIS_REPLY_STRING:
            to.kind = Reply::Kind::Text;
            break;
        case REDIS_REPLY_STATUS:
            to.kind = Reply::Kind::Status;
            break;
        case REDIS_REPLY_ERROR:
            to.kind = Reply::Kind::Error;
            break;
        case REDIS_REPLY_INTEGER:
            to.kind = Reply::Kind::Integer;
            break;
        case REDIS_REPLY_ARRAY:
            to.kind = Reply::Kind::Array;
            break;
        default:
            to.kind = Reply::Kind::Nil;
            break;
    }
    if (to.kind == Reply::Kind::Integer) to.integer = from.integer;
    if (from.str && to.kind != Reply::Kind::Integer) to.text.assign(from.str, from.len);
    if (to.kind == Reply::Kind::Array) {
        to.items.reserve(from.elements);
        for (std::size_t i = 0; i < from.elements; ++i)
            to.items.push_back(convert(*from.element[i]));
    }
    return to;
}

struct FreeReply {
    void operator()(void* reply) const { freeReplyObject(reply); }
};

}  // namespace

void WireReader::Free::operator()(redisReader* reader) const {
    redisReaderFree(reader);
}

WireReader::WireReader(std::size_t max_value_bytes)
    : reader_(redisReaderCreate()), max_value_bytes_(max_value_bytes) {
    if (!reader_) throw std::bad_alloc();
}

bool WireReader::feed(std::string_view bytes) {
    unfinished_ += bytes.size();
    if (unfinished_ > max_value_bytes_) broken_ = true;
    if (broken_) return false;
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) broken_ = true;
    return !broken_;
}

std::optional<Reply> WireReader::next() {
    if (broken_) return std::nullopt;
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
        broken_ = true;
        return std::nullopt;
    }
    if (!raw) return std::nullopt;
    std::unique_ptr<void, FreeReply> const owned(raw);
    unfinished_ = 0;
    return convert(*static_cast<redisReply*>(raw));
}

}  // namespace capture::limits::redis
