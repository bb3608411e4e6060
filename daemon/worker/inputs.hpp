#pragma once
// Callers' packages as plan/ wants them: URLs fetched, files copied, descriptors read, each checked; names left to the
// solver.

#include "fetch/downloader.hpp"
#include "plan/solve.hpp"
#include "rpm/keyring.hpp"
#include "state/desired_packages.hpp"
#include "state/request.hpp"
#include "worker/payloads.hpp"
#include "worker/reporter.hpp"

#include <vector>

namespace rtnode::worker {

/// The request's elements in order. Of a package file only a copy in our cache is looked at.
std::vector<plan::Wish> read_inputs(const std::vector<std::string>& texts, const Request& request,
                                    fetch::Downloader& downloader, const rpm::Keyring& keyring, Reporter& reporter);

/// What the starting point pins. @throws what Payloads::find() throws
std::vector<plan::Wish> carried(const std::map<std::string, PinnedPackage>& pins, Payloads& payloads);

} // namespace rtnode::worker
