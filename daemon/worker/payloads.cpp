#include "worker/payloads.hpp"

#include "ostree/foreign.hpp"
#include "rpm/package_file.hpp"
#include "rpm/payload_layout.hpp"

namespace rtnode::worker {

const PackageFileOnDisk& Payloads::find(const PinnedPackage& pin) {
    if (const auto known = found_.find(pin.header_sha256); known != found_.end()) return known->second;
    rpm::TrustPolicy policy{.digest_proven = true, .allow_unsigned = true};
    const auto name = pin.nevra.str();
    const auto stored = store_.find(pin.header_sha256);
    const auto file = stored.value_or(folder_ / (pin.header_sha256 + ".rpm"));
    if (!stored) {
        std::filesystem::create_directories(folder_);
        if (!ostree::write_cached_header(sysroot_, pin, file))
            throw fail(Reason::ForeignLayering,
                       "the deployment has {}, and neither rtnode's package store nor rpm-ostree's package cache has "
                       "it, so it can't be kept in a new one; drop it ('rpm-ostree override reset' or 'rtnodectl "
                       "override reset {}'), or pass the same package with this request",
                       name, pin.nevra.name);
        policy.payload_rebuilt = true;
        const auto layout = rpm::payload_layout(file);
        ostree::append_cached_payload(sysroot_, rpm::read_package(file, name, keyring_, policy), layout.compressor,
                                      layout.inodes);
    }
    auto package = rpm::read_package(file, name, keyring_, policy);
    if (package.header_sha256 != pin.header_sha256)
        throw fail(Reason::DamagedPackage,
                   "the stored RPM of {} is not the one that the deployment records; pass the package with this "
                   "request again",
                   name);
    return found_.emplace(pin.header_sha256, std::move(package)).first->second;
}

} // namespace rtnode::worker
