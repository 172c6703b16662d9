// The floor: the least work that takes the same bytes in and the same bytes out to the same broker,
// with the same libraries.
//
// It receives a POST, inflates it (ISA-L), finds the events' fields (simdjson On-Demand, raw
// slices), writes each record's value once (the same vectorised escaping), hands it to librdkafka
// with the same key and headers, and answers when the last record is acknowledged. No validation of
// events, no limits, no metrics, no timeouts, no memory bounds: what capture costs beyond this is
// ours to answer for. For replay it validates the JSON and compresses the envelope with LZ4, since
// both belong to what is asked.
//
// It is a minimum, so it may not waste what capture saves: a request that one read brings is served
// from the read's own buffer; the values of a request lie in one block that the connection keeps;
// the thread that learns of the last acknowledgement writes the answer itself. Should capture ever
// cost less, the floor is wrong.
//
//   capture_floor --brokers 127.0.0.1:9092         prints the port it listens on
//   --produce librdkafka|none   the way to produce; none: records are written and forgotten
//   --until receive|inflate|parse|write|produce    stops after that part: differences are the parts
//   --surface analytics|replay
//
// SIGUSR1 prints the latencies from produce to acknowledgement since the last time, as JSON.
#include <CLI/CLI.hpp>
#include <iostream>

#include "floor/producer.h"
#include "floor/server.h"

int main(int argc, char** argv) {
    using namespace capture::bench;
    std::string way = "librdkafka";
    std::string surface_name = "analytics";
    Part until = Part::Produce;
    ProducerOptions producing;
    producing.topic = "floor";
    CLI::App app{"The least work that could be done for a request"};
    app.add_option("--brokers", producing.brokers);
    app.add_option("--topic", producing.topic);
    app.add_option("--linger", producing.linger_ms, "in ms");
    app.add_option("--produce", way)->check(CLI::IsMember({"librdkafka", "none"}));
    app.add_option("--surface", surface_name)->check(CLI::IsMember({"analytics", "replay"}));
    std::map<std::string, Part> const parts{{"receive", Part::Receive},
                                            {"inflate", Part::Inflate},
                                            {"parse", Part::Parse},
                                            {"write", Part::Write},
                                            {"produce", Part::Produce}};
    app.add_option("--until", until)->transform(CLI::CheckedTransformer(parts));
    CLI11_PARSE(app, argc, argv);
    bool const kafka = way == "librdkafka" && until == Part::Produce;
    if (kafka && producing.brokers.empty()) {
        std::cerr << "capture_floor: --brokers is missing\n";
        return 2;
    }
    auto const surface = surface_name == "replay" ? make_replay() : make_analytics();
    auto const done = [](Records& records) { Server::answer(records); };
    auto const producer =
        kafka ? make_librdkafka_producer(producing, done) : make_dropping_producer(done);
    Server server(*surface, until);
    server.produce_with(*producer);
    server.run();
}
