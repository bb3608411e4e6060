#include "state/worker_message.hpp"

#include <gtest/gtest.h>

using namespace rtnode;
using namespace rtnode::worker;

TEST(WorkerMessage, EachKindSurvivesItsDatagram) {
    const auto step = std::get<Step>(decode(encode(Step{"Resolving dependencies", 12})));
    EXPECT_EQ(step.name, "Resolving dependencies");
    EXPECT_EQ(step.percent, 12U);
    EXPECT_EQ(std::get<Step>(decode(encode(Step{"Downloading", {}}))).percent, std::nullopt);
    const auto done = std::get<DoneStep>(decode(encode(DoneStep{"Downloading", "3 packages"})));
    EXPECT_EQ(done.name + done.detail, "Downloading3 packages");
    EXPECT_EQ(std::get<Log>(decode(encode(Log{"a \"line\""}))).line, "a \"line\"");
    EXPECT_TRUE(std::holds_alternative<Deploying>(decode(encode(Deploying{}))));
    EXPECT_EQ(std::get<Result>(decode(encode(Result{R"({"staged":true})"}))).object, R"({"staged":true})");
    const auto failure = std::get<Failure>(decode(encode(Failure{Reason::NoSpace, "no room in /boot"})));
    EXPECT_EQ(failure.reason, Reason::NoSpace);
    EXPECT_EQ(failure.message, "no room in /boot");
}

TEST(WorkerMessage, PercentIsAtMostAHundred) {
    EXPECT_EQ(std::get<Step>(decode(R"({"step":"x","percent":101})")).percent, 100U);
}

TEST(WorkerMessage, ALogLineIsCutToFitAndItsBytesMadeUtf8) {
    const auto text = encode(Log{std::string(max_datagram, '\x1b')});
    EXPECT_LE(text.size(), max_datagram);
    EXPECT_GT(std::get<Log>(decode(text)).line.size(), 1000U);
    EXPECT_EQ(std::get<Log>(decode(encode(Log{"\xff!"}))).line, "\xef\xbf\xbd!");
}

TEST(WorkerMessage, AnErrorOutsideTheTableIsInternal) {
    EXPECT_EQ(std::get<Failure>(decode(R"({"error":{"name":"com.example.X","message":"m"}})")).reason,
              Reason::Internal);
}

TEST(WorkerMessage, WhatIsNoMessageIsRefused) {
    for (const auto* text : {"", "{", "[]", "{}", R"({"step":3})", R"({"result":"x"})", R"({"error":{"name":"x"}})"})
        EXPECT_THROW(decode(text), Error) << text;
}

TEST(WorkerMessage, AResultThatDoesNotFitIsAnError) {
    EXPECT_THROW(encode(Result{"{\"a\":\"" + std::string(max_datagram, 'x') + "\"}"}), Error);
}
