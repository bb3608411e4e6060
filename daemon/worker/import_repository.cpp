#include "media/import.hpp"
#include "worker/failpoint.hpp"
#include "worker/jobs.hpp"

#include <nlohmann/json.hpp>

namespace rtnode::worker {

nlohmann::json import_repository(const WorkOrder& order, Reporter& reporter) {
    const auto& request = order.request;
    const auto imported = media::import_medium({.source = request.source,
                                                .name = request.repository,
                                                .web_root = order.state_dir / "repos",
                                                .staging = import_staging(order),
                                                .check_only = request.dry_run,
                                                .canceled = canceled,
                                                .step = [&](const std::string& step) { reporter.step(step); },
                                                .progress = [&](double fraction) { reporter.progress(fraction); },
                                                .last_call =
                                                    [&] {
                                                        throw_if_canceled();
                                                        failpoint("before-publish");
                                                        reporter.deploying();
                                                    }});
    reporter.end_step();
    auto rows = nlohmann::json::array();
    for (const auto& repository : imported.repositories) {
        rows.push_back({{"id", repository.id},
                        {"name", repository.title},
                        {"folder", (imported.folder / repository.folder).lexically_normal().string()},
                        {"packages", repository.packages},
                        {"bytes", repository.bytes}});
        reporter.log(fmt::format("{}: {} packages, {:.1f} MB", repository.id, repository.packages,
                                 static_cast<double>(repository.bytes) / 1e6));
    }
    return {{"dry-run", request.dry_run}, {"repositories", rows}, {"replaced", imported.replaced}};
}

std::filesystem::path import_staging(const WorkOrder& order) {
    return order.state_dir / "import";
}

} // namespace rtnode::worker
