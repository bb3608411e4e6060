#pragma once
// What a worker can be asked to do: one function a kind of request. Each returns the job's result (the keys are
// documented at org.rtnode1.Job's property Result) and throws Error with the node as it was before.

#include "state/request.hpp"
#include "worker/reporter.hpp"

#include <nlohmann/json_fwd.hpp>

namespace rtnode::worker {

/// Dispatches by the request's kind.
nlohmann::json run(const WorkOrder& order, Reporter& reporter);

/// override, reset-overrides, update
nlohmann::json change_packages(const WorkOrder& order, Reporter& reporter);
nlohmann::json set_kernel_arguments(const WorkOrder& order, Reporter& reporter);
nlohmann::json import_repository(const WorkOrder& order, Reporter& reporter);
nlohmann::json apply(const WorkOrder& order, Reporter& reporter);
nlohmann::json accept(const WorkOrder& order, Reporter& reporter);
nlohmann::json rollback(const WorkOrder& order, Reporter& reporter);
nlohmann::json drop_pending(const WorkOrder& order, Reporter& reporter);

/// Where an import is put together before it takes its place.
std::filesystem::path import_staging(const WorkOrder& order);

/// Removes what a killed worker left: work folders, temporary refs, half-written files.
void clean(const WorkOrder& order, Reporter& reporter);

} // namespace rtnode::worker
