#include "state/worker_message.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace rtnode::worker {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class... F>
struct Overload : F... {
    using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

Json json_of(const Message& message) {
    return std::visit(
        Overload{
            [](const Step& step) {
                Json json{{"step", step.name}};
                if (step.percent) json["percent"] = *step.percent;
                return json;
            },
            [](const DoneStep& step) {
                Json json{{"done-step", step.name}};
                if (!step.detail.empty()) json["detail"] = step.detail;
                return json;
            },
            [](const Log& log) {
                return Json{{"log", log.line}};
            },
            [](const Deploying&) {
                return Json{{"deploying", true}};
            },
            [](const Result& result) {
                return Json{{"result", Json::parse(result.object)}};
            },
            [](const Failure& failure) {
                return Json{{"error", {{"name", dbus_name(failure.reason)}, {"message", failure.message}}}};
            },
        },
        message);
}

} // namespace

std::string encode(const Message& message) {
    auto text = text_of(json_of(message));
    if (text.size() <= max_datagram) return text;
    if (const auto* log = std::get_if<Log>(&message)) {
        // A character takes at most six bytes in JSON ("\u001b"), the object around it a few.
        const auto keep = max_datagram / 6 - 16;
        return text_of(json_of(Log{log->line.substr(0, keep) + "…"}));
    }
    throw fail(Reason::Internal, "the worker's message has {} bytes, more than the {} that fit", text.size(),
               max_datagram);
}

Message decode(std::string_view datagram) {
    try {
        const auto json = Json::parse(datagram);
        const auto text = [&](const char* key) { return json.at(key).get<std::string>(); };
        if (json.contains("step")) {
            Step step{text("step"), std::nullopt};
            if (json.contains("percent")) step.percent = std::min(json["percent"].get<unsigned>(), 100U);
            return step;
        }
        if (json.contains("done-step")) return DoneStep{text("done-step"), json.value("detail", std::string())};
        if (json.contains("log")) return Log{text("log")};
        if (json.contains("deploying")) return Deploying{};
        if (json.contains("result")) {
            if (!json["result"].is_object()) throw fail(Reason::Internal, "the worker's result is not an object");
            return Result{text_of(json["result"])};
        }
        if (json.contains("error")) {
            const auto& error = json["error"];
            const auto reason = reason_of(error.at("name").get<std::string>());
            return Failure{reason.value_or(Reason::Internal), error.at("message").get<std::string>()};
        }
        throw fail(Reason::Internal, "the worker sent an object of an unknown kind");
    } catch (const Json::exception& e) {
        throw fail(Reason::Internal, "the worker sent what is not a message: {}", e.what());
    }
}

} // namespace rtnode::worker
