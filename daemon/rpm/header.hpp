#pragma once
// Values out of an RPM header. Only daemon/rpm includes this.

#include "rpm/handles.hpp"
#include "state/nevra.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace rtnode::rpm {

Nevra nevra_of(Header header);

/// All strings of a tag (also a single one); empty when it is absent.
std::vector<std::string> strings_of(Header header, rpmTagVal tag);

/// All numbers of an integer tag; empty when it is absent.
std::vector<std::uint64_t> numbers_of(Header header, rpmTagVal tag);

} // namespace rtnode::rpm
