#pragma once
// The outer form of an RPM file: lead, signature header, main header, payload
// (https://rpm-software-management.github.io/rpm/manual/format_v4.html). Only daemon/rpm includes this.

#include "rpm/handles.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace rtnode::rpm {

using Bytes = std::span<const std::byte>;

/// A package file mapped into memory, cut into its parts.
class RawPackage {
  public:
    /// @throws Error{UnsafePath}, Error{NotAPackage}, Error{DamagedPackage} when the headers end too early
    RawPackage(const std::filesystem::path& path, const std::string& shown_as);
    ~RawPackage();
    RawPackage(const RawPackage&) = delete;
    RawPackage& operator=(const RawPackage&) = delete;

    Bytes whole() const { return whole_; }
    Bytes front() const { return whole_.first(payload_offset_); } ///< lead and both headers
    Bytes main() const { return main_; }                          ///< the main header as it lies in the file
    Bytes payload() const { return whole_.subspan(payload_offset_); }
    Header signature_header() const { return signature_header_.get(); }
    Header main_header() const { return main_header_.get(); }

  private:
    /// The header that starts at `offset`; its size includes the 16 bytes of its introduction.
    std::size_t header_size(std::size_t offset, const char* which) const;
    HeaderHandle import(std::size_t offset, std::size_t size, const char* which) const;

    std::string shown_as_;
    Bytes whole_, main_;
    std::size_t payload_offset_ = 0;
    HeaderHandle signature_header_, main_header_;
};

/// The bytes of a binary tag; empty when it is absent.
std::string binary_of(Header header, rpmTagVal tag);

} // namespace rtnode::rpm
