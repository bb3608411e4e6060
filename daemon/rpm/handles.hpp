#pragma once
// librpm's reference-counted C handles as unique_ptr. Only daemon/rpm includes this.

#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmfiles.h>
#include <rpm/rpmkeyring.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmpgp.h>
#include <rpm/rpmps.h>
#include <rpm/rpmts.h>
#include <rpm/rpmver.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>

namespace rtnode::rpm {

template <auto F>
struct Release {
    template <typename T>
    void operator()(T* handle) const {
        F(handle);
    }
};

template <typename Handle, auto F>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Release<F>>;

using HeaderHandle = Owned<Header, headerFree>;
using TransactionHandle = Owned<rpmts, rpmtsFree>;
using IteratorHandle = Owned<rpmdbMatchIterator, rpmdbFreeIterator>;
using FilesHandle = Owned<rpmfiles, rpmfilesFree>;
using KeyringHandle = Owned<rpmKeyring, rpmKeyringFree>;
using PubkeyHandle = Owned<rpmPubkey, rpmPubkeyFree>;
using SignatureHandle = Owned<pgpDigParams, pgpDigParamsFree>;
using VersionHandle = Owned<rpmver, rpmverFree>;
using ProblemsHandle = Owned<rpmps, rpmpsFree>;
using ProblemIteratorHandle = Owned<rpmpsi, rpmpsFreeIterator>;

/// What librpm hands out by malloc.
template <typename T>
using Malloced = std::unique_ptr<T, Release<std::free>>;

/// A macro of librpm's process-wide context that lives as long as this object.
class ScopedMacro {
  public:
    ScopedMacro(std::string name, const std::string& value) : name_(std::move(name)) {
        rpmPushMacro(nullptr, name_.c_str(), nullptr, value.c_str(), RMIL_CMDLINE);
    }
    ~ScopedMacro() { rpmPopMacro(nullptr, name_.c_str()); }
    ScopedMacro(const ScopedMacro&) = delete;
    ScopedMacro& operator=(const ScopedMacro&) = delete;

  private:
    std::string name_;
};

} // namespace rtnode::rpm
