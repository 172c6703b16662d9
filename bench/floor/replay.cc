// The floor's replay surface: validates the whole text (snapshot items are forwarded as they came),
// writes one envelope, compresses it with LZ4.
#include <lz4.h>

#include <cstring>

#include "floor/surface.h"
#include "parse/json.h"
#include "route/escape.h"

namespace capture::bench {
namespace {

std::string_view unquoted(std::string_view json) {
    return json.size() < 2 ? json : json.substr(1, json.size() - 2);
}

class Replay final : public Surface {
  private:
    bool parse(std::string_view text) override;
    void write(Records& records) override;
    void read_event();
    void read_properties();
    void write_envelope(std::string_view uuid, std::string_view now);

    struct Facts {
        std::string_view token, distinct_id, session_id, window_id, lib, timestamp;
    };

    parse::JsonCursor json_;
    Facts first_;  ///< raw texts without their quotes
    std::vector<std::string_view> items_;
    Block envelope_;
};

bool Replay::parse(std::string_view text) {
    first_ = {};
    items_.clear();
    json_.open(text);
    if (json_.peek() == '[') {
        json_.enter_array();
        while (json_.next_element())
            read_event();
    } else {
        read_event();
    }
    json_.finish();
    return json_.ok() && !first_.session_id.empty() && !items_.empty();
}

/// Of later events everything but the items is passed and not looked at again.
void Replay::read_event() {
    if (!json_.enter_object()) return;
    parse::JsonText key;
    while (json_.next_key(key)) {
        if (key.text == "properties") {
            read_properties();
        } else if (key.text == "distinct_id" && first_.distinct_id.empty()) {
            first_.distinct_id = unquoted(json_.value());
        } else if (key.text == "timestamp" && first_.timestamp.empty()) {
            first_.timestamp = unquoted(json_.value());
        } else {
            json_.skip();
        }
    }
}

void Replay::read_properties() {
    if (!json_.enter_object()) return;
    parse::JsonText key;
    auto const take = [this](std::string_view& text) {
        std::string_view const value = unquoted(json_.value());
        if (text.empty()) text = value;
    };
    while (json_.next_key(key)) {
        if (key.text == "$snapshot_data") {
            items_.push_back(unquoted(json_.value()));
        } else if (key.text == "$session_id") {
            take(first_.session_id);
        } else if (key.text == "$window_id") {
            take(first_.window_id);
        } else if (key.text == "distinct_id") {
            take(first_.distinct_id);
        } else if (key.text == "token") {
            take(first_.token);
        } else if (key.text == "$lib") {
            take(first_.lib);
        } else {
            json_.skip();
        }
    }
}

void Replay::write_envelope(std::string_view uuid, std::string_view now) {
    auto const add = [this](std::string_view text) { envelope_.append(text); };
    add(R"({"uuid":")"), add(uuid);
    add(R"(","distinct_id":")"), add(first_.distinct_id);
    add(R"(","ip":"127.0.0.1","data":"{\"event\":\"$snapshot_items\",\"properties\":{)");
    add(R"(\"distinct_id\":\")"), add(first_.distinct_id);
    add(R"(\",\"$session_id\":\")"), add(first_.session_id);
    add(R"(\",\"$window_id\":\")"), add(first_.window_id);
    add(R"(\",\"$snapshot_source\":\"web\",\"$lib\":\")"), add(first_.lib);
    add(R"(\",\"$snapshot_items\":[)");
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) add(",");
        route::append_escaped(envelope_, items_[i]);
    }
    add(R"(]}}","now":")"), add(now);
    add(R"(","token":")"), add(first_.token);
    add(R"(","event":"$snapshot_items","timestamp":")"), add(first_.timestamp), add(R"("})");
}

void Replay::write(Records& records) {
    std::string_view const id(uuid(), base::Uuid::kTextSize);
    envelope_.clear();
    write_envelope(id, records.now);
    auto const size = static_cast<std::uint32_t>(envelope_.size());
    int const room = LZ4_compressBound(static_cast<int>(size));
    char* const out = records.block.room(sizeof(size) + static_cast<std::size_t>(room));
    std::memcpy(out, &size, sizeof(size));
    int const packed = LZ4_compress_default(envelope_.view().data(), out + sizeof(size),
                                            static_cast<int>(size), room);
    records.block.advance(sizeof(size) + static_cast<std::size_t>(packed));
    std::size_t const key = records.block.size();
    records.block.append(first_.session_id);
    std::size_t const uuid_at = records.block.size();
    records.block.append(id);
    records.token = first_.token;
    records.lz4 = true;
    records.list.push_back(
        {0, key, uuid_at, uuid_at, first_.distinct_id, "$snapshot_items", first_.session_id});
}

}  // namespace

std::unique_ptr<Surface> make_replay() {
    return std::make_unique<Replay>();
}

}  // namespace capture::bench
