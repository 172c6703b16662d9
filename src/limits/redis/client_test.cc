#include "limits/redis/client.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fstream>

#include "limits/redis/memory_store.h"
#include "limits/redis/transport.h"
#include "limits/redis/wire.h"
#include "limits/testing.h"

namespace capture::limits::redis {
namespace {

using std::chrono::milliseconds;
using testing::RealRedis;
using testing::TemporaryFolder;
using testing::wait;

/// A Redis inside the test: answers from a MemoryStore, or stays silent, or says what the test
/// wants.
class FakeServer {
  public:
    explicit FakeServer(base::IoContext& context)
        : acceptor_(context, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
        accept();
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    MemoryStore store;
    std::string raw_answer;  ///< sent instead of a real reply, when set
    bool silent = false;
    int connections = 0;
    std::vector<std::string> seen;

    void drop_connections() {
        for (auto& connection : open_)
            connection->socket.close();
        open_.clear();
    }

  private:
    struct Connection {
        explicit Connection(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
        boost::asio::ip::tcp::socket socket;
        WireReader reader;
        std::array<char, 4096> block;
    };

    void accept() {
        acceptor_.async_accept(
            [this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
                if (error) return;
                ++connections;
                open_.push_back(std::make_shared<Connection>(std::move(socket)));
                read(open_.back());
                accept();
            });
    }
    void read(std::shared_ptr<Connection> connection) {
        auto* raw = connection.get();
        raw->socket.async_read_some(
            boost::asio::buffer(raw->block),
            [this, connection = std::move(connection)](boost::system::error_code error,
                                                       std::size_t size) {
                if (error) return;
                EXPECT_TRUE(connection->reader.feed({connection->block.data(), size}));
                while (auto command = connection->reader.next())
                    serve(*connection, *command);
                read(connection);
            });
    }
    void serve(Connection& connection, const Reply& command) {
        seen.push_back(command.items.at(0).text);
        if (silent && seen.back() != "PING") return;
        std::string out;
        write(store.answer(command), out);
        if (!raw_answer.empty() && seen.back() != "PING") out = raw_answer;
        boost::system::error_code ignored;
        boost::asio::write(connection.socket, boost::asio::buffer(out), ignored);
    }
    static void write(const Reply& reply, std::string& out) {
        switch (reply.kind) {
            case Reply::Kind::Nil:
                out += "$-1\r\n";
                break;
            case Reply::Kind::Status:
                out += "+" + reply.text + "\r\n";
                break;
            case Reply::Kind::Error:
                out += "-" + reply.text + "\r\n";
                break;
            case Reply::Kind::Integer:
                out += ":" + std::to_string(reply.integer) + "\r\n";
                break;
            case Reply::Kind::Text:
                out += "$" + std::to_string(reply.text.size()) + "\r\n" + reply.text + "\r\n";
                break;
            case Reply::Kind::Array:
                out += "*" + std::to_string(reply.items.size()) + "\r\n";
                for (const Reply& item : reply.items)
                    write(item, out);
                break;
        }
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<Connection>> open_;
};

struct RedisClient : ::testing::Test {
    base::IoContext context;
    base::SystemClock clock;

    std::shared_ptr<Client> client_for(const std::string& url,
                                       milliseconds response = milliseconds(5000),
                                       const std::string& ca_file = "") {
        ClientOptions options;
        options.url = parse_url(url).value();
        options.ca_file = ca_file;
        options.response_timeout = response;
        return make(std::move(options));
    }
    std::shared_ptr<Client> make(ClientOptions options) {
        auto client = Client::create(context, std::move(options), ClientProbe{},
                                     telemetry::Logger::silent(), clock);
        EXPECT_TRUE(client) << client.error();
        (*client)->start();
        return *client;
    }
    std::shared_ptr<Client> client_for(const FakeServer& server,
                                       milliseconds response = milliseconds(5000)) {
        return client_for("redis://127.0.0.1:" + std::to_string(server.port()), response);
    }
};

TEST_F(RedisClient, RunsCommandsInOrderOnOneConnection) {
    FakeServer server(context);
    auto client = client_for(server);
    Commands commands;
    commands.add({"SET", "k", "v"});
    commands.add({"GET", "k"});
    commands.add({"GET", "missing"});
    commands.add({"INCRBY", "n", "5"});
    commands.add({"MGET", "k", "missing"});
    EXPECT_FALSE(commands.read_only());
    auto const replies = wait(context, client->run(std::move(commands)));
    ASSERT_TRUE(replies);
    ASSERT_EQ(replies->size(), 5u);
    EXPECT_EQ((*replies)[1].text, "v");
    EXPECT_EQ((*replies)[2].kind, Reply::Kind::Nil);
    EXPECT_EQ((*replies)[3].integer, 5);
    ASSERT_EQ((*replies)[4].items.size(), 2u);
    EXPECT_EQ((*replies)[4].items[0].text, "v");
    EXPECT_EQ(server.connections, 1);
}

TEST_F(RedisClient, GivesServerErrorsAsValues) {
    FakeServer server(context);
    auto client = client_for(server);
    auto const reply = wait(context, command(*client, Commands({"NONSENSE"})));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().failure, Failure::Refused);
}

TEST_F(RedisClient, TimesOutWithoutBreakingTheConnection) {
    FakeServer server(context);
    auto client = client_for(server, milliseconds(30));
    testing::run_until(context, [&] { return client->connected(); });
    server.silent = true;
    auto const late = wait(context, get(*client, "k"));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().failure, Failure::Timeout);
    EXPECT_TRUE(client->connected());
    EXPECT_EQ(server.connections, 1);
}

TEST_F(RedisClient, SkipsRepliesThatComeAfterTheirTimeout) {
    FakeServer server(context);
    auto client = client_for(server);
    testing::run_until(context, [&] { return client->connected(); });
    server.silent = true;
    auto const late = wait(context, get(*client, "k", milliseconds(10)));
    ASSERT_FALSE(late);
    server.silent = false;
    // The answer to the first GET arrives only now, before that to the second.
    server.store.set("b", "2");
    server.raw_answer = "$5\r\nstale\r\n$1\r\n2\r\n";
    auto const second = wait(context, get(*client, "b"));
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(**second, "2");
}

TEST_F(RedisClient, ConnectsAnewAfterALoss) {
    FakeServer server(context);
    server.store.set("k", "v");
    auto client = client_for(server);
    EXPECT_EQ(**wait(context, get(*client, "k")), "v");
    server.drop_connections();
    testing::run_until(context, [&] { return server.connections == 2; });
    EXPECT_EQ(**wait(context, get(*client, "k")), "v");
}

TEST_F(RedisClient, FailsCommandsQuicklyWhileNobodyListens) {
    auto client = client_for("redis://127.0.0.1:" + std::to_string(testing::free_port()));
    auto const reply = wait(context, get(*client, "k"));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().failure, Failure::Unreachable);
    EXPECT_NE(reply.error().message.find("127.0.0.1"), std::string::npos);
    client->close();
    EXPECT_EQ(wait(context, get(*client, "k")).error().failure, Failure::Unreachable);
}

TEST_F(RedisClient, NamesAHostThatDoesNotResolve) {
    auto client = client_for("redis://no-such-host.invalid");
    auto const reply = wait(context, get(*client, "k"));
    ASSERT_FALSE(reply);
    EXPECT_NE(reply.error().message.find("no-such-host.invalid"), std::string::npos);
}

TEST_F(RedisClient, RefusesMoreThanItsQueueHolds) {
    FakeServer server(context);
    ClientOptions options;
    options.url = parse_url("redis://127.0.0.1:" + std::to_string(server.port())).value();
    options.max_queued = 2;
    auto client = make(std::move(options));
    testing::run_until(context, [&] { return client->connected(); });
    server.silent = true;
    Commands two;
    two.add({"GET", "a"});
    two.add({"GET", "b"});
    boost::asio::co_spawn(context, client->run(std::move(two), milliseconds(5000)), [](auto...) {});
    testing::run_until(context, [&] { return server.seen.size() == 3; });
    auto const third = wait(context, get(*client, "c"));
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().failure, Failure::QueueFull);
}

TEST_F(RedisClient, DropsAServerThatDoesNotSpeakRedis) {
    FakeServer server(context);
    auto client = client_for(server);
    testing::run_until(context, [&] { return client->connected(); });
    server.raw_answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    auto const reply = wait(context, get(*client, "k"));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().failure, Failure::Unreachable);
}

TEST_F(RedisClient, LeavesAServerThatBecameAReplica) {
    FakeServer server(context);
    auto client = client_for(server);
    testing::run_until(context, [&] { return client->connected(); });
    server.raw_answer = "-READONLY You can't write against a read only replica.\r\n";
    EXPECT_FALSE(wait(context, command(*client, Commands({"INCRBY", "n", "1"}))));
    testing::run_until(context, [&] { return server.connections == 2; });
}

TEST_F(RedisClient, DecodesZstdValuesAndKeepsOthers) {
    FakeServer server(context);
    auto client = client_for(server);
    std::string const plain(100'000, 'x');
    std::string frame(ZSTD_compressBound(plain.size()), '\0');
    frame.resize(ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), 3));
    server.store.set("zstd", frame);
    server.store.set("broken", frame.substr(0, frame.size() - 3));
    server.store.set("empty", "");
    server.store.set("plain", "p");
    EXPECT_EQ(**wait(context, get(*client, "zstd")), plain);
    EXPECT_EQ(**wait(context, get(*client, "broken")), frame.substr(0, frame.size() - 3));
    EXPECT_EQ(*wait(context, get(*client, "empty")), std::nullopt);
    EXPECT_EQ(*wait(context, get(*client, "missing")), std::nullopt);
    EXPECT_EQ(**wait(context, get(*client, "plain")), "p");
}

TEST_F(RedisClient, ReadsFromTheReaderAndFallsBackToTheWriter) {
    auto reader = std::make_shared<MemoryStore>();
    auto writer = std::make_shared<MemoryStore>();
    reader->set("k", "reader");
    writer->set("k", "writer");
    SplitStore split(writer, reader);
    EXPECT_EQ(**wait(context, get(split, "k")), "reader");
    EXPECT_TRUE(wait(context, command(split, Commands({"INCRBY", "n", "1"}))));
    EXPECT_EQ(*writer->find("n"), "1");
    EXPECT_EQ(reader->find("n"), nullptr);
    reader->failing = Failure::Unreachable;
    EXPECT_EQ(**wait(context, get(split, "k")), "writer");
    reader->failing.reset();
    reader->refused_key = "k";
    EXPECT_EQ(**wait(context, get(split, "k")), "writer");
}

TEST_F(RedisClient, WorksWithARealServer) {
    RealRedis redis;
    auto client = client_for(redis.url() + "/2");
    Commands commands;
    commands.add({"ZADD", "set", "10", "old", "20", "new"});
    commands.add({"SET", "k", "v"});
    ASSERT_TRUE(wait(context, client->run(std::move(commands))));
    EXPECT_EQ(*wait(context, members_from(*client, "set", 15)), std::vector<std::string>{"new"});
    EXPECT_EQ(**wait(context, get(*client, "k")), "v");
    auto other = client_for(redis.url());
    EXPECT_EQ(*wait(context, get(*other, "k")), std::nullopt);
}

TEST_F(RedisClient, FollowsARestartedServer) {
    auto redis = std::make_unique<RealRedis>();
    std::uint16_t const port = redis->port();
    auto client = client_for(redis->url());
    EXPECT_TRUE(wait(context, get(*client, "k")));
    redis->kill();
    testing::run_until(context, [&] { return !client->connected(); });
    redis = std::make_unique<RealRedis>(std::vector<std::string>{}, port);
    testing::run_until(context, [&] { return client->connected(); });
    EXPECT_TRUE(wait(context, get(*client, "k")));
}

TEST_F(RedisClient, SurvivesAPausedServer) {
    RealRedis redis;
    auto client = client_for(redis.url(), milliseconds(50));
    ASSERT_TRUE(wait(context, command(*client, Commands({"SET", "k", "v"}))));
    redis.pause();
    EXPECT_EQ(wait(context, get(*client, "k")).error().failure, Failure::Timeout);
    redis.resume();
    auto const patient = wait(context, get(*client, "k"));
    ASSERT_TRUE(patient) << patient.error().message;
    EXPECT_EQ(**patient, "v");
}

TEST_F(RedisClient, LogsInWithAnAclUser) {
    RealRedis redis({"--user", "capture", "on", ">pa:ss@word", "~@posthog/*", "+zrangebyscore",
                     "+ping", "--user", "default", "off"});
    std::string const place = "@127.0.0.1:" + std::to_string(redis.port());
    auto client = client_for("redis://capture:pa%3Ass%40word" + place);
    EXPECT_TRUE(wait(context, members_from(*client, "@posthog/quota-limits/events", 0)));
    EXPECT_EQ(wait(context, get(*client, "other")).error().failure, Failure::Refused);

    auto wrong = client_for("redis://capture:wrong" + place);
    auto const reply = wait(context, members_from(*wrong, "@posthog/quota-limits/events", 0));
    ASSERT_FALSE(reply);
    EXPECT_NE(reply.error().message.find("WRONGPASS"), std::string::npos);
    EXPECT_EQ(reply.error().message.find("wrong@"), std::string::npos);
    auto nobody = client_for("redis://127.0.0.1:" + std::to_string(redis.port()));
    EXPECT_FALSE(wait(context, get(*nobody, "k")));
}

TEST_F(RedisClient, UsesALocalSocket) {
    TemporaryFolder folder;
    std::string const path = folder / "redis.sock";
    RealRedis redis({"--unixsocket", path});
    auto client = client_for("redis+unix://" + path + "?db=1");
    // The server opens its port first, which is what its start was waited for by.
    testing::run_until(context, [&] { return client->connected(); });
    EXPECT_TRUE(wait(context, get(*client, "k")));
}

struct RedisTls : RedisClient {
    TemporaryFolder folder;
    std::string certificate(const std::string& name, const std::string& subject_alternative) {
        std::string const key = folder / (name + ".key").c_str();
        std::string const file = folder / (name + ".crt").c_str();
        EXPECT_EQ(
            testing::run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                  "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                                  "/CN=" + name, "-addext", "subjectAltName=" + subject_alternative,
                                  "-keyout", key, "-out", file}),
            0);
        return file;
    }
    static std::vector<std::string> tls_options(const std::string& file) {
        return {"--tls-cert-file",    file,
                "--tls-key-file",     file.substr(0, file.size() - 4) + ".key",
                "--tls-ca-cert-file", file,
                "--tls-auth-clients", "no"};
    }
};

TEST_F(RedisTls, TrustsTheGivenAuthority) {
    std::string const file = certificate("good", "DNS:localhost,IP:127.0.0.1");
    RealRedis redis(tls_options(file), 0, true);
    std::string const port = std::to_string(redis.port());
    for (const char* host : {"127.0.0.1", "localhost"}) {
        auto client =
            client_for("rediss://" + std::string(host) + ":" + port, milliseconds(5000), file);
        auto const set =
            wait(context, command(*client, Commands({"SET", "k", std::string(300'000, 'v')})));
        ASSERT_TRUE(set) << set.error().message;
        EXPECT_EQ((*wait(context, get(*client, "k")))->size(), 300'000u);
    }
}

TEST_F(RedisTls, RefusesAnUnknownAuthorityUnlessToldNotToVerify) {
    std::string const file = certificate("unknown", "IP:127.0.0.1");
    RealRedis redis(tls_options(file), 0, true);
    std::string const url = "rediss://127.0.0.1:" + std::to_string(redis.port());
    auto strict = client_for(url);
    auto const refused = wait(context, get(*strict, "k"));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("TLS handshake"), std::string::npos)
        << refused.error().message;
    auto lax = client_for(url + "#insecure");
    EXPECT_TRUE(wait(context, get(*lax, "k")));
}

TEST_F(RedisTls, RefusesACertificateForAnotherName) {
    std::string const file = certificate("other", "DNS:redis.example");
    RealRedis redis(tls_options(file), 0, true);
    auto client =
        client_for("rediss://127.0.0.1:" + std::to_string(redis.port()), milliseconds(5000), file);
    EXPECT_FALSE(wait(context, get(*client, "k")));
}

TEST_F(RedisTls, SaysWhichCaFileCannotBeRead) {
    ClientOptions options;
    options.url = parse_url("rediss://h").value();
    options.ca_file = "/nonexistent/ca.pem";
    auto const client =
        Client::create(context, options, ClientProbe{}, telemetry::Logger::silent(), clock);
    ASSERT_FALSE(client);
    EXPECT_NE(client.error().find("/nonexistent/ca.pem"), std::string::npos);
    EXPECT_EQ(client.error(), ca_file_problem(options.ca_file));
    std::string const empty = folder / "empty.pem";
    std::ofstream{empty}.close();
    EXPECT_NE(ca_file_problem(empty), "");
    EXPECT_EQ(ca_file_problem(certificate("fine", "IP:127.0.0.1")), "");
}

}  // namespace
}  // namespace capture::limits::redis
