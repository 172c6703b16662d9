// The loader's work in progress, shared by load.cc (variables) and rules.cc (what must hold between
// them). Private to this room.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config/load.h"

namespace capture::config {

struct Loading {
    struct Found {
        std::string text;
        std::string name;  ///< under which it was found
        std::string source;
    };

    const Environment& environment;
    const LoadOptions& options;
    Loaded out;
    std::set<std::string, std::less<>> used;            ///< names that decided something
    std::set<std::string, std::less<>> without_effect;  ///< set, known, and decided nothing
    std::map<std::string, std::vector<std::string>> legacy_used;  ///< → their new names

    Settings& settings() { return out.settings; }
    /// Present under exactly this name.
    std::optional<Found> find(std::string_view name) const;
    bool is_set(std::string_view name) const { return find(name).has_value(); }
    void problem(std::string_view variable, std::string text);
    void notice(telemetry::Level level, std::string text) {
        out.notices.push_back({level, std::move(text)});
    }
    Resolved* resolved(std::string_view name);
    void show(std::string_view name, std::string value, std::string source);
    ProducerSettings* producer(std::string_view slot);
};

std::string producer_variable(std::string_view slot, std::string_view suffix);
std::string topic_variable(std::string_view output);
inline constexpr const char* kIngestion = "INGESTION";

// rules.cc, in the order of calling.
void apply_kafka_tls(Loading& l);
void apply_emergency_switch(Loading& l);
void apply_dev(Loading& l);
void apply_machine(Loading& l);
void apply_redis_roles(Loading& l);
void check_producers(Loading& l);
void check_outputs(Loading& l);
void check_recordings(Loading& l);
void check_limits(Loading& l);

}  // namespace capture::config
