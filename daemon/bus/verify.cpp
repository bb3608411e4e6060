// Manager's method Verify.

#include "bus/manager_object.hpp"
#include "host/node.hpp"
#include "jobs/outcome.hpp"
#include "state/verification.hpp"

#include <nlohmann/json.hpp>

namespace rtnode::bus {
namespace {

Dictionary row_of(const Check& check) {
    return {{"check", sdbus::Variant(check.name)},
            {"state", sdbus::Variant(std::string(name_of(check.state)))},
            {"expected", sdbus::Variant(check.expected)},
            {"actual", sdbus::Variant(check.actual)},
            {"remedy", sdbus::Variant(check.remedy)}};
}

} // namespace

std::vector<Check> ManagerObject::tree_checks(const std::string& tree, const Error* error) {
    if (error != nullptr) return {{.name = "tree", .state = CheckState::unknown, .remedy = error->what()}};
    return nlohmann::json::parse(tree).at("checks").get<std::vector<Check>>();
}

std::vector<Check> ManagerObject::checks_with(const std::string& tree, const Error* error) const {
    auto checks = check_boot(jobs::last_intended(queue_.jobs()), deployments_,
                             {.kernel_release = host::kernel_release(),
                              .real_time = host::real_time_kernel(),
                              .command_line = KernelArguments::parse(host::command_line()).tokens()});
    const auto of_tree = tree_checks(tree, error);
    checks.insert(checks.end(), of_tree.begin(), of_tree.end());
    return checks;
}

void ManagerObject::Verify(sdbus::Result<std::vector<Dictionary>>&& result, Dictionary options) {
    const Reply<std::vector<Dictionary>> reply(std::move(result));
    reply.guard([&] {
        Options(options).finish();
        parts_.inspect([this, reply](const std::string& tree, const Error* error) {
            reply.guard([&] {
                std::vector<Dictionary> rows;
                for (const auto& check : checks_with(tree, error))
                    rows.push_back(row_of(check));
                reply(rows);
            });
        });
    });
}

} // namespace rtnode::bus
