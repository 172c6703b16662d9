// What a small request costs: parsing its head, and the whole way through a server over loopback.
// The counter server_us is the CPU time of the server's thread per request, kernel included.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "base/counted.h"
#include "http/client_ip.h"
#include "http/parser.h"
#include "http/probes.h"
#include "http/response_writer.h"
#include "http/server.h"

namespace capture::http {
namespace {

std::string request(std::size_t body) {
    return "POST /i/v0/e/?ip=0&_=1764000000000&ver=1.290.0&compression=gzip-js HTTP/1.1\r\n"
           "Host: us.i.posthog.com\r\n"
           "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
           "Chrome/142.0.0.0\r\n"
           "Accept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: "
           "en-US,en;q=0.9\r\n"
           "Origin: https://app.example.com\r\nReferer: https://app.example.com/\r\n"
           "Content-Type: text/plain\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.1\r\n"
           "X-Request-Start: t=1764000000.123\r\nX-Request-Id: "
           "0190c7a0-7c1e-7000-8000-000000000000\r\n"
           "Content-Length: " +
           std::to_string(body) + "\r\n\r\n" + std::string(body, 'x');
}

void ParseHead(benchmark::State& state) {
    std::string const bytes = request(0);
    Head head;
    for (auto _ : state) {
        head.clear();
        HeadParser parser(head, 64 * 1024);
        benchmark::DoNotOptimize(parser.feed(bytes));
    }
    if (head.find("content-type") != "text/plain" || head.field_count() != 12)
        state.SkipWithError("another head");
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(ParseHead)->Apply(base::counted<500>);

void ClientIp(benchmark::State& state) {
    std::string const bytes = request(0);
    Head head;
    HeadParser parser(head, 64 * 1024);
    parser.feed(bytes);
    IpText storage;
    std::string_view ip;
    for (auto _ : state) {
        ip = client_ip(head, "127.0.0.1", storage);
        benchmark::DoNotOptimize(ip.data());
    }
    if (ip != "203.0.113.7") state.SkipWithError("another address");
}
BENCHMARK(ClientIp)->Apply(base::counted<5000>);

void ComposeAnswer(benchmark::State& state) {
    ResponseWriter writer;
    DateText date;
    std::int64_t second = 1'764'000'000;
    ResponseFrame frame;
    frame.cors = &kLegacyCors;
    frame.origin = "https://app.example.com";
    for (auto _ : state) {
        frame.date = date.at({second++, 0});  // never the same twice
        writer.write(Response::json(200, R"({"status":"Ok"})"), frame);
        benchmark::DoNotOptimize(writer.bytes().data());
    }
    std::string_view const out = writer.bytes();
    if (!out.starts_with("HTTP/1.1 200 OK\r\n") || !out.ends_with("\r\n\r\n{\"status\":\"Ok\"}"))
        state.SkipWithError("another answer");
}
BENCHMARK(ComposeAnswer)->Apply(base::counted<5000>);

class Accepting final : public Handler {
  public:
    base::Task<Response> serve(Request& request) override {
        auto body = co_await request.read_body(20 << 20);
        if (!body) co_return Response::error(body.error());
        co_return Response::json(200, R"({"status":"Ok"})");
    }
};

double thread_cpu_seconds(pthread_t thread) {
    clockid_t id;
    timespec spent{};
    if (pthread_getcpuclockid(thread, &id) == 0) clock_gettime(id, &spent);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

// One client that waits for each answer: `range(0)` bytes of body, `range(1)` connections in turn.
void Serve(benchmark::State& state) {
    base::SystemClock const clock;
    telemetry::Registry registry("capture", "events");
    Probe const probe(registry);
    PathLabels labels;
    ConcurrencyLimits limits(std::nullopt);
    Router router(probe, labels, limits);
    Accepting handler;
    router.add_with_slash("/i/v0/e", handler);
    base::Budget budget(256 << 20, 512 << 20);
    base::IoContext io{1};
    base::TimerWheel timers(io, clock);
    Server server({io, clock, budget, timers, router, probe, telemetry::Logger::silent(), {}});
    auto const port = server.listen("127.0.0.1:0");
    if (!port) return state.SkipWithError(port.error().c_str());
    server.start();
    std::thread worker([&] { io.run(); });

    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(*port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::vector<int> clients;
    for (int i = 0; i < state.range(1); ++i) {
        clients.push_back(socket(AF_INET, SOCK_STREAM, 0));
        if (connect(clients.back(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
            state.SkipWithError("connect");
        }
    }
    std::string const bytes = request(static_cast<std::size_t>(state.range(0)));
    char answer[4096];
    double const before = thread_cpu_seconds(worker.native_handle());
    for (auto _ : state) {
        // All ask, then all listen: the server finds several ready connections at a time.
        for (int fd : clients) {
            std::size_t sent = 0;
            while (sent < bytes.size()) {
                auto const n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
                if (n <= 0) return state.SkipWithError("send");
                sent += static_cast<std::size_t>(n);
            }
        }
        for (int fd : clients) {
            auto const n = recv(fd, answer, sizeof(answer), 0);
            if (n <= 0 ||
                !std::string_view(answer, static_cast<std::size_t>(n)).starts_with("HTTP/1.1 200"))
                return state.SkipWithError("another answer");
        }
    }
    double const requests =
        static_cast<double>(state.iterations()) * static_cast<double>(clients.size());
    state.counters["server_us"] =
        (thread_cpu_seconds(worker.native_handle()) - before) * 1e6 / requests;
    state.counters["requests"] = benchmark::Counter(requests, benchmark::Counter::kIsRate);
    for (int fd : clients)
        close(fd);
    base::asio::post(io, [&] { server.drain([&] { io.stop(); }); });
    worker.join();
}
BENCHMARK(Serve)->Args({1024, 1})->Args({1024, 64})->Args({100'000, 8})->UseRealTime();

}  // namespace
}  // namespace capture::http
