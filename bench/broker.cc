// A broker that is always equally quick: librdkafka's mock of one, in a process of its own. No
// disk, no virtual machine, no pauses; each answer takes as long as it is told. It keeps the newest
// 5 MiB of each partition. Serves on loopback until it is killed; prints where.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

int main(int argc, char** argv) {
    int rtt_ms = 0;
    CLI::App app{"A Kafka broker that keeps nothing and is always equally quick"};
    app.add_option("--rtt", rtt_ms, "ms that each answer takes")->check(CLI::Range(0, 1000));
    CLI11_PARSE(app, argc, argv);
    char error[256];
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    rd_kafka_t* const host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    rd_kafka_mock_cluster_t* const cluster = host ? rd_kafka_mock_cluster_new(host, 1) : nullptr;
    if (!cluster || rd_kafka_mock_broker_set_rtt(cluster, 1, rtt_ms) != 0) {
        std::fprintf(stderr, "capture_broker: cannot start\n");
        return 1;
    }
    std::printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    std::fflush(stdout);
    while (true)
        pause();
}
