#pragma once
// expat for short documents: elements with their attributes and text. Inside of fetch/ only.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rtnode::fetch {

/// An element on the way from the root to where the parser is. Names are as written, with their namespace's prefix.
struct XmlElement {
    std::string name;
    std::map<std::string, std::string> attributes;
    std::string text; ///< of this element alone, without blanks at its ends; complete at its end
};

/// Calls `on_end` at the end of each element with the path to it: the root first, itself last.
/// @throws Error{RepositoryMetadata} "WHAT is no well-formed XML (line N: why)"
void parse_xml(std::string_view text, const std::string& what,
               const std::function<void(const std::vector<XmlElement>& path)>& on_end);

} // namespace rtnode::fetch
