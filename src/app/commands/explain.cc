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

/// How the answer ends.
struct Verdict {
    int status = 200;    ///< of the request
    std::string ending;  ///< produced, dropped or refused
    std::string detail;  ///< cause, or the answer's body
    std::string output, topic, producer;
    std::optional<std::string> key;
};

struct Answer {
    std::vector<ExplainStep> steps;
    Verdict verdict;
};

Answer refused(const model::Error& error) {
    Answer answer;
    answer.verdict.status = model::info(error.code).status;
    answer.verdict.ending = "refused";
    answer.verdict.detail = model::body_text(error);
    return answer;
}

/// The event as a client would send it, read and processed as a request is.
class Sample {
  public:
    Sample(const config::Settings& settings, const ExplainOptions& options,
           const base::Clock& clock)
        : registry_("", ""), probe_(registry_) {
        std::string const text =
            "{\"api_key\":" + json_string(options.token) +
            ",\"historical_migration\":" + (options.historical ? "true" : "false") +
            ",\"batch\":[{\"event\":" + json_string(options.event) +
            ",\"distinct_id\":" + json_string(options.distinct_id) + ",\"properties\":{}}]}";
        (void)body_.text.append(text);
        parse::analytics_v0::Processor processor(
            {.ai_lane_by_prefix = settings.ai.lane_by_prefix,
             .reroute_historical = settings.historical.reroute,
             .historical_threshold_days = settings.historical.threshold_days},
            probe_, clock);
        auto batch = reader_.read(body_, false, arena_, nullptr);
        if (!batch) {
            error_ = batch.error();
            return;
        }
        batch_ = std::move(*batch);
        auto const token = parse::analytics_v0::request_token(batch_);
        if (!token) {
            error_ = token.error();
            return;
        }
        facts_ = {.token = *token, .ip = "127.0.0.1", .now = clock.now(), .sent_at = std::nullopt};
        if (auto const done = processor.process(batch_, facts_, arena_, events_); !done)
            error_ = done.error();
    }

    const std::optional<model::Error>& error() const { return error_; }
    std::string_view token() const { return facts_.token; }
    const model::Event& event() const { return events_.front(); }

  private:
    telemetry::Registry registry_;
    parse::Probe probe_;
    parse::analytics_v0::Reader reader_;
    model::DecodedBody body_;
    base::Arena arena_;
    model::EventBatch batch_;
    model::RequestFacts facts_;
    std::vector<model::Event> events_;
    std::optional<model::Error> error_;
};

/// The same for a piece of a recording.
class RecordingSample {
  public:
    RecordingSample(const ExplainOptions& options, const base::Clock& clock)
        : registry_("", ""), probe_(registry_) {
        std::string text =
            "{\"token\":" + json_string(options.token) +
            ",\"event\":\"$snapshot\",\"distinct_id\":" + json_string(options.distinct_id) +
            ",\"properties\":{";
        if (!options.session_id.empty())
            text += "\"$session_id\":" + json_string(options.session_id);
        (void)body_.text.append(text + "}}");
        parse::replay::Reader reader;
        auto batch = reader.read(body_, arena_, nullptr);
        auto token = batch ? parse::replay::request_token(*batch) : std::unexpected(batch.error());
        if (!token) {
            error_ = token.error();
            return;
        }
        token_ = *token;
        model::RequestFacts const facts{
            .token = token_, .ip = "127.0.0.1", .now = clock.now(), .sent_at = std::nullopt};
        parse::replay::Processor processor(probe_);
        if (auto const done = processor.describe(*batch, facts, {}, arena_, event_); !done)
            error_ = done.error();
    }

    const std::optional<model::Error>& error() const { return error_; }
    std::string_view token() const { return token_; }
    const model::Event& event() const { return event_; }

  private:
    telemetry::Registry registry_;
    parse::Probe probe_;
    model::DecodedBody body_;
    base::Arena arena_;
    std::string_view token_;
    model::Event event_;
    std::optional<model::Error> error_;
};

/// Lane, topic and key of an event that every limit let through.
void add_lane(Verdict& verdict, const config::Settings& settings, const model::Event& event,
              std::string_view token) {
    sink::OutputTable const outputs(settings.outputs);
    route::LaneRules rules;
    rules.preserve_locality = settings.overflow.preserve_locality;
    for (std::size_t i = 0; i < model::kOutputCount; ++i)
        rules.wired[i] = outputs.wired(static_cast<model::Output>(i));
    auto const destination = route::choose_lane(event, rules);
    if (!destination) {
        verdict = refused(destination.error()).verdict;
        return;
    }
    std::string scratch;
    auto const key = route::record_key(event, destination->key, token, scratch);
    verdict.ending = "produced";
    verdict.output = model::name(destination->output);
    verdict.topic = outputs.topic(*destination);
    verdict.producer = outputs.at(destination->output).slot;
    if (key) verdict.key.emplace(*key);
    if (destination->person_processing_off) verdict.detail = "without person processing";
}

std::expected<Answer, std::string> ask(const config::Settings& settings,
                                       const ExplainOptions& options) {
    base::SystemClock const clock;
    limits::ExplainQuestion question;
    question.session_id = options.session_id;
    question.historical_migration = options.historical;
    question.token = options.token;
    question.distinct_id = options.distinct_id;
    if (settings.mode == config::Mode::Recordings) {
        RecordingSample const sample(options, clock);
        if (sample.error()) return refused(*sample.error());
        question.token = sample.token();
        question.distinct_id = sample.event().distinct_id;
        question.event_name = "$snapshot";
        question.kind = sample.event().kind;
    } else {
        Sample const sample(settings, options, clock);
        if (sample.error()) return refused(*sample.error());
        question.token = sample.token();
        question.distinct_id = sample.event().distinct_id;
        question.event_name = sample.event().name;
        question.kind = sample.event().kind;
    }
    std::string const token = question.token;
    auto explained =
        limits::explain(settings, std::move(question), telemetry::Logger::silent(), clock);
    if (!explained) return std::unexpected(explained.error());
    Answer answer;
    if (explained->refused) {
        answer = refused({model::Code::UnknownToken});
    } else if (explained->dropped) {
        answer.verdict.ending = "dropped";
        answer.verdict.detail = model::cause(*explained->dropped);
    } else {
        add_lane(answer.verdict, settings, explained->event, token);
    }
    answer.steps = std::move(explained->steps);
    return answer;
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
    if (v.ending == "produced") {
        out += ",\"output\":" + json_string(v.output) + ",\"topic\":" + json_string(v.topic) +
               ",\"producer\":" + json_string(v.producer) +
               ",\"key\":" + (v.key ? json_string(*v.key) : "null");
    }
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
    if (v.ending == "produced") {
        out += "→ produced to " + printable(v.topic) + " (output " + v.output + ", producer " +
               v.producer + ") with " +
               (v.key ? "key " + printable(*v.key) : std::string("no key"));
        return out + (v.detail.empty() ? "" : ", " + v.detail) + "\n";
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
