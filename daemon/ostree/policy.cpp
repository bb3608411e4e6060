#include "ostree/policy.hpp"

#include "ostree/tree.hpp"
#include "state/file_text.hpp"

#include <sstream>
#include <strings.h>
#include <sys/stat.h>

namespace rtnode::ostree {
namespace {

/// libostree follows a null pointer where SELinux is on and SELINUXTYPE is missing (initable_init() in its
/// ostree-sepolicy.c, up to 2026.4 at least).
void check_config(const std::string& config, const std::string& context) {
    bool on = false, has_type = false;
    std::istringstream lines(config);
    for (std::string line; std::getline(lines, line);) {
        for (const std::string_view mode : {"SELINUX=enforcing", "SELINUX=permissive"})
            on = on || strncasecmp(line.c_str(), mode.data(), mode.size()) == 0;
        has_type = has_type || line.starts_with("SELINUXTYPE=");
    }
    if (on && !has_type)
        throw fail(Reason::CommitFailed, "{}: its /{}/config has no SELINUXTYPE=, which names the policy", context,
                   policy_folder);
}

/// Nothing from a policy that isn't to be used.
GObj<OstreeSePolicy> if_enabled(GObj<OstreeSePolicy> policy) {
    if (!ostree_sepolicy_get_name(policy.get())) policy.reset(); // SELINUX=disabled
    return policy;
}

} // namespace

GObj<OstreeSePolicy> policy_of(OstreeRepo* repo, const std::string& commit) {
    const std::string context = fmt::format("cannot read the SELinux policy of commit {}", commit);
    const Tree tree(repo, commit);
    const auto config = tree.find(fmt::format("{}/config", policy_folder));
    if (!config) return nullptr;
    if (!config->is_folder && S_ISREG(tree.facts(*config).mode)) check_config(tree.content(*config, 1 << 20), context);
    ErrorSlot error;
    GObj<OstreeSePolicy> policy(ostree_sepolicy_new_from_commit(repo, commit.c_str(), nullptr, error.address()));
    error.check(policy.get(), Reason::CommitFailed, context);
    return if_enabled(std::move(policy));
}

GObj<OstreeSePolicy> policy_in(const std::filesystem::path& root, const std::string& context) {
    check_config(file_text(root / policy_folder / "config"), context);
    const GObj<GFile> folder(g_file_new_for_path(root.c_str()));
    ErrorSlot error;
    GObj<OstreeSePolicy> policy(ostree_sepolicy_new(folder.get(), nullptr, error.address()));
    error.check(policy.get(), Reason::CommitFailed, context);
    return if_enabled(std::move(policy));
}

std::string label_by_policy(OstreeSePolicy* policy, const std::string& path, std::uint32_t mode,
                            const std::string& context) {
    ErrorSlot error;
    char* label = nullptr;
    error.check(ostree_sepolicy_get_label(policy, path.c_str(), mode, &label, nullptr, error.address()),
                Reason::CommitFailed, context);
    const GStr owned(label);
    return label ? label : "";
}

std::string label_among(GVariant* attributes) {
    for (gsize i = 0; i < g_variant_n_children(attributes); ++i) {
        const char *name = nullptr, *value = nullptr;
        g_variant_get_child(attributes, i, "(^&ay^&ay)", &name, &value);
        if (std::string_view(name) == "security.selinux") return value;
    }
    return "";
}

} // namespace rtnode::ostree
