#include "app/commands/explain.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "app/exit_code.h"
#include "base/clock.h"
#include "limits/explain.h"
#include "model/error.h"
#include "parse/analytics_v0/processor.h"
#include "parse/analytics_v0/reader.h"
#include "parse/replay/processor.h"
#include "parse/replay/reader.h"
#include "pipeline/ai_lane.h"
#include "route/lane.h"
#include "route/record.h"
#include "sink/outputs.h"
#include "telemetry/text.h"

namespace capture::app {
namespace {

using limits::ExplainStep;

std::string json_string(std::string_view text) {
    std::string out;
    telemetry::append_json_string(out, text);
    return out;
}

/// Printable on a terminal, without quotes.
std::string printable(std::string_view text) {
    auto const quoted = json_string(text);
    return quoted.substr(1, quoted.size() - 2);
}

/// Where a record goes.
struct Place {
    std::string output, topic, producer;
    std::optional<std::string> key;
    bool person_processing = true;
    bool operator==(const Place&) const = default;
};

/// How the answer ends.
struct Verdict {
    int status = 200;    ///< of the request
    std::string ending;  ///< produced, dropped or refused
    std::string detail;  ///< cause, or the answer's body
    std::optional<Place> place;
    /// Where the event goes instead while its key's token bucket is empty.
    std::optional<Place> when_bucket_empty;
};

struct Answer {
    std::vector<ExplainStep> steps;
    Verdict verdict;
};

Verdict refused(const model::Error& error) {
    return {.status = model::info(error.code).status,
            .ending = "refused",
            .detail = model::body_text(error),
            .place = {},
            .when_bucket_empty = {}};
}

/// What a client would send, and what reading it leaves.
struct Sample {
    telemetry::Registry registry{"", ""};
    parse::Probe probe{registry};
    model::DecodedBody body;
    base::Arena arena;
    model::EventBatch batch;  ///< empty: events of this name are taken and thrown away
    std::string_view token;

    model::Result<void> keep_token(model::Result<std::string_view> found) {
        if (!found) return std::unexpected(std::move(found.error()));
        token = *found;
        return {};
    }
    model::RequestFacts facts(const base::Clock& clock) const {
        return {.token = token, .ip = "127.0.0.1", .now = clock.now(), .sent_at = std::nullopt};
    }
};

/// As AnalyticsV0 reads a request. The error is what is wrong with the request as a whole.
model::Result<void> read_event(const ExplainOptions& options, Sample& sample) {
    std::string text = "{\"api_key\":" + json_string(options.token) +
                       ",\"historical_migration\":" + (options.historical ? "true" : "false") +
                       ",\"batch\":[{\"event\":" + json_string(options.event) +
                       ",\"distinct_id\":" + json_string(options.distinct_id);
    if (!options.uuid.empty()) text += ",\"uuid\":" + json_string(options.uuid);
    (void)sample.body.text.append(text + ",\"properties\":" + options.properties + "}]}");
    auto batch = parse::analytics_v0::Reader().read(sample.body, false, sample.arena, nullptr);
    if (!batch) return std::unexpected(std::move(batch.error()));
    sample.batch = std::move(*batch);
    auto kept = parse::analytics_v0::drop_performance_events(sample.batch);
    if (!kept || sample.batch.events.empty()) return kept;
    return sample.keep_token(parse::analytics_v0::request_token(sample.batch));
}

model::Result<model::Event> build_event(const config::Settings& settings, const base::Clock& clock,
                                        Sample& sample) {
    parse::analytics_v0::Processor processor(
        {.ai_lane_by_prefix = settings.ai.lane_by_prefix,
         .reroute_historical = settings.historical.reroute,
         .historical_threshold_days = settings.historical.threshold_days},
        sample.probe, clock);
    std::vector<model::Event> events;
    auto built = processor.process(sample.batch, sample.facts(clock), sample.arena, events);
    if (built) built = pipeline::check_ai_lane(settings, events);
    if (!built) return std::unexpected(std::move(built.error()));
    return events.front();
}

/// The same for a piece of a recording, as Replay reads it.
model::Result<void> read_recording(const ExplainOptions& options, Sample& sample) {
    std::string text =
        "{\"token\":" + json_string(options.token) +
        ",\"event\":\"$snapshot\",\"distinct_id\":" + json_string(options.distinct_id) +
        ",\"properties\":{";
    if (!options.session_id.empty()) text += "\"$session_id\":" + json_string(options.session_id);
    (void)sample.body.text.append(text + "}}");
    auto batch = parse::replay::Reader().read(sample.body, sample.arena, nullptr);
    if (!batch) return std::unexpected(std::move(batch.error()));
    sample.batch = std::move(*batch);
    return sample.keep_token(parse::replay::request_token(sample.batch));
}

model::Result<model::Event> build_recording(const base::Clock& clock, Sample& sample) {
    parse::replay::Processor processor(sample.probe);
    model::Event event;
    auto const done =
        processor.describe(sample.batch, sample.facts(clock), {}, sample.arena, event);
    if (!done) return std::unexpected(done.error());
    return event;
}

/// Lane, topic and key of an event that every limit let through.
model::Result<Place> place_of(const config::Settings& settings, const model::Event& event,
                              std::string_view token) {
    sink::OutputTable const outputs(settings.outputs);
    route::LaneRules rules;
    rules.preserve_locality = settings.overflow.preserve_locality;
    for (std::size_t i = 0; i < model::kOutputCount; ++i)
        rules.wired[i] = outputs.wired(static_cast<model::Output>(i));
    auto const destination = route::choose_lane(event, rules);
    if (!destination) return std::unexpected(destination.error());
    std::pmr::string scratch;
    auto const key = route::record_key(event, destination->key, token, scratch);
    Place place{.output = model::name(destination->output),
                .topic = std::string(outputs.topic(*destination)),
                .producer = outputs.at(destination->output).slot,
                .key = {},
                .person_processing = !destination->person_processing_off};
    if (key) place.key.emplace(*key);
    return place;
}

Verdict verdict_of(const config::Settings& settings, limits::Explanation& explained,
                   std::string_view token) {
    if (explained.refused) return refused(*explained.refused);
    Verdict verdict;
    if (explained.dropped) {
        verdict.ending = "dropped";
        verdict.detail = model::cause(*explained.dropped);
        return verdict;
    }
    auto place = place_of(settings, explained.event, token);
    if (!place) return refused(place.error());
    verdict.ending = "produced";
    verdict.place = std::move(*place);
    if (explained.bucket_may_overflow) {
        explained.event.stamps.overflow = model::OverflowReason::RateLimited;
        auto other = place_of(settings, explained.event, token);
        if (other && *other != *verdict.place) verdict.when_bucket_empty = std::move(*other);
    }
    return verdict;
}

std::expected<Answer, std::string> ask(const config::Settings& settings,
                                       const ExplainOptions& options) {
    base::SystemClock const clock;
    bool const recordings = settings.mode == config::Mode::Recordings;
    Sample sample;
    auto const read = recordings ? read_recording(options, sample) : read_event(options, sample);
    if (!read) return Answer{{}, refused(read.error())};
    if (sample.batch.events.empty()) {
        Answer answer;
        answer.verdict.ending = "dropped";
        answer.verdict.detail = "events of this name are not kept";
        return answer;
    }
    limits::ExplainQuestion question;
    question.historical_migration = options.historical;
    question.data_size = model::data_size;
    question.token = sample.token;
    question.parsed = sample.batch.events.front();
    question.build = [&] {
        return recordings ? build_recording(clock, sample) : build_event(settings, clock, sample);
    };
    auto explained = limits::explain(settings, question, telemetry::Logger::silent(), clock);
    if (!explained) return std::unexpected(explained.error());
    Answer answer;
    answer.verdict = verdict_of(settings, *explained, question.token);
    answer.steps = std::move(explained->steps);
    return answer;
}

std::string place_json(const Place& place) {
    return "\"output\":" + json_string(place.output) + ",\"topic\":" + json_string(place.topic) +
           ",\"producer\":" + json_string(place.producer) +
           ",\"key\":" + (place.key ? json_string(*place.key) : "null") +
           ",\"person_processing\":" + (place.person_processing ? "true" : "false");
}

std::string place_text(const Place& place) {
    return printable(place.topic) + " (output " + place.output + ", producer " + place.producer +
           ") with " + (place.key ? "key " + printable(*place.key) : std::string("no key")) +
           (place.person_processing ? "" : ", without person processing");
}

std::string as_json(const Answer& answer) {
    std::string out = "{\"steps\":[";
    for (auto const& step : answer.steps) {
        if (!out.ends_with('[')) out += ',';
        out += "{\"name\":" + json_string(step.name) +
               ",\"verdict\":" + json_string(limits::to_text(step.verdict)) +
               ",\"reason\":" + json_string(step.reason) + ",\"facts\":{";
        for (auto const& [name, value] : step.facts) {
            if (!out.ends_with('{')) out += ',';
            out += json_string(name) + ":" + json_string(value);
        }
        out += "}}";
    }
    auto const& v = answer.verdict;
    out += "],\"ending\":" + json_string(v.ending) + ",\"status\":" + std::to_string(v.status) +
           ",\"detail\":" + json_string(v.detail);
    if (v.place) out += "," + place_json(*v.place);
    if (v.when_bucket_empty)
        out += ",\"when_bucket_empty\":{" + place_json(*v.when_bucket_empty) + "}";
    return out + "}\n";
}

std::string as_text(const Answer& answer) {
    std::string out;
    for (auto const& step : answer.steps) {
        std::string const verdict = limits::to_text(step.verdict);
        out += verdict + std::string(verdict.size() < 8 ? 8 - verdict.size() : 1, ' ') + step.name;
        out.append(step.name.size() < 20 ? 20 - step.name.size() : 1, ' ')
            .append(printable(step.reason))
            .append("\n");
        for (auto const& [name, value] : step.facts) {
            out += std::string(28, ' ') + name + " = " + printable(value) + "\n";
        }
    }
    auto const& v = answer.verdict;
    if (v.place) {
        out += "→ produced to " + place_text(*v.place) + "\n";
        if (v.when_bucket_empty) {
            out += "  or, while the key's bucket is empty, to " + place_text(*v.when_bucket_empty) +
                   "\n";
        }
        return out;
    }
    if (v.ending == "dropped") return out + "→ dropped: " + v.detail + "\n";
    return out + "→ refused with " + std::to_string(v.status) + ": " + printable(v.detail) + "\n";
}

}  // namespace

std::expected<std::string, std::string> explain_text(const config::Settings& settings,
                                                     const ExplainOptions& options) {
    auto const answer = ask(settings, options);
    if (!answer) return std::unexpected(answer.error());
    return options.json ? as_json(*answer) : as_text(*answer);
}

int run_explain(const config::Settings& settings, const ExplainOptions& options) {
    auto const text = explain_text(settings, options);
    if (!text) {
        std::fprintf(stderr, "capture: %s\n", text.error().c_str());
        return kExitConfig;
    }
    std::fputs(text->c_str(), stdout);
    return kExitOk;
}

}  // namespace capture::app
