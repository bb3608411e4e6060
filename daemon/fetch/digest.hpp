#pragma once
// Digests in pieces, of the kinds that rpm-md metadata uses.

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rtnode::fetch {

/// Whether files may be proven by this type: SHA-2 only; md5 and sha1 collide.
bool is_strong_checksum(std::string_view type);

/// Length of the type's digest in hex digits; 0 for an unknown or weak type.
unsigned checksum_hex_length(std::string_view type);

class Digest {
  public:
    /// @throws Error{InvalidArgument} for a type that isn't strong.
    explicit Digest(std::string_view type);
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;

    void update(std::span<const char> bytes);
    std::string hex(); ///< lower case; may be called once

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace rtnode::fetch
