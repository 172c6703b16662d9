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

/// The event as a client would send it, read and processed as a request is.
class Sample {
  public:
    Sample(const config::Settings& settings, const ExplainOptions& options,
           const base::Clock& clock)
        : settings_(settings), clock_(clock), registry_("", ""), probe_(registry_) {
        (void)body_.text.append(request_text(options));
        if (auto read = this->read(); !read) error_ = read.error();
    }

    /// What is wrong with the request as a whole.
    const std::optional<model::Error>& error() const { return error_; }
    /// False: events of this name are taken and thrown away.
    bool wanted() const { return !batch_.events.empty(); }
    std::string_view token() const { return token_; }
    const model::ParsedEvent& parsed() const { return batch_.events.front(); }

    model::Result<model::Event> build() {
        parse::analytics_v0::Processor processor(
            {.ai_lane_by_prefix = settings_.ai.lane_by_prefix,
             .reroute_historical = settings_.historical.reroute,
             .historical_threshold_days = settings_.historical.threshold_days},
            probe_, clock_);
        model::RequestFacts const facts{
            .token = token_, .ip = "127.0.0.1", .now = clock_.now(), .sent_at = std::nullopt};
        std::vector<model::Event> events;
        auto built = processor.process(batch_, facts, arena_, events);
        if (built) built = pipeline::check_ai_lane(settings_, events);
        if (!built) return std::unexpected(built.error());
        return std::move(events.front());
    }

  private:
    static std::string request_text(const ExplainOptions& options) {
        std::string text = "{\"api_key\":" + json_string(options.token) +
                           ",\"historical_migration\":" + (options.historical ? "true" : "false") +
                           ",\"batch\":[{\"event\":" + json_string(options.event) +
                           ",\"distinct_id\":" + json_string(options.distinct_id);
        if (!options.uuid.empty()) text += ",\"uuid\":" + json_string(options.uuid);
        return text + ",\"properties\":" + options.properties + "}]}";
    }
    model::Result<void> read() {
        auto batch = reader_.read(body_, false, arena_, nullptr);
        if (!batch) return std::unexpected(batch.error());
        batch_ = std::move(*batch);
        if (auto kept = parse::analytics_v0::drop_performance_events(batch_); !kept || !wanted())
            return kept;
        auto const token = parse::analytics_v0::request_token(batch_);
        if (!token) return std::unexpected(token.error());
        token_ = *token;
        return {};
    }

    const config::Settings& settings_;
    const base::Clock& clock_;
    telemetry::Registry registry_;
    parse::Probe probe_;
    parse::analytics_v0::Reader reader_;
    model::DecodedBody body_;
    base::Arena arena_;
    model::EventBatch batch_;
    std::string_view token_;
    std::optional<model::Error> error_;
};

/// The same for a piece of a recording.
class RecordingSample {
  public:
    RecordingSample(const ExplainOptions& options, const base::Clock& clock)
        : clock_(clock), registry_("", ""), probe_(registry_) {
        (void)body_.text.append(request_text(options));
        if (auto read = this->read(); !read) error_ = read.error();
    }

    const std::optional<model::Error>& error() const { return error_; }
    std::string_view token() const { return token_; }
    const model::ParsedEvent& parsed() const { return batch_.events.front(); }

    model::Result<model::Event> build() {
        model::RequestFacts const facts{
            .token = token_, .ip = "127.0.0.1", .now = clock_.now(), .sent_at = std::nullopt};
        parse::replay::Processor processor(probe_);
        model::Event event;
        auto const done = processor.describe(batch_, facts, {}, arena_, event);
        if (!done) return std::unexpected(done.error());
        return event;
    }

  private:
    static std::string request_text(const ExplainOptions& options) {
        std::string text =
            "{\"token\":" + json_string(options.token) +
            ",\"event\":\"$snapshot\",\"distinct_id\":" + json_string(options.distinct_id) +
            ",\"properties\":{";
        if (!options.session_id.empty())
            text += "\"$session_id\":" + json_string(options.session_id);
        return text + "}}";
    }
    model::Result<void> read() {
        auto batch = reader_.read(body_, arena_, nullptr);
        if (!batch) return std::unexpected(batch.error());
        batch_ = std::move(*batch);
        auto const token = parse::replay::request_token(batch_);
        if (!token) return std::unexpected(token.error());
        token_ = *token;
        return {};
    }

    const base::Clock& clock_;
    telemetry::Registry registry_;
    parse::Probe probe_;
    parse::replay::Reader reader_;
    model::DecodedBody body_;
    base::Arena arena_;
    model::EventBatch batch_;
    std::string_view token_;
    std::optional<model::Error> error_;
};

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
    limits::ExplainQuestion question;
    question.historical_migration = options.historical;
    question.data_size = model::data_size;
    std::optional<Sample> sample;
    std::optional<RecordingSample> recording;
    if (settings.mode == config::Mode::Recordings) {
        recording.emplace(options, clock);
        if (recording->error()) return Answer{{}, refused(*recording->error())};
        question.token = recording->token();
        question.parsed = recording->parsed();
        question.build = [&recording] { return recording->build(); };
    } else {
        sample.emplace(settings, options, clock);
        if (sample->error()) return Answer{{}, refused(*sample->error())};
        if (!sample->wanted()) {
            Answer answer;
            answer.verdict.ending = "dropped";
            answer.verdict.detail = "events of this name are not kept";
            return answer;
        }
        question.token = sample->token();
        question.parsed = sample->parsed();
        question.build = [&sample] { return sample->build(); };
    }
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
