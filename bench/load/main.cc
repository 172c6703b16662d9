// The load generator: sends prepared requests to one server on loopback, in a closed or an open
// loop, and prints as JSON how many there were, how they were answered, how long that took and what
// it cost the server. See generator.h for the loops, request_mix.h for the requests.
//
//   capture_load --port 3000 --mix requests/manifest --connections 64 --seconds 10 --pid 1234
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "load/generator.h"
#include "load/watched_process.h"

namespace {

using capture::bench::Generator;
using capture::bench::Latencies;
using capture::bench::LoadResult;
using capture::bench::WatchedProcess;

/// A request that is due is sent then, and not when the machine next has time for it.
void be_punctual() {
    prctl(PR_SET_TIMERSLACK, 1UL);
    (void)setpriority(PRIO_PROCESS, 0, -10);
}

void print_quantiles(const char* name, Latencies& latencies) {
    std::printf("\"%s\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f},",
                name, latencies.quantile(.5), latencies.quantile(.9), latencies.quantile(.99),
                latencies.quantile(.999), latencies.quantile(1));
}

void print(LoadResult& result, double cpu, double kernel, const WatchedProcess& server) {
    auto const per = [cpu](std::uint64_t n) { return n ? cpu * 1e6 / static_cast<double>(n) : 0; };
    std::printf("{\"requests\":%lu,\"events\":%lu,\"ok\":%lu,\"unexpected\":%lu,\"broken\":%lu,",
                result.requests, result.events, result.ok, result.unexpected, result.broken);
    std::printf("\"unsent\":%lu,", result.unsent);
    std::printf("\"first_unexpected\":\"%s\",\"answers\":{", result.first_unexpected.c_str());
    for (std::size_t digit = 1; digit <= 5; ++digit)
        std::printf("%s\"%zuxx\":%lu", digit > 1 ? "," : "", digit, result.by_class[digit]);
    std::printf("},\"seconds\":%.4f,\"per_second\":%.1f,\"cpu_seconds\":%.6f,", result.seconds,
                static_cast<double>(result.requests) / result.seconds, cpu);
    std::printf("\"kernel_share\":%.4f,", cpu > 0 ? std::min(kernel / cpu, 1.0) : 0);
    std::printf("\"cpu_us_per_request\":%.4f,\"cpu_us_per_event\":%.4f,", per(result.requests),
                per(result.events));
    print_quantiles("latency_us", result.latencies);
    print_quantiles("lateness_us", result.lateness);
    std::printf("\"rss_kib\":%ld,\"peak_rss_kib\":%ld}\n", server.rss_kib(), server.peak_rss_kib());
}

}  // namespace

int main(int argc, char** argv) {
    capture::bench::LoadOptions options;
    std::string manifest;
    double seconds = 10;
    double warmup = 1;
    std::uint64_t warmup_requests = 0;
    std::uint64_t keys = 0;
    pid_t pid = 0;
    CLI::App app{
        "Sends prepared requests to one server on loopback and reports throughput, CPU and latency "
        "as JSON"};
    app.add_option("--port", options.port)->required();
    app.add_option("--mix", manifest, "manifest of the requests, see request_mix.h")->required();
    app.add_option("--connections", options.connections)->check(CLI::Range(1, 60'000));
    app.add_option("--seconds", seconds);
    app.add_option("--warmup", warmup, "seconds before measuring");
    app.add_option("--warmup-requests", warmup_requests, "requests before measuring, after those");
    app.add_option("--rate", options.rate, "requests per second, open loop; 0 = closed loop");
    app.add_option("--keys", keys, "number the marked keys below this");
    app.add_option("--pid", pid, "process whose CPU time and memory are reported");
    CLI11_PARSE(app, argc, argv);
    try {
        be_punctual();
        capture::bench::RequestMix mix(manifest);
        if (keys > 0) mix.number_keys(keys);
        WatchedProcess const server(pid);
        Generator generator(options, mix);
        if (warmup > 0) generator.run(warmup);
        if (warmup_requests > 0) generator.run(600, warmup_requests);
        double const before = server.cpu_seconds();
        double const kernel = server.kernel_seconds();
        LoadResult result = generator.run(seconds);
        print(result, server.cpu_seconds() - before, server.kernel_seconds() - kernel, server);
    } catch (const std::exception& error) {
        std::cerr << "capture_load: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
