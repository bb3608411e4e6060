#include "ostree/transaction.hpp"

#include "ostree/policy.hpp"

namespace rtnode::ostree {

Transaction::Impl::Impl(Sysroot& where, std::string name)
    : sysroot(where), repo(share(where.impl().repo.get())), job(std::move(name)) {
    ErrorSlot error;
    error.check(ostree_repo_prepare_transaction(repo.get(), nullptr, nullptr, error.address()), Reason::CommitFailed,
                fmt::format("cannot begin to write to the repository '{}'", sysroot.repo_folder().string()));
    open = true;
}

Transaction::Impl::~Impl() {
    // A destructor can only try; what stays is removed by remove_leftovers() before the next job.
    if (open) ostree_repo_abort_transaction(repo.get(), nullptr, nullptr);
    if (written)
        for (const auto& [ref, checksum] : temporary)
            ostree_repo_set_ref_immediate(repo.get(), nullptr, ref.c_str(), nullptr, nullptr, nullptr);
    remove_empty_ref_folders(sysroot);
}

void Transaction::Impl::read_policy(const std::string& commit) {
    if (policy_known) return;
    policy = policy_of(repo.get(), commit);
    policy_known = true;
}

void Transaction::Impl::keep(const std::string& name, const std::string& checksum) {
    const auto ref = fmt::format("rtnode/tmp/{}/{}", job, name);
    ostree_repo_transaction_set_ref(repo.get(), nullptr, ref.c_str(), checksum.c_str());
    temporary[ref] = checksum;
}

Transaction::Transaction(Sysroot& sysroot, std::string job) : impl_(std::make_unique<Impl>(sysroot, std::move(job))) {}
Transaction::~Transaction() = default;
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;

void Transaction::write() {
    ErrorSlot error;
    if (!ostree_repo_commit_transaction(impl_->repo.get(), nullptr, nullptr, error.address()))
        error.raise(Reason::CommitFailed,
                    fmt::format("cannot write to the repository '{}'", impl_->sysroot.repo_folder().string()));
    impl_->open = false;
    impl_->written = true;
}

const std::map<std::string, std::string>& Transaction::wanted_refs() const {
    return impl_->wanted;
}

} // namespace rtnode::ostree
