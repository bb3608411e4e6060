#pragma once
// The strict reader of a{sv} options.

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rtnode::bus {

using Dictionary = std::map<std::string, sdbus::Variant>;

class Options {
  public:
    explicit Options(const Dictionary& values) : values_(values) {}

    /// Asked for once each; finish() tells what is wrong.
    bool flag(const std::string& key, bool otherwise = false);
    std::string text(const std::string& key, const std::string& otherwise = {});
    std::uint32_t number(const std::string& key, std::uint32_t otherwise);
    double real(const std::string& key, double otherwise);
    bool given(const std::string& key) const { return values_.contains(key); }
    std::vector<std::string> texts(const std::string& key);

    /// @throws sdbus::Error InvalidArgs for a wrong type, Error{UnknownOption} for a key that was not asked for; both
    ///         name the known ones
    void finish() const;

  private:
    template <typename T>
    T take(const std::string& key, const char* type, T otherwise);
    std::string known() const;

    const Dictionary& values_;
    std::map<std::string, std::string> known_; ///< key → type
    std::string wrong_;
};

} // namespace rtnode::bus
