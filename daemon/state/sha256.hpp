#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rtnode {

/// SHA-256 in pieces; hex() may be called once.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(std::span<const std::byte> bytes);
    void update(std::string_view text);
    std::string hex(); ///< lower case, 64 characters

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_of(std::string_view text);

} // namespace rtnode
