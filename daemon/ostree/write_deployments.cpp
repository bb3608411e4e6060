#include "ostree/write_deployments.hpp"

#include "boot/loader_link.hpp"
#include "boot/settle.hpp"
#include "state/unique_fd.hpp"

#include <optional>
#include <system_error>

#include <fcntl.h>

namespace rtnode::ostree {
namespace {

GPtrArrayPtr array_of(const std::vector<GObj<OstreeDeployment>>& deployments) {
    GPtrArrayPtr array(g_ptr_array_new_with_free_func(g_object_unref));
    for (const auto& deployment : deployments)
        g_ptr_array_add(array.get(), g_object_ref(deployment.get()));
    return array;
}

/// Around a change of a booted node's boot entries; what boot/loader_guard.hpp tells of staged ones. Nothing is deleted
/// before it ends.
class BootSwitch {
  public:
    explicit BootSwitch(const Sysroot& sysroot) {
        if (!sysroot.booted()) return; // then libostree doesn't freeze the file system either
        folder_ = UniqueFd(::open(sysroot.boot_folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder_) second_name_.emplace(folder_.get(), ".loader.rtnode-worker");
    }

    void done(const std::string& context) const {
        if (!folder_) return;
        try {
            boot::settle(folder_.get());
        } catch (const std::system_error& error) {
            throw fail(Reason::DeployFailed, "{}: the new boot entries may not be on the medium yet: {}", context,
                       error.what());
        }
    }

  private:
    UniqueFd folder_;
    std::optional<boot::SecondName> second_name_;
};

} // namespace

void write_deployments(Sysroot& sysroot, const std::vector<GObj<OstreeDeployment>>& deployments,
                       const std::string& context) {
    const BootSwitch boot_switch(sysroot);
    OstreeSysrootWriteDeploymentsOpts options{};
    options.do_postclean = FALSE;
    ErrorSlot error;
    error.check(ostree_sysroot_write_deployments_with_options(sysroot.impl().sysroot.get(), array_of(deployments).get(),
                                                              &options, nullptr, error.address()),
                Reason::DeployFailed, context);
    boot_switch.done(context);
}

std::string label_of(OstreeDeployment* deployment) {
    return fmt::format("{} {}.{}", ostree_deployment_get_osname(deployment), ostree_deployment_get_csum(deployment),
                       ostree_deployment_get_deployserial(deployment));
}

} // namespace rtnode::ostree
