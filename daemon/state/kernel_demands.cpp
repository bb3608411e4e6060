#include "state/kernel_demands.hpp"

#include "state/error.hpp"

namespace rtnode {

Strictness parse_strictness(const std::string& text) {
    for (const auto strictness : {Strictness::ignore, Strictness::warn, Strictness::block})
        if (nlohmann::json(strictness) == text) return strictness;
    throw fail(Reason::InvalidArgument, "'{}' is none of \"block\", \"warn\" and \"ignore\"", text);
}

} // namespace rtnode
