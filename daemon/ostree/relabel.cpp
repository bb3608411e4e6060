// All of a tree under another policy than before, for policy.hpp.
#include "ostree/policy.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace rtnode::ostree {
namespace {

class Relabelling {
  public:
    Relabelling(OstreeRepo* repo, OstreeSePolicy* policy, bool etc_as_etc, const std::string& context)
        : repo_(repo), policy_(policy), etc_as_etc_(etc_as_etc), context_(context) {}

    /// @param path absolute, without '/' at its end
    void folder(OstreeMutableTree* tree, const std::string& path) {
        own_metadata(tree, path);
        std::vector<std::pair<std::string, std::string>> files; // replacing one ends an iteration
        each(ostree_mutable_tree_get_files(tree),
             [&](const char* name, void* checksum) { files.emplace_back(name, static_cast<const char*>(checksum)); });
        for (const auto& [name, before] : files) {
            const auto after = file(before, path + "/" + name);
            if (after == before) continue;
            ErrorSlot error;
            error.check(ostree_mutable_tree_replace_file(tree, name.c_str(), after.c_str(), error.address()),
                        Reason::CommitFailed, context_);
        }
        each(ostree_mutable_tree_get_subdirs(tree),
             [&](const char* name, void* below) { folder(static_cast<OstreeMutableTree*>(below), path + "/" + name); });
    }

  private:
    static void each(GHashTable* table, const std::function<void(const char*, void*)>& use) {
        GHashTableIter iterator;
        g_hash_table_iter_init(&iterator, table);
        for (void *key = nullptr, *value = nullptr; g_hash_table_iter_next(&iterator, &key, &value);)
            use(static_cast<const char*>(key), value);
    }

    /// The attributes with the policy's label; null when they have that already.
    GVariantPtr with_label(GVariant* attributes, const std::string& path, std::uint32_t mode) const {
        const bool from_etc = etc_as_etc_ && (path == "/usr/etc" || path.starts_with("/usr/etc/"));
        const auto label = label_by_policy(policy_,
                                           from_etc       ? path.substr(4)
                                           : path.empty() ? "/"
                                                          : path,
                                           mode, context_);
        if (label.empty())
            throw fail(Reason::CommitFailed, "{}: its new SELinux policy has no label for '{}'", context_, path);
        if (label == label_among(attributes)) return nullptr;
        GVariantBuilder builder;
        g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ayay)"));
        for (gsize i = 0; i < g_variant_n_children(attributes); ++i) {
            const GVariantPtr attribute(g_variant_get_child_value(attributes, i));
            const char* name = nullptr;
            g_variant_get_child(attribute.get(), 0, "^&ay", &name);
            if (std::string_view(name) != "security.selinux") g_variant_builder_add_value(&builder, attribute.get());
        }
        g_variant_builder_add(&builder, "(@ay@ay)", g_variant_new_bytestring("security.selinux"),
                              g_variant_new_bytestring(label.c_str()));
        return take(g_variant_builder_end(&builder));
    }

    std::string file(const std::string& checksum, const std::string& path) const {
        ErrorSlot error;
        GInputStream *raw_content = nullptr, *raw_object = nullptr;
        GFileInfo* raw_info = nullptr;
        GVariant* raw_attributes = nullptr;
        error.check(ostree_repo_load_file(repo_, checksum.c_str(), nullptr, &raw_info, &raw_attributes, nullptr,
                                          error.address()),
                    Reason::PartialCommit, context_);
        const GObj<GFileInfo> info(raw_info);
        const GVariantPtr before(raw_attributes);
        const auto attributes =
            with_label(before.get(), path, g_file_info_get_attribute_uint32(info.get(), "unix::mode"));
        if (!attributes) return checksum;
        error.check(
            ostree_repo_load_file(repo_, checksum.c_str(), &raw_content, nullptr, nullptr, nullptr, error.address()),
            Reason::PartialCommit, context_);
        const GObj<GInputStream> content(raw_content); // null for a symlink
        guint64 length = 0;
        error.check(ostree_raw_file_to_content_stream(content.get(), info.get(), attributes.get(), &raw_object, &length,
                                                      nullptr, error.address()),
                    Reason::CommitFailed, context_);
        const GObj<GInputStream> object(raw_object);
        guchar* raw = nullptr;
        error.check(ostree_repo_write_content(repo_, nullptr, object.get(), length, &raw, nullptr, error.address()),
                    Reason::CommitFailed, context_);
        return hex(raw);
    }

    void own_metadata(OstreeMutableTree* tree, const std::string& path) const {
        ErrorSlot error;
        GVariant* raw_before = nullptr;
        error.check(ostree_repo_load_variant(repo_, OSTREE_OBJECT_TYPE_DIR_META,
                                             ostree_mutable_tree_get_metadata_checksum(tree), &raw_before,
                                             error.address()),
                    Reason::PartialCommit, context_);
        const GVariantPtr before(raw_before);
        guint32 uid = 0, gid = 0, mode = 0; // big-endian, as they stay
        GVariant* raw_attributes = nullptr;
        g_variant_get(before.get(), "(uuu@a(ayay))", &uid, &gid, &mode, &raw_attributes);
        const GVariantPtr old_attributes(raw_attributes);
        const auto attributes = with_label(old_attributes.get(), path, GUINT32_FROM_BE(mode));
        if (!attributes) return;
        const auto after = take(g_variant_new("(uuu@a(ayay))", uid, gid, mode, attributes.get()));
        guchar* raw = nullptr;
        error.check(ostree_repo_write_metadata(repo_, OSTREE_OBJECT_TYPE_DIR_META, nullptr, after.get(), &raw, nullptr,
                                               error.address()),
                    Reason::CommitFailed, context_);
        ostree_mutable_tree_set_metadata_checksum(tree, hex(raw).c_str());
    }

    /// Takes the bytes of a checksum.
    static std::string hex(guchar* raw) {
        const std::unique_ptr<guchar, Deleter<g_free>> bytes(raw);
        char text[OSTREE_SHA256_STRING_LEN + 1];
        ostree_checksum_inplace_from_bytes(raw, text);
        return text;
    }

    OstreeRepo* repo_;
    OstreeSePolicy* policy_;
    bool etc_as_etc_;
    const std::string& context_;
};

} // namespace

void relabel(OstreeRepo* repo, OstreeMutableTree* tree, OstreeSePolicy* policy, bool etc_as_etc,
             const std::string& context) {
    Relabelling(repo, policy, etc_as_etc, context).folder(tree, "");
}

} // namespace rtnode::ostree
