#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config/load_fixture.h"

namespace capture::config {
namespace {

using telemetry::Level;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// ------------------------------------------------------------------------------------------------
// values

TEST(Load, DefaultsAreThoseOfTheSettings) {
    auto const loaded = load_working();
    EXPECT_THAT(problems(loaded), IsEmpty());
    auto const& s = loaded.settings;
    Settings const d;
    EXPECT_EQ(s.mode, Mode::Events);
    EXPECT_EQ(s.sink, SinkKind::Kafka);
    EXPECT_EQ(s.server.address, d.server.address);
    EXPECT_EQ(s.server.concurrency_limit, std::nullopt);
    EXPECT_EQ(s.server.body_read_chunk_size_kb, d.server.body_read_chunk_size_kb);
    EXPECT_EQ(s.overflow.per_second, d.overflow.per_second);
    EXPECT_EQ(s.overflow.burst, d.overflow.burst);
    EXPECT_TRUE(s.overflow.analytics_bucket);
    EXPECT_EQ(s.rate_limit.threshold, d.rate_limit.threshold);
    EXPECT_EQ(s.rate_limit.cache_max_entries, d.rate_limit.cache_max_entries);
    EXPECT_EQ(s.rate_limit.max_read_outage_secs, 60u);
    EXPECT_EQ(s.ai.max_event_bytes, d.ai.max_event_bytes);
    EXPECT_EQ(s.ai.byte_limit_window_secs, 60u);
    EXPECT_EQ(s.known_tokens.cache_max_entries, d.known_tokens.cache_max_entries);
    EXPECT_EQ(s.telemetry.service_name, "capture");
    EXPECT_EQ(s.telemetry.log.pod, "unknown");
    EXPECT_FALSE(s.telemetry.log.human);
    ASSERT_EQ(s.producers.size(), 1u);
    ProducerSettings const p;
    EXPECT_EQ(s.producers[0].slot, "INGESTION");
    EXPECT_EQ(s.producers[0].brokers, "kafka:9092");
    EXPECT_EQ(s.producers[0].linger_ms, p.linger_ms);
    EXPECT_EQ(s.producers[0].queue_max_kbytes, p.queue_max_kbytes);
    EXPECT_EQ(s.producers[0].message_max_bytes, p.message_max_bytes);
    EXPECT_EQ(s.producers[0].partitioner, p.partitioner);
    EXPECT_EQ(s.producers[0].socket_timeout_ms, p.socket_timeout_ms);
    EXPECT_EQ(s.outputs.at("ANALYTICS_MAIN").topic, "events_plugin_ingestion");
    EXPECT_EQ(s.outputs.at("AI_OVERFLOW").topic, "");
}

TEST(Load, ReportsAllProblemsAtOnceAndNamesTheVariables) {
    auto const loaded = load({{"CAPTURE_MODE", "event"},
                              {"ADDRESS", "localhost:3000"},
                              {"EXPORT_PROMETHEUS", "1"},
                              {"CONCURRENCY_LIMIT", ""},
                              {"OVERFLOW_BURST_LIMIT", "0"},
                              {"LOG_LEVEL", "loud"},
                              {"KAFKA_INGESTION_PRODUCER_LINGER_MS", "-5"}},
                             {});
    EXPECT_THAT(
        problems(loaded),
        ElementsAre(
            "CAPTURE_MODE: expected one of: events, recordings, ai, import, logs, found `event`",
            "ADDRESS: expected IPv4:port or [IPv6]:port, found `localhost:3000`",
            "CONCURRENCY_LIMIT: expected a number of at least 1, found ``",
            "EXPORT_PROMETHEUS: expected true or false, found `1`",
            "LOG_LEVEL: expected error, warn, info, debug, trace or 1 to 5, found `loud`",
            "KAFKA_INGESTION_PRODUCER_LINGER_MS: expected a number from 0 to 900000, found `-5` "
            "(producer INGESTION)",
            "OVERFLOW_BURST_LIMIT: expected a number from 1 to 4294967295, found `0`",
            AllOf(HasSubstr("REDIS_URL: not set"), HasSubstr("`none`")),
            AllOf(HasSubstr("KAFKA_INGESTION_PRODUCER_METADATA_BROKER_LIST: no Kafka brokers"),
                  HasSubstr("KAFKA_HOSTS"), HasSubstr("--dev"))));
}

TEST(Load, ProblemsNeverShowSecretsNorControlCharacters) {
    auto const loaded =
        load_working({{"REDIS_URL", "http://user:hunter2@x"}, {"ADDRESS", "\x1b[2J\n"}});
    EXPECT_THAT(problems(loaded), ElementsAre(HasSubstr("found `?[2J?`"),
                                              "REDIS_URL: not a Redis URL: unknown scheme"));
}

TEST(Load, ModeIsReadInAnyCaseAndBlanks) {
    EXPECT_EQ(load_working({{"CAPTURE_MODE", " Import "}}).settings.mode, Mode::Import);
    EXPECT_EQ(load_working({{"CAPTURE_MODE", "AI"}}).settings.mode, Mode::Ai);
}

TEST(Load, CommandLineBeatsTheEnvironment) {
    auto const loaded =
        load(working({{"ADDRESS", "0.0.0.0:1"}}), {.overrides = {{"ADDRESS", "127.0.0.1:0"}}});
    EXPECT_EQ(loaded.settings.server.address, "127.0.0.1:0");
    EXPECT_EQ(value(loaded, "ADDRESS").source, "command line");
}

TEST(Load, SourcesTellDefaultsFromTheEnvironment) {
    auto const loaded = load_working({{"OVERFLOW_ENABLED", "true"}});
    EXPECT_EQ(value(loaded, "OVERFLOW_ENABLED").source, "environment");
    EXPECT_EQ(value(loaded, "OVERFLOW_BURST_LIMIT").source, "default");
    EXPECT_FALSE(value(loaded, "CONCURRENCY_LIMIT").present);
}

TEST(Load, SecretsAreHiddenFromTheDump) {
    auto const loaded = load_working({{"AI_GATEWAY_SIGNING_SECRET", "hunter2"},
                                      {"REDIS_URL", "redis://user:hunter2@host:6379/1"}});
    EXPECT_EQ(loaded.settings.ai.gateway_signing_secret, "hunter2");
    EXPECT_EQ(value(loaded, "AI_GATEWAY_SIGNING_SECRET").value, "(hidden)");
    EXPECT_EQ(value(loaded, "REDIS_URL").value, "redis://***@host:6379/1");
    EXPECT_EQ(value(loaded, "GLOBAL_RATE_LIMIT_REDIS_URL").value, "redis://***@host:6379/1");
    for (auto const& v : loaded.values)
        EXPECT_THAT(v.value, Not(HasSubstr("hunter2"))) << v.name;
}

TEST(Load, RedactsEveryFormOfPassword) {
    EXPECT_EQ(redact_url("redis://:p@ss@host/1"), "redis://***@host/1");
    EXPECT_EQ(redact_url("redis+unix:///run/x?pass=p"), "redis+unix://(hidden)");
    EXPECT_EQ(redact_url("redis://host"), "redis://host");
    EXPECT_EQ(redact_url("secret"), "(hidden)");
}

TEST(Load, MachineDecidesWorkersAndMemory) {
    auto const loaded = load_working();
    EXPECT_EQ(loaded.settings.server.workers, 3u);
    EXPECT_EQ(loaded.settings.server.memory_budget_mib, 2048u);
    EXPECT_EQ(value(loaded, "CAPTURE_WORKERS").source, "machine");
    auto const own = load_working({{"CAPTURE_WORKERS", "2"}, {"CAPTURE_MEMORY_BUDGET_MIB", "77"}});
    EXPECT_EQ(own.settings.server.workers, 2u);
    EXPECT_EQ(own.settings.server.memory_budget_mib, 77u);
}

TEST(Load, LogLevelDebugMeansTextAndDevDoesToo) {
    EXPECT_TRUE(load_working({{"LOG_LEVEL", "Debug"}}).settings.telemetry.log.human);
    EXPECT_TRUE(load_working({{"LOG_LEVEL", "4"}}).settings.telemetry.log.human);
    EXPECT_TRUE(load_working({}, true).settings.telemetry.log.human);
    EXPECT_FALSE(load_working({{"LOG_LEVEL", "info"}}, true).settings.telemetry.log.human);
}

TEST(Load, PrintSinkWinsOverNoopAndNeedsNoBrokers) {
    auto const print =
        load({{"REDIS_URL", "none"}, {"PRINT_SINK", "true"}, {"NOOP_SINK", "true"}}, {});
    EXPECT_THAT(problems(print), IsEmpty());
    EXPECT_EQ(print.settings.sink, SinkKind::Print);
    EXPECT_EQ(load({{"REDIS_URL", "none"}, {"NOOP_SINK", "true"}}, {}).settings.sink,
              SinkKind::Noop);
}

TEST(Load, HugeTimesCannotOverflow) {
    auto const loaded =
        load_working({{"EVENT_RESTRICTIONS_REFRESH_INTERVAL_SECS", "18446744073709551615"}});
    EXPECT_THAT(problems(loaded), IsEmpty());
    EXPECT_LE(loaded.settings.restrictions.refresh_secs, kTenYearsSeconds * 1000);
}

// ---------------------------------------------------------------------------------- generations,
// producers

TEST(Load, LegacyNamesCountAndAreNamedOnce) {
    auto const loaded = load({{"REDIS_URL", "none"},
                              {"KAFKA_HOSTS", "old:9092"},
                              {"KAFKA_TOPIC", "events"},
                              {"KAFKA_PRODUCER_QUEUE_MIB", "7"},
                              {"KAFKA_EXCEPTIONS_TOPIC", "errors"}},
                             {});
    EXPECT_THAT(problems(loaded), IsEmpty());
    auto const& s = loaded.settings;
    EXPECT_EQ(s.producers[0].brokers, "old:9092");
    EXPECT_EQ(s.producers[0].queue_max_kbytes, 7168u);
    EXPECT_EQ(s.outputs.at("ANALYTICS_MAIN").topic, "events");
    EXPECT_EQ(s.outputs.at("SESSION_REPLAY_MAIN").topic, "events");
    EXPECT_EQ(s.outputs.at("ERROR_TRACKING").topic, "errors");
    EXPECT_EQ(value(loaded, "CAPTURE_OUTPUT_ANALYTICS_MAIN_TOPIC").source, "KAFKA_TOPIC (legacy)");
    EXPECT_EQ(value(loaded, "KAFKA_INGESTION_PRODUCER_QUEUE_BUFFERING_MAX_KBYTES").value, "7168");
    auto const warnings = notices(loaded, Level::Warn);
    EXPECT_EQ(
        std::ranges::count_if(warnings, [](auto& w) { return w.starts_with("KAFKA_TOPIC is"); }),
        1);
    EXPECT_THAT(
        warnings,
        Contains(HasSubstr(
            "CAPTURE_OUTPUT_ANALYTICS_MAIN_TOPIC and CAPTURE_OUTPUT_SESSION_REPLAY_MAIN_TOPIC")));
}

TEST(Load, NewNamesWinAndTheBeatenOneIsNamed) {
    auto const loaded = load_working({{"KAFKA_HOSTS", "old:9092"},
                                      {"KAFKA_DLQ_TOPIC", "old"},
                                      {"CAPTURE_OUTPUT_DLQ_TOPIC", "new"}});
    EXPECT_EQ(loaded.settings.producers[0].brokers, "kafka:9092");
    EXPECT_EQ(loaded.settings.outputs.at("DLQ").topic, "new");
    EXPECT_THAT(notices(loaded, Level::Warn),
                Contains(HasSubstr("no effect here: KAFKA_DLQ_TOPIC, KAFKA_HOSTS")));
}

TEST(Load, LegacyProblemsNameTheLegacyVariable) {
    EXPECT_THAT(problems(load_working({{"KAFKA_PRODUCER_LINGER_MS", "x"}})),
                ElementsAre(HasSubstr("KAFKA_PRODUCER_LINGER_MS: expected")));
}

TEST(Load, SlotsReadTheirOwnPrefixAndNothingElse) {
    auto const loaded = load({{"REDIS_URL", "none"},
                              {"CAPTURE_PRODUCERS", "INGESTION, WARPSTREAM"},
                              {"KAFKA_HOSTS", "msk:9092"},
                              {"KAFKA_PRODUCER_LINGER_MS", "5"},
                              {"KAFKA_WARPSTREAM_PRODUCER_METADATA_BROKER_LIST", "ws:9092"},
                              {"CAPTURE_OUTPUT_AI_MAIN_PRODUCER", "WARPSTREAM"}},
                             {});
    EXPECT_THAT(problems(loaded), IsEmpty());
    ASSERT_EQ(loaded.settings.producers.size(), 2u);
    EXPECT_EQ(loaded.settings.producers[1].slot, "WARPSTREAM");
    EXPECT_EQ(loaded.settings.producers[1].brokers, "ws:9092");
    EXPECT_EQ(loaded.settings.producers[1].linger_ms, 20u);
    EXPECT_EQ(loaded.settings.outputs.at("AI_MAIN").producer, "WARPSTREAM");
}

TEST(Load, SlotNeedsBrokersOnlyWhenAnOutputUsesIt) {
    Environment environment{{"CAPTURE_PRODUCERS", "INGESTION,SPARE"}};
    EXPECT_THAT(problems(load_working(environment)), IsEmpty());
    environment["CAPTURE_OUTPUT_CUSTOM_PRODUCER"] = "SPARE";
    EXPECT_THAT(
        problems(load_working(environment)),
        ElementsAre(HasSubstr("KAFKA_SPARE_PRODUCER_METADATA_BROKER_LIST: no Kafka brokers")));
}

TEST(Load, RefusesUnknownBadAndDoubleSlots) {
    EXPECT_THAT(problems(load_working({{"CAPTURE_OUTPUT_DLQ_PRODUCER", "ingestion"}})),
                ElementsAre(HasSubstr(
                    "CAPTURE_OUTPUT_DLQ_PRODUCER: `ingestion` is not one of the producers")));
    EXPECT_THAT(problems(load_working({{"CAPTURE_PRODUCERS", "INGESTION,INGESTION"}})),
                ElementsAre("CAPTURE_PRODUCERS: names INGESTION twice"));
    EXPECT_THAT(problems(load_working({{"CAPTURE_PRODUCERS", "INGESTION,"}})),
                ElementsAre(HasSubstr("CAPTURE_PRODUCERS: expected a comma list")));
    EXPECT_THAT(problems(load_working({{"CAPTURE_PRODUCERS", "MSK"}})),
                ElementsAre(AllOf(HasSubstr("CAPTURE_PRODUCERS: does not name INGESTION"),
                                  HasSubstr("ANALYTICS_MAIN"))));
}

TEST(Load, KafkaTlsIsUnverifiedAndSaysHowToVerify) {
    auto const loaded = load_working({{"KAFKA_TLS", "true"}});
    EXPECT_EQ(loaded.settings.producers[0].security_protocol, "ssl");
    EXPECT_EQ(loaded.settings.producers[0].ssl_certificate_verification, "false");
    EXPECT_THAT(
        notices(loaded, Level::Warn),
        Contains(HasSubstr("KAFKA_INGESTION_PRODUCER_ENABLE_SSL_CERTIFICATE_VERIFICATION=true")));

    auto const verified =
        load_working({{"KAFKA_TLS", "true"},
                      {"KAFKA_INGESTION_PRODUCER_ENABLE_SSL_CERTIFICATE_VERIFICATION", "true"}});
    EXPECT_EQ(verified.settings.producers[0].ssl_certificate_verification, "true");
    EXPECT_THAT(notices(verified, Level::Warn), Not(Contains(HasSubstr("does not verify"))));

    auto const newer = load_working(
        {{"KAFKA_TLS", "true"}, {"KAFKA_INGESTION_PRODUCER_SECURITY_PROTOCOL", "PLAINTEXT"}});
    EXPECT_EQ(newer.settings.producers[0].security_protocol, "plaintext");
    EXPECT_THAT(problems(load_working({{"KAFKA_TLS", "yes"}})),
                ElementsAre(HasSubstr("KAFKA_TLS: expected true or false")));
}

TEST(Load, IdempotenceBringsItsOwnConditions) {
    auto const fine = load_working({{"KAFKA_INGESTION_PRODUCER_ENABLE_IDEMPOTENCE", "true"}});
    EXPECT_THAT(problems(fine), IsEmpty());
    EXPECT_EQ(fine.settings.producers[0].max_in_flight, 5u);
    EXPECT_THAT(problems(load_working({{"KAFKA_INGESTION_PRODUCER_ENABLE_IDEMPOTENCE", "true"},
                                       {"KAFKA_INGESTION_PRODUCER_ACKS", "1"},
                                       {"KAFKA_INGESTION_PRODUCER_RETRIES", "0"},
                                       {"KAFKA_PRODUCER_MAX_IN_FLIGHT_REQUESTS", "6"}})),
                ElementsAre(HasSubstr("_ACKS: must be all"), HasSubstr("_RETRIES: must not be 0"),
                            HasSubstr("must be at most 5")));
}

TEST(Load, MessageTimeoutMustOutlastLinger) {
    EXPECT_THAT(
        problems(load_working({{"KAFKA_MESSAGE_TIMEOUT_MS", "10"}})),
        ElementsAre(HasSubstr("MESSAGE_TIMEOUT_MS: must not be shorter than LINGER_MS (20)")));
}

// --------------------------------------------------------------------------------------------------
// outputs

TEST(Load, ImportMayNotOverflow) {
    EXPECT_THAT(
        problems(load_working({{"CAPTURE_MODE", "import"},
                               {"CAPTURE_ANALYTICS_AI_EVENTS_OVERFLOW_TOPIC", "x"},
                               {"CAPTURE_OUTPUT_ERROR_TRACKING_OVERFLOW_TOPIC", "y"}})),
        ElementsAre(HasSubstr("CAPTURE_ANALYTICS_AI_EVENTS_OVERFLOW_TOPIC: must not be set"),
                    HasSubstr("CAPTURE_OUTPUT_ERROR_TRACKING_OVERFLOW_TOPIC: must not be set")));
    EXPECT_THAT(problems(load_working(
                    {{"CAPTURE_MODE", "import"}, {"CAPTURE_OUTPUT_AI_OVERFLOW_TOPIC", ""}})),
                IsEmpty());
}

TEST(Load, AiMainTopicMustNotBeEmpty) {
    EXPECT_THAT(problems(load_working({{"CAPTURE_ANALYTICS_AI_EVENTS_TOPIC", ""}})),
                ElementsAre("CAPTURE_ANALYTICS_AI_EVENTS_TOPIC: must not be empty"));
}

TEST(Load, CompletenessCheckNamesTheEmptyOutput) {
    Environment environment{{"CAPTURE_OUTPUT_HEATMAPS_TOPIC", ""}, {"KAFKA_DLQ_TOPIC", ""}};
    EXPECT_THAT(problems(load_working(environment)), IsEmpty());
    environment["CAPTURE_OUTPUTS_COMPLETENESS_CHECK_ENABLED"] = "true";
    EXPECT_THAT(
        problems(load_working(environment)),
        ElementsAre(HasSubstr("CAPTURE_OUTPUT_HEATMAPS_TOPIC: output heatmaps-main has no topic"),
                    HasSubstr("KAFKA_DLQ_TOPIC: output dlq has no topic")));
}

// ----------------------------------------------------------------------------------------------------
// limits, recordings

TEST(Load, CacheTimesAreRaisedToTheWindow) {
    auto const loaded = load_working({{"GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS", "400"}});
    EXPECT_EQ(loaded.settings.rate_limit.cache_ttl_secs, 600u);
    EXPECT_EQ(loaded.settings.rate_limit.cache_idle_secs, 400u);
    EXPECT_EQ(loaded.settings.rate_limit.max_read_outage_secs, 400u);
    EXPECT_EQ(loaded.settings.ai.byte_limit_window_secs, 400u);
    EXPECT_THAT(notices(loaded, Level::Warn),
                Contains(HasSubstr(
                    "GLOBAL_RATE_LIMIT_LOCAL_CACHE_IDLE_TIMEOUT_SECS is shorter than the window")));
    EXPECT_THAT(problems(load_working({{"GLOBAL_RATE_LIMIT_WINDOW_INTERVAL_SECS", "0"}})),
                ElementsAre(HasSubstr("at least 1")));
}

TEST(Load, RecordingsAreWarnedOfDefaultsThatNoDeploymentCanKeep) {
    auto const plain = load_working({{"CAPTURE_MODE", "recordings"}});
    EXPECT_THAT(notices(plain, Level::Warn),
                Contains(HasSubstr("CAPTURE_OUTPUT_SESSION_REPLAY_MAIN_TOPIC is not set")));
    EXPECT_THAT(notices(plain, Level::Warn),
                Contains(HasSubstr("Recordings above 1000000 bytes are refused")));
    auto const set = load_working({{"CAPTURE_MODE", "recordings"},
                                   {"KAFKA_TOPIC", "session_recording_snapshot_item_events"},
                                   {"KAFKA_PRODUCER_MESSAGE_MAX_BYTES", "67108864"}});
    EXPECT_THAT(notices(set, Level::Warn), Not(Contains(HasSubstr("ecordings"))));
    EXPECT_EQ(set.settings.producer_of("SESSION_REPLAY_MAIN").message_max_bytes, 67'108'864u);
    EXPECT_THAT(notices(load_working(), Level::Warn), Not(Contains(HasSubstr("ecordings"))));
}

TEST(Load, ReplayIsServedInItsModeAndBesideTheEventsOfDev) {
    EXPECT_TRUE(load_working({{"CAPTURE_MODE", "recordings"}}).settings.serves_replay());
    EXPECT_TRUE(load_working({}, true).settings.serves_replay());
    EXPECT_FALSE(load_working().settings.serves_replay());
    EXPECT_FALSE(load_working({{"CAPTURE_MODE", "ai"}}, true).settings.serves_replay());
}

TEST(Load, WarnsAboutAiCeilings) {
    auto const loaded = load_working({{"AI_BYTE_LIMIT_PER_SECOND", "1000"}});
    EXPECT_THAT(notices(loaded, Level::Warn),
                Contains(HasSubstr("AI_MAX_EVENT_BYTES (8388608) is not below")));
    EXPECT_THAT(notices(loaded, Level::Warn),
                Contains(HasSubstr("AI_BYTE_LIMIT_PER_SECOND allows fewer bytes")));
    auto const quiet =
        load_working({{"AI_MAX_EVENT_BYTES", "0"}, {"AI_BYTE_LIMIT_PER_SECOND", "1000"}});
    EXPECT_THAT(notices(quiet, Level::Warn), IsEmpty());
    EXPECT_THAT(notices(load_working({{"CAPTURE_MODE", "import"}}), Level::Warn), IsEmpty());
}

// -------------------------------------------------------------------------------------------
// without effect

TEST(Load, SetVariablesWithoutEffectAreNamedInOneWarning) {
    auto const loaded = load_working({{"AI_MAX_EVENT_BYTES", "1000"},
                                      {"CAPTURE_V1_SINKS", "msk"},
                                      {"CAPTURE_V1_SINK_MSK_KAFKA_HOSTS", "x"},
                                      {"KAFKA_REPLAY_ENVELOPE_COMPRESSION", "lz4"},
                                      {"KAFKA_TYPO_PRODUCER_LINGER_MS", "5"},
                                      {"CAPTURE_OUTPUT_TYPO_TOPIC", "x"},
                                      {"SOMETHING_ELSE", "x"},
                                      {"BIND_PORT", "not even a number"}});
    EXPECT_THAT(problems(loaded), IsEmpty());
    EXPECT_THAT(notices(loaded, Level::Warn),
                ElementsAre("These variables are set and have no effect here: "
                            "CAPTURE_OUTPUT_TYPO_TOPIC, CAPTURE_V1_SINKS, "
                            "CAPTURE_V1_SINK_MSK_KAFKA_HOSTS, KAFKA_REPLAY_ENVELOPE_COMPRESSION, "
                            "KAFKA_TYPO_PRODUCER_LINGER_MS"));
}

TEST(Load, OtherModesVariablesMustStillBeReadable) {
    EXPECT_THAT(problems(load_working({{"KAFKA_REPLAY_ENVELOPE_COMPRESSION", "gzip"}})),
                ElementsAre(HasSubstr("expected one of: none, lz4")));
}

// ------------------------------------------------------------------------------------------------------
// dev

TEST(Load, DevNeedsNothing) {
    auto const loaded = load({}, {.dev = true});
    EXPECT_THAT(problems(loaded), IsEmpty());
    auto const& s = loaded.settings;
    EXPECT_EQ(s.sink, SinkKind::Store);
    EXPECT_EQ(s.redis.primary.url, "");
    EXPECT_EQ(s.producers[0].message_max_bytes, 20u * 1024 * 1024);
    EXPECT_EQ(s.store_path, "capture-dev.db");
    EXPECT_EQ(value(loaded, "REDIS_URL").source, "--dev");
    EXPECT_EQ(value(loaded, "KAFKA_INGESTION_PRODUCER_MESSAGE_MAX_BYTES").source, "--dev");
    EXPECT_THAT(notices(loaded, Level::Warn), IsEmpty());
}

TEST(Load, DevUsesTheRedisAndTheLimitsThatAreGiven) {
    auto const loaded = load_working({{"KAFKA_PRODUCER_MESSAGE_MAX_BYTES", "2000000"}}, true);
    EXPECT_EQ(loaded.settings.redis.primary.url, "redis://localhost");
    EXPECT_EQ(loaded.settings.producers[0].message_max_bytes, 2'000'000u);
    EXPECT_THAT(
        notices(loaded, Level::Warn),
        Contains(HasSubstr("no effect here: KAFKA_INGESTION_PRODUCER_METADATA_BROKER_LIST")));
}

TEST(Load, StoreLivesWithTheUser) {
    EXPECT_EQ(load({{"HOME", "/home/x"}}, {.dev = true}).settings.store_path,
              "/home/x/.local/state/capture/dev.db");
    EXPECT_EQ(
        load({{"HOME", "/home/x"}, {"XDG_STATE_HOME", "/s"}}, {.dev = true}).settings.store_path,
        "/s/capture/dev.db");
    EXPECT_EQ(load({{"HOME", "/home/x"}, {"CAPTURE_STORE_PATH", "my.db"}}, {.dev = true})
                  .settings.store_path,
              "my.db");
    EXPECT_THAT(problems(load({{"CAPTURE_STORE_PATH", ""}}, {.dev = true})),
                ElementsAre(HasSubstr("must not be empty")));
}

// ------------------------------------------------------------------------------------------
// ingestion warnings

TEST(Load, WarningsNeedHostsAndATopicOfTheirOwn) {
    Environment environment{{"AI_MAX_EVENT_BYTES", "0"},
                            {"CAPTURE_INGESTION_WARNINGS_ENABLED", "true"},
                            {"CAPTURE_INGESTION_WARNINGS_KAFKA_HOSTS", "b:9092"}};
    EXPECT_THAT(notices(load_working(environment), Level::Warn),
                ElementsAre(HasSubstr("ingestion warnings are off")));
    environment["CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC"] = "warnings";
    EXPECT_THAT(notices(load_working(environment), Level::Warn), IsEmpty());
    environment["CAPTURE_INGESTION_WARNINGS_KAFKA_TLS"] = "true";
    EXPECT_THAT(notices(load_working(environment), Level::Warn),
                ElementsAre(HasSubstr("does not verify the brokers' certificates")));
}

TEST(Load, WarningsAreOnInDevUnlessTheyAreSwitchedOff) {
    EXPECT_FALSE(load_working().settings.warnings.enabled);
    auto const loaded = load({}, {.dev = true});
    EXPECT_TRUE(loaded.settings.warnings.enabled);
    EXPECT_EQ(value(loaded, "CAPTURE_INGESTION_WARNINGS_ENABLED").source, "--dev");
    EXPECT_FALSE(load({{"CAPTURE_INGESTION_WARNINGS_ENABLED", "false"}}, {.dev = true})
                     .settings.warnings.enabled);
    EXPECT_FALSE(load({{"PRINT_SINK", "true"}}, {.dev = true}).settings.warnings.enabled);
    EXPECT_THAT(notices(load({{"CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC", "x"}}, {.dev = true}),
                        Level::Warn),
                Contains(HasSubstr("no effect here: CAPTURE_INGESTION_WARNINGS_KAFKA_TOPIC")));
}

// ------------------------------------------------------------------------------------------
// emergency switch

TEST(Load, EmergencySwitchMovesTheIngestionProducer) {
    Environment environment{
        {"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK", " FALLBACK-TO-BACKUP-KAFKA-NOW "},
        {"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_HOSTS", "backup:9094"},
        {"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_TLS", "true"}};
    auto const loaded = load_working(environment);
    EXPECT_THAT(problems(loaded), IsEmpty());
    EXPECT_TRUE(loaded.settings.emergency_armed);
    EXPECT_EQ(loaded.settings.producers[0].brokers, "backup:9094");
    EXPECT_EQ(loaded.settings.producers[0].security_protocol, "ssl");
    EXPECT_EQ(loaded.settings.warnings.hosts, "backup:9094");
    EXPECT_THAT(notices(loaded, Level::Error), ElementsAre(HasSubstr("backup:9094")));
}

TEST(Load, EmergencySwitchIsExactOrNothing) {
    EXPECT_THAT(problems(load_working({{"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK", "yes"}})),
                ElementsAre(HasSubstr("only FALLBACK-TO-BACKUP-KAFKA-NOW arms it")));
    EXPECT_THAT(problems(load_working(
                    {{"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK", "FALLBACK-TO-BACKUP-KAFKA-NOW"},
                     {"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_TLS", "1"}})),
                ElementsAre(HasSubstr("EMERGENCY_BACKUP_HOSTS: not set"),
                            HasSubstr("EMERGENCY_BACKUP_TLS: expected")));
    auto const idle = load_working({{"CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK", "  "}});
    EXPECT_THAT(problems(idle), IsEmpty());
    EXPECT_FALSE(idle.settings.emergency_armed);
}

// -----------------------------------------------------------------------------------------------------
// logs

TEST(Load, LogsModeNeedsNoRedisAndHasItsOwnTimeouts) {
    auto const loaded =
        load({{"KAFKA_HOSTS", "ws:9092"}, {"BIND_PORT", "4318"}, {"OVERFLOW_BURST_LIMIT", "x"}},
             {.invoked_as_logs = true});
    EXPECT_THAT(problems(loaded), IsEmpty());
    EXPECT_EQ(loaded.settings.mode, Mode::Logs);
    EXPECT_EQ(loaded.settings.redis.primary.response_timeout_ms, 1000u);
    EXPECT_EQ(loaded.settings.redis.primary.connection_timeout_ms, 3000u);
    EXPECT_EQ(loaded.settings.telemetry.log.filter, "info");
    EXPECT_THAT(notices(loaded, Level::Warn), ElementsAre(HasSubstr("no effect here: BIND_PORT")));
}

TEST(Load, ReadsTheEnvironmentOfTheProcess) {
    EXPECT_TRUE(read_environment().contains("PATH"));
}

}  // namespace
}  // namespace capture::config
