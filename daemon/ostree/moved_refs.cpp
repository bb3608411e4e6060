#include "ostree/moved_refs.hpp"

#include "ostree/sysroot_impl.hpp"

#include <algorithm>

namespace rtnode::ostree {
namespace {

constexpr std::string_view note_before = "rtnode/tmp/moved/before/", note_after = "rtnode/tmp/moved/after/";

/// The name of a note about "remote:ref". A remote's name holds no slash.
std::string note_of(std::string_view when, std::string refspec) {
    refspec[refspec.find(':')] = '/';
    return std::string(when) + refspec;
}

void delete_notes(OstreeRepo* repo) {
    for (const auto& [ref, commit] : refs(repo, "rtnode/tmp/moved"))
        set_ref(repo, ref, {});
}

} // namespace

MoveNotes::MoveNotes(Sysroot& sysroot, const std::map<std::string, std::string>& moves)
    : sysroot_(sysroot), any_(!moves.empty()) {
    if (!any_) return;
    auto* repo = sysroot.impl().repo.get();
    std::map<std::string, std::string> notes;
    for (const auto& [refspec, commit] : moves) {
        if (const auto old = commit_of(repo, refspec); !old.empty()) notes[note_of(note_before, refspec)] = old;
        notes[note_of(note_after, refspec)] = commit;
    }
    set_refs(repo, notes);
}

MoveNotes::~MoveNotes() {
    if (!any_) return;
    try {
        delete_notes(sysroot_.impl().repo.get());
        remove_empty_ref_folders(sysroot_);
    } catch (const Error& error) {
        // The next job reads them, sees the deployment, and only deletes them.
        fmt::print(stderr, "notes about moved refs stay for now: {}\n", error.what());
    }
}

std::vector<std::string> take_back_moves(Sysroot& sysroot) {
    auto* repo = sysroot.impl().repo.get();
    const auto notes = refs(repo, "rtnode/tmp/moved");
    if (notes.empty()) return {};
    const auto deployments = sysroot.deployments();
    std::vector<std::string> taken_back;
    for (const auto& [note, commit] : notes) {
        if (!note.starts_with(note_after)) continue;
        auto refspec = note.substr(note_after.size());
        refspec[refspec.find('/')] = ':';
        const bool deployed = std::any_of(deployments.begin(), deployments.end(), [&](const Deployment& deployment) {
            return deployment.base_checksum == commit;
        });
        // Somebody may have moved it on meanwhile.
        if (deployed || commit_of(repo, refspec) != commit) continue;
        const auto old = notes.find(note_of(note_before, refspec));
        set_refs(repo, {{refspec, old == notes.end() ? "" : old->second}});
        taken_back.push_back(refspec);
    }
    delete_notes(repo);
    return taken_back;
}

} // namespace rtnode::ostree
