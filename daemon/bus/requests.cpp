#include "bus/requests.hpp"

#include "state/error.hpp"
#include "state/kernel_version.hpp"

#include <algorithm>

namespace rtnode::bus {
namespace {

constexpr std::size_t max_elements = 1000;
constexpr std::size_t max_length = 8192;

void check_text(const char* where, const std::string& text) {
    if (text.size() > max_length)
        throw fail(Reason::InvalidArgument, "an element of {} has {} bytes; {} are allowed", where, text.size(),
                   max_length);
    if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        throw fail(Reason::InvalidArgument, "an element of {} holds control characters", where);
}

void check_list(const char* where, const std::vector<std::string>& texts) {
    if (texts.size() > max_elements)
        throw fail(Reason::InvalidArgument, "{} has {} elements; {} are allowed", where, texts.size(), max_elements);
    for (const auto& text : texts) {
        if (text.empty()) throw fail(Reason::InvalidArgument, "an element of {} is empty", where);
        check_text(where, text);
    }
}

} // namespace

Request take_options(JobKind kind, const Dictionary& values) {
    Request request;
    request.kind = kind;
    Options options(values);
    if (kind == JobKind::accept) {
        request.again = options.flag("again");
        options.finish();
        return request;
    }
    request.dry_run = options.flag("dry-run");
    if (kind == JobKind::apply) {
        request.again = options.flag("again");
        request.over_owners = options.flag("over-owners");
        request.allow_unsigned = options.flag("allow-unsigned");
    }
    if (kind != JobKind::import_repository) {
        request.reboot = options.flag("reboot");
        request.os = options.text("os");
        request.expected_plan = options.text("expected-plan");
    }
    const bool updates = kind == JobKind::update;
    if (kind == JobKind::override_packages || kind == JobKind::reset_overrides || updates) {
        request.append_kernel_arguments = options.texts("append-kernel-arguments");
        request.remove_kernel_arguments = options.texts("remove-kernel-arguments");
        request.version = options.text("version");
    }
    if (kind == JobKind::override_packages || updates) {
        request.kernel_version = options.text("kernel-version");
        request.allow_unsigned = options.flag("allow-unsigned");
    }
    if (kind == JobKind::override_packages) request.kernel = options.text("kernel");
    if (updates) request.pull = options.flag("pull", true);
    options.finish();
    return request;
}

void take_profile(Request& request, Profile profile) {
    request.kernel = profile.kernel;
    request.kernel_version = profile.kernel_version;
    request.replace = profile.replace;
    request.remove = profile.remove;
    request.install = profile.install;
    request.profile = std::move(profile);
}

void check_form(const Request& request) {
    check_list("replace", request.replace);
    check_list("remove", request.remove);
    check_list("install", request.install);
    check_list("names", request.reset);
    check_list("append-kernel-arguments", request.append_kernel_arguments);
    check_list("remove-kernel-arguments", request.remove_kernel_arguments);
    check_text("version", request.version);
    check_text("kernel-version", request.kernel_version);
    check_text("os", request.os);
    if (!request.kernel.empty() && request.kernel != "rt" && request.kernel != "stock")
        throw fail(Reason::InvalidArgument, "option 'kernel' is '{}'; it can be 'rt' or 'stock'", request.kernel);
    KernelVersion::parse(request.kernel_version);
    if (request.kind == JobKind::override_packages && !request.kernel_version.empty() && request.kernel != "rt")
        throw fail(Reason::InvalidArgument,
                   "option 'kernel-version' says which real-time kernel; it goes with kernel=rt");
    if (request.kind == JobKind::import_repository) {
        check_text("source", request.source);
        if (!request.source.starts_with('/'))
            throw fail(Reason::InvalidArgument, "the source '{}' is no absolute path of an ISO image or a folder",
                       request.source);
        if (!is_repository_name(request.repository))
            throw fail(Reason::InvalidArgument,
                       "'{}' can't be the name of an imported repository: letters, digits, '.', '_' and '-' are "
                       "allowed, not first a '.' or '-', and 64 at most",
                       request.repository);
    }
    if (request.os.find('/') != std::string::npos || request.os == "." || request.os == "..")
        throw fail(Reason::InvalidArgument, "option 'os' is '{}', which is no name of a stateroot", request.os);
    const bool is_hash = request.expected_plan.size() == 64 &&
                         request.expected_plan.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!request.expected_plan.empty() && !is_hash)
        throw fail(Reason::InvalidArgument,
                   "option 'expected-plan' is not a plan's hash (64 hex digits in lower case)");
}

void redact(std::string& url) {
    const auto scheme = url.find("://");
    if (scheme == std::string::npos || url.starts_with('/')) return;
    const auto host = scheme + 3;
    const auto path = std::min(url.find_first_of("/?#", host), url.size());
    if (const auto at = url.rfind('@', path); at != std::string::npos && at >= host && at < path)
        url.erase(host, at + 1 - host);
    const auto fragment = std::min(url.find('#'), url.size());
    if (const auto query = url.find('?'); query < fragment) url.erase(query, fragment - query);
}

std::string redacted(Request request) {
    for (auto* list : {&request.replace, &request.install})
        std::ranges::for_each(*list, redact);
    return nlohmann::json(request).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace rtnode::bus
