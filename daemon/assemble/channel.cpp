#include "assemble/channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace rtnode::assemble {
namespace {

using nlohmann::json;

constexpr std::size_t longest_text = 16 * 1024; // bytes; a datagram must fit the socket's buffer

std::vector<std::string> texts_of(const std::vector<Nevra>& packages) {
    std::vector<std::string> texts;
    for (const auto& nevra : packages)
        texts.push_back(nevra.str());
    return texts;
}

std::vector<Nevra> packages_of(const json& texts) {
    std::vector<Nevra> packages;
    for (const auto& text : texts)
        packages.push_back(Nevra::parse(text.get<std::string>()));
    return packages;
}

std::string cut(std::string_view text) {
    return std::string(text.substr(0, longest_text));
}

} // namespace

void to_json(json& json, const SandboxSpec& spec) {
    json = {{"parent", spec.parent},
            {"lower", spec.lower.string()},
            {"upper", spec.upper.string()},
            {"work", spec.work.string()},
            {"merged", spec.merged.string()},
            {"install", texts_of(spec.install)},
            {"erase", texts_of(spec.erase)},
            {"tmpfiles", spec.tmpfiles},
            {"node-accounts", spec.node_accounts},
            {"opt", spec.opt},
            {"boot-files", spec.boot_files},
            {"unmasked", spec.unmasked},
            {"changes-kernel", spec.changes_kernel},
            {"changes-microcode", spec.changes_microcode},
            {"regenerate-initramfs", spec.regenerate_initramfs},
            {"dracut-args", spec.dracut_args}};
}

void from_json(const json& json, SandboxSpec& spec) {
    spec.parent = json.at("parent").get<pid_t>();
    spec.lower = json.at("lower").get<std::string>();
    spec.upper = json.at("upper").get<std::string>();
    spec.work = json.at("work").get<std::string>();
    spec.merged = json.at("merged").get<std::string>();
    spec.install = packages_of(json.at("install"));
    spec.erase = packages_of(json.at("erase"));
    json.at("tmpfiles").get_to(spec.tmpfiles);
    json.at("node-accounts").get_to(spec.node_accounts);
    json.at("opt").get_to(spec.opt);
    json.at("boot-files").get_to(spec.boot_files);
    json.at("unmasked").get_to(spec.unmasked);
    json.at("changes-kernel").get_to(spec.changes_kernel);
    json.at("changes-microcode").get_to(spec.changes_microcode);
    json.at("regenerate-initramfs").get_to(spec.regenerate_initramfs);
    json.at("dracut-args").get_to(spec.dracut_args);
}

void to_json(json& json, const SandboxResult& result) {
    json = {{"kernel-version", result.kernel_version}, {"packages", texts_of(result.packages)}};
}

void from_json(const json& json, SandboxResult& result) {
    json.at("kernel-version").get_to(result.kernel_version);
    result.packages = packages_of(json.at("packages"));
}

void Channel::send(const json& message, bool wait) noexcept {
    const auto text = message.dump(-1, ' ', false, json::error_handler_t::replace);
    while (::send(channel_fd, text.data(), text.size(), MSG_NOSIGNAL) < 0)
        if (errno != EINTR) _exit(1);
    char answer = 0;
    while (wait) {
        const auto got = ::read(channel_fd, &answer, 1);
        if (got == 1) return;
        if (got == 0 || errno != EINTR) _exit(1);
    }
}

void Channel::step(std::string_view name) noexcept {
    send({{"step", name}}, false);
}

void Channel::log(std::string_view line) noexcept {
    send({{"log", cut(line)}}, false);
}

void Channel::warn(std::string_view line) noexcept {
    send({{"warning", cut(line)}}, false);
}

void Channel::began(std::string_view what, Limit limit) noexcept {
    send({{"began", what}, {"limit", limit == Limit::dracut ? "dracut" : "scriptlets"}}, true);
}

void Channel::ended(std::string_view what) noexcept {
    send({{"ended", what}}, true);
}

void Channel::error(const Error& error, bool with_output) noexcept {
    send({{"error", dbus_name(error.reason())}, {"message", cut(error.what())}, {"with-output", with_output}}, true);
}

} // namespace rtnode::assemble
