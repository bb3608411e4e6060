#include "fetch/xml.hpp"

#include "state/error.hpp"

#include <expat.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <type_traits>

namespace rtnode::fetch {
namespace {

struct FreeParser {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};
using Parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser>;
using Handler = std::function<void(const std::vector<XmlElement>&)>;

struct Walk {
    XML_Parser parser;
    const Handler& handler;
    std::vector<XmlElement> path;
    std::exception_ptr thrown; ///< exceptions must not cross expat's C code

    static void XMLCALL on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
        auto& walk = *static_cast<Walk*>(self);
        XmlElement element{.name = name, .attributes = {}, .text = {}};
        for (; *attributes != nullptr; attributes += 2)
            element.attributes[attributes[0]] = attributes[1];
        walk.path.push_back(std::move(element));
    }
    static void XMLCALL on_text(void* self, const XML_Char* text, int length) {
        auto& walk = *static_cast<Walk*>(self);
        if (!walk.path.empty()) walk.path.back().text.append(text, static_cast<std::size_t>(length));
    }
    static void XMLCALL on_end(void* self, const XML_Char*) {
        auto& walk = *static_cast<Walk*>(self);
        auto& text = walk.path.back().text;
        text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        text.erase(text.find_last_not_of(" \t\r\n") + 1);
        try {
            if (!walk.thrown) walk.handler(walk.path);
        } catch (const std::exception&) {
            walk.thrown = std::current_exception();
            XML_StopParser(walk.parser, XML_FALSE);
        }
        walk.path.pop_back();
    }
};

} // namespace

void parse_xml(std::string_view text, const std::string& what, const Handler& on_end) {
    const Parser parser(XML_ParserCreate(nullptr));
    if (!parser) throw fail(Reason::Internal, "expat has no memory for a parser");
    Walk walk{.parser = parser.get(), .handler = on_end, .path = {}, .thrown = {}};
    XML_SetUserData(parser.get(), &walk);
    XML_SetElementHandler(parser.get(), &Walk::on_start, &Walk::on_end);
    XML_SetCharacterDataHandler(parser.get(), &Walk::on_text);
    const auto status = XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
    if (walk.thrown) std::rethrow_exception(walk.thrown);
    if (status != XML_STATUS_OK)
        throw fail(Reason::RepositoryMetadata, "{} is no well-formed XML (line {}: {})", what,
                   XML_GetCurrentLineNumber(parser.get()), XML_ErrorString(XML_GetErrorCode(parser.get())));
}

} // namespace rtnode::fetch
