#pragma once
// Owners for the C objects of libostree and GLib, and the way their errors become ours. Private to daemon/ostree.

#include "state/error.hpp"

#include <ostree.h>

#include <memory>
#include <string>
#include <string_view>

namespace rtnode::ostree {

template <auto Function>
struct Deleter {
    void operator()(auto* pointer) const { Function(pointer); }
};

template <typename T>
using GObj = std::unique_ptr<T, Deleter<g_object_unref>>;
using GStr = std::unique_ptr<char, Deleter<g_free>>;
using GKeyFilePtr = std::unique_ptr<GKeyFile, Deleter<g_key_file_unref>>;
using GVariantPtr = std::unique_ptr<GVariant, Deleter<g_variant_unref>>;
using GStrvPtr = std::unique_ptr<char*, Deleter<g_strfreev>>;
using GPtrArrayPtr = std::unique_ptr<GPtrArray, Deleter<g_ptr_array_unref>>;
using GHashTablePtr = std::unique_ptr<GHashTable, Deleter<g_hash_table_unref>>;
using GBytesPtr = std::unique_ptr<GBytes, Deleter<g_bytes_unref>>;
using GChecksumPtr = std::unique_ptr<GChecksum, Deleter<g_checksum_free>>;
using CommitModifierPtr = std::unique_ptr<OstreeRepoCommitModifier, Deleter<ostree_repo_commit_modifier_unref>>;

/// A second owner of the same object.
template <typename T>
GObj<T> share(T* object) {
    return GObj<T>(static_cast<T*>(g_object_ref(object)));
}

/// Takes the (maybe floating) variant.
inline GVariantPtr take(GVariant* variant) {
    return GVariantPtr(g_variant_ref_sink(variant));
}

/// Receives a GError and throws it as Error with context. Disk full becomes NoSpace; an object whose content doesn't
/// fit its name becomes CorruptObject, one that isn't there PartialCommit; all else the reason given.
class ErrorSlot {
  public:
    ErrorSlot() = default;
    ErrorSlot(const ErrorSlot&) = delete;
    ErrorSlot& operator=(const ErrorSlot&) = delete;
    ~ErrorSlot() { g_clear_error(&error_); }

    GError** address() { return &error_; }

    bool is(GQuark domain, int code) const { return error_ && g_error_matches(error_, domain, code); }
    const char* message() const { return error_ ? error_->message : "unknown error"; }

    /// @param context "cannot do X on Y"
    [[noreturn]] void raise(Reason reason, const std::string& context) const;

    /// raise() unless the call succeeded.
    template <typename Result>
    Result check(Result result, Reason reason, const std::string& context) const {
        if (!result) raise(reason, context);
        return result;
    }

  private:
    GError* error_ = nullptr;
};

/// What GLib's or libostree's error means to us; `fallback` when nothing special.
Reason reason_for(const GError& error, Reason fallback);

} // namespace rtnode::ostree
