// The floor: the least work that takes the same bytes in and the same bytes out, with the same
// libraries.
//
// It receives a POST, inflates it if it is gzip (ISA-L), finds the events' fields (simdjson
// On-Demand, raw slices), writes each record's value once (the same vectorised escaping), hands it
// to librdkafka with the same key and nine headers, and answers when the last record is
// acknowledged. No validation, no limits, no metrics, no timeouts: what capture costs beyond this
// is ours to answer for.
//
//   capture_floor --brokers 127.0.0.1:9092 --topic floor            prints the port it listens on
//   --produce kafka|none    none: records are written and forgotten (what receiving, inflating,
//   parsing, writing cost)
//   --until receive|inflate|parse|write|produce    stops after that part: the differences are the
//   parts
#include <arpa/inet.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <librdkafka/rdkafka.h>
#include <netinet/tcp.h>
#include <simdjson.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/time.h"
#include "base/uuid.h"
#include "route/escape.h"

namespace {

using capture::base::Fraction;
using capture::base::Instant;

enum class Part { Receive, Inflate, Parse, Write, Produce };

struct Options {
    std::string brokers;
    std::string topic = "floor";
    Part until = Part::Produce;
    bool kafka = true;
};

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    "15\r\n\r\n{\"status\":\"Ok\"}";

/// A request waiting for its records.
struct Group {
    int fd;
    std::atomic<int> left;
};

class Floor {
  public:
    explicit Floor(Options options) : options_(std::move(options)) {
        if (options_.kafka) connect_kafka();
        wake_ = eventfd(0, EFD_NONBLOCK);
        listen_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bind(listen_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
        listen(listen_, 1024);
        socklen_t size = sizeof(address);
        getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &size);
        std::printf("%u\n", ntohs(address.sin_port));
        std::fflush(stdout);
        epoll_ = epoll_create1(0);
        watch(listen_);
        watch(wake_);
    }

    [[noreturn]] void run() {
        epoll_event events[256];
        while (true) {
            int const n = epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < n; ++i) {
                int const fd = events[i].data.fd;
                if (fd == listen_) {
                    accept_all();
                } else if (fd == wake_) {
                    answer_finished();
                } else {
                    receive(fd);
                }
            }
        }
    }

  private:
    struct Connection {
        std::string in;
    };

    void connect_kafka() {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        char error[256];
        for (auto const& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{
                 {"bootstrap.servers", options_.brokers.c_str()},
                 {"linger.ms", "20"},
                 {"acks", "all"},
                 {"partitioner", "murmur2_random"},
                 {"queue.buffering.max.messages", "100000"},
                 {"queue.buffering.max.kbytes", "409600"},
                 {"batch.num.messages", "10000"},
                 {"message.timeout.ms", "20000"}}) {
            rd_kafka_conf_set(conf, key, value, error, sizeof(error));
        }
        rd_kafka_conf_set_opaque(conf, this);
        rd_kafka_conf_set_dr_msg_cb(
            conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
                static_cast<Floor*>(self)->delivered(static_cast<Group*>(message->_private));
            });
        kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
        if (!kafka_) {
            std::fprintf(stderr, "%s\n", error);
            std::exit(1);
        }
        topic_ = rd_kafka_topic_new(kafka_, options_.topic.c_str(), nullptr);
        std::thread([this] {
            while (true)
                rd_kafka_poll(kafka_, 100);
        }).detach();
    }

    void watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    void accept_all() {
        int fd = -1;
        while ((fd = accept4(listen_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
            int const one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            if (connections_.size() <= static_cast<std::size_t>(fd))
                connections_.resize(static_cast<std::size_t>(fd) + 1);
            connections_[static_cast<std::size_t>(fd)].in.clear();
            watch(fd);
        }
    }

    void receive(int fd) {
        std::string& in = connections_[static_cast<std::size_t>(fd)].in;
        char buffer[65536];
        ssize_t const n = recv(fd, buffer, sizeof(buffer), 0);
        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) return;
            close(fd);
            return;
        }
        in.append(buffer, static_cast<std::size_t>(n));
        std::size_t const head = in.find("\r\n\r\n");
        if (head == std::string::npos) return;
        std::size_t const at = in.find("Content-Length: ");
        std::size_t length = 0;
        std::from_chars(in.data() + at + 16, in.data() + head, length);
        if (in.size() < head + 4 + length) return;
        serve(fd, std::string_view(in).substr(head + 4, length));
        in.clear();
    }

    void answer(int fd) { (void)!::send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL); }

    void serve(int fd, std::string_view body) {
        if (options_.until == Part::Receive) return answer(fd);
        std::string_view text = body;
        if (body.starts_with("\x1f\x8b")) {
            text = inflate(body);
        } else {
            text_.assign(body);
            text_.resize(text_.size() + simdjson::SIMDJSON_PADDING);
            text = {text_.data(), body.size()};
        }
        if (options_.until == Part::Inflate) return answer(fd);
        events_.clear();
        parse(text);
        if (options_.until == Part::Parse || events_.empty()) return answer(fd);
        auto* const group = new Group{fd, static_cast<int>(events_.size())};
        now_ = clock_.now();
        now_text_ = capture::base::format_rfc3339(now_, Fraction::Groups, now_buffer_);
        for (auto const& event : events_)
            produce(event, group);
        if (!options_.kafka || options_.until == Part::Write) {
            answer(fd);
            delete group;
        }
    }

    std::string_view inflate(std::string_view body) {
        inflate_state state;
        isal_inflate_init(&state);
        state.crc_flag = ISAL_GZIP;
        state.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(body.data()));
        state.avail_in = static_cast<std::uint32_t>(body.size());
        std::size_t done = 0;
        if (text_.size() < 8 * body.size()) text_.resize(8 * body.size());
        do {
            if (text_.size() - done < 4096) text_.resize(2 * text_.size());
            state.next_out = reinterpret_cast<std::uint8_t*>(text_.data() + done);
            state.avail_out =
                static_cast<std::uint32_t>(text_.size() - done - simdjson::SIMDJSON_PADDING);
            if (isal_inflate(&state) != ISAL_DECOMP_OK) break;
            done = text_.size() - simdjson::SIMDJSON_PADDING - state.avail_out;
        } while (state.block_state != ISAL_BLOCK_FINISH);
        return {text_.data(), done};
    }

    struct Slices {
        std::string_view event, distinct_id, properties, timestamp;
    };

    /// Raw texts; strings with their quotes.
    void parse(std::string_view text) {
        simdjson::padded_string_view const padded(text.data(), text.size(),
                                                  text.size() + simdjson::SIMDJSON_PADDING);
        auto document = parser_.iterate(padded);
        simdjson::ondemand::object root = document.get_object();
        bool batch = false;
        Slices single;
        for (auto field : root) {
            simdjson::ondemand::raw_json_string const key = field.key();
            if (key == "api_key") {
                token_ = std::string_view(field.value().get_string());
            } else if (key == "batch") {
                batch = true;
                for (auto element : field.value().get_array()) {
                    Slices slices;
                    for (auto member : element.get_object())
                        take(slices, member.key(), member.value());
                    events_.push_back(slices);
                }
            } else {
                take(single, key, field.value());
            }
        }
        if (!batch) events_.push_back(single);
    }

    static void take(Slices& slices, simdjson::ondemand::raw_json_string key,
                     simdjson::ondemand::value value) {
        if (key == "event") {
            slices.event = value.raw_json_token();
        } else if (key == "properties") {
            simdjson::ondemand::object object = value.get_object();
            slices.properties = object.raw_json();
        } else if (key == "distinct_id") {
            slices.distinct_id = value.raw_json_token();
        } else if (key == "timestamp") {
            slices.timestamp = value.raw_json_token();
        }
    }

    static std::string_view unquoted(std::string_view token) {
        std::size_t const close = token.rfind('"');
        return close == std::string_view::npos || close == 0 ? token : token.substr(1, close - 1);
    }

    /// The value's memory: malloc'ed once, given to librdkafka.
    class Value final : public capture::base::ByteWriter {
      public:
        explicit Value(std::size_t size) {
            begin_ = cursor_ = static_cast<char*>(std::malloc(size));
            end_ = begin_ + size;
        }
        char* release() { return begin_; }

      private:
        void grow(std::size_t need) override {
            std::size_t const used = size();
            std::size_t const capacity = 2 * (used + need);
            begin_ = static_cast<char*>(std::realloc(begin_, capacity));
            cursor_ = begin_ + used;
            end_ = begin_ + capacity;
        }
    };

    void produce(const Slices& event, Group* group) {
        std::string_view const id = unquoted(event.distinct_id);
        std::string_view const name = unquoted(event.event);
        char uuid[36];
        uuids_.v7(now_.millis()).format(uuid);
        std::string_view const uuid_text(uuid, sizeof(uuid));

        Value value(512 + event.properties.size() + event.properties.size() / 4);
        auto const add = [&value](std::string_view text) { value.append(text); };
        add(R"({"uuid":")"), add(uuid_text), add(R"(","distinct_id":")"), add(id);
        add(R"(","ip":"127.0.0.1","data":"{\"distinct_id\":\")"), add(id),
            add(R"(\",\"uuid\":null,\"event\":\")");
        add(name), add(R"(\",\"properties\":)");
        capture::route::append_escaped(value, event.properties);
        add(R"(}","now":")"), add(now_text_), add(R"(","token":")"), add(token_),
            add(R"(","event":")"), add(name);
        add(R"(","timestamp":")"), add(now_text_), add(R"("})");
        if (options_.until == Part::Write || !options_.kafka) {
            std::free(value.release());
            return;
        }
        send(value, id, name, uuid_text, group);
    }

    void send(Value& value, std::string_view id, std::string_view name, std::string_view uuid,
              Group* group) {
        char millis[24];
        auto const end = std::to_chars(millis, millis + sizeof(millis), now_.millis()).ptr;
        rd_kafka_headers_t* const headers = rd_kafka_headers_new(9);
        auto const header = [headers](std::string_view key, std::string_view text) {
            rd_kafka_header_add(headers, key.data(), static_cast<ssize_t>(key.size()), text.data(),
                                static_cast<ssize_t>(text.size()));
        };
        header("token", token_), header("distinct_id", id), header("session_id", {});
        header("timestamp", {millis, static_cast<std::size_t>(end - millis)}),
            header("event", name);
        header("uuid", uuid), header("now", now_text_),
            header("force_disable_person_processing", {});
        header("historical_migration", {});
        key_.assign(token_).append(":").append(id);
        auto const failed = rd_kafka_producev(
            kafka_, RD_KAFKA_V_RKT(topic_), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_FREE),
            RD_KAFKA_V_VALUE(value.release(), value.size()),
            RD_KAFKA_V_KEY(key_.data(), key_.size()), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_OPAQUE(group), RD_KAFKA_V_END);
        if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
            std::fprintf(stderr, "produce: %s\n", rd_kafka_err2str(failed));
            std::exit(1);
        }
    }

    void delivered(Group* group) {
        if (group->left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        bool first = false;
        {
            std::lock_guard lock(mutex_);
            first = finished_.empty();
            finished_.push_back(group);
        }
        if (first) {
            std::uint64_t const one = 1;
            (void)!write(wake_, &one, sizeof(one));
        }
    }

    void answer_finished() {
        std::uint64_t count = 0;
        (void)!read(wake_, &count, sizeof(count));
        std::vector<Group*> done;
        {
            std::lock_guard lock(mutex_);
            done.swap(finished_);
        }
        for (Group* const group : done) {
            answer(group->fd);
            delete group;
        }
    }

    Options options_;
    capture::base::SystemClock clock_;
    capture::base::UuidSource uuids_;
    simdjson::ondemand::parser parser_;
    std::vector<Connection> connections_;
    std::vector<Slices> events_;
    std::string text_;
    std::string key_;
    std::string token_;
    Instant now_;
    std::string_view now_text_;
    char now_buffer_[capture::base::kMaxInstantText];
    rd_kafka_t* kafka_ = nullptr;
    rd_kafka_topic_t* topic_ = nullptr;
    std::mutex mutex_;
    std::vector<Group*> finished_;
    int listen_ = -1;
    int epoll_ = -1;
    int wake_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        std::string_view const key = argv[i];
        std::string_view const value = argv[i + 1];
        if (key == "--brokers") options.brokers = value;
        if (key == "--topic") options.topic = value;
        if (key == "--produce") options.kafka = value == "kafka";
        if (key == "--until") {
            options.until = value == "receive"   ? Part::Receive
                            : value == "inflate" ? Part::Inflate
                            : value == "parse"   ? Part::Parse
                            : value == "write"   ? Part::Write
                                                 : Part::Produce;
        }
    }
    if (options.until != Part::Produce) options.kafka = false;
    if (options.kafka && options.brokers.empty()) {
        std::fprintf(stderr, "capture_floor: --brokers is missing\n");
        return 2;
    }
    Floor(std::move(options)).run();
}
