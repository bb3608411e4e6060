#pragma once
// Digests in pieces.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rtnode {

/// Whether files may be proven by this type ("sha224", "sha256", "sha384", "sha512"): SHA-2 only; md5 and sha1 collide.
bool is_strong_checksum(std::string_view type);

/// Length of the type's digest in hex digits; 0 for an unknown or weak type.
unsigned checksum_hex_length(std::string_view type);

class Digest {
  public:
    /// @throws Error{InvalidArgument} for a type that isn't strong.
    explicit Digest(std::string_view type = "sha256");
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;

    void update(std::span<const std::byte> bytes);
    void update(std::string_view bytes);
    std::string hex(); ///< lower case; may be called once

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Bytes as text, lower case.
std::string hex_of(std::span<const std::byte> bytes);

std::string sha256_of(std::string_view text); ///< lower case, 64 characters

} // namespace rtnode
