#include "rpm/header.hpp"

#include <rpm/rpmtd.h>

namespace rtnode::rpm {
namespace {

/// The data of one tag, freed with this object.
class Tag {
  public:
    Tag(Header header, rpmTagVal tag) { present_ = headerGet(header, tag, &data_, HEADERGET_EXT) != 0; }
    ~Tag() { rpmtdFreeData(&data_); }
    Tag(const Tag&) = delete;
    Tag& operator=(const Tag&) = delete;

    rpmtd get() { return present_ ? &data_ : nullptr; }

  private:
    rpmtd_s data_{};
    bool present_ = false;
};

std::string text_of(Header header, rpmTagVal tag) {
    const char* text = headerGetString(header, tag);
    return text ? text : "";
}

} // namespace

Nevra nevra_of(Header header) {
    return {text_of(header, RPMTAG_NAME), headerGetNumber(header, RPMTAG_EPOCH), text_of(header, RPMTAG_VERSION),
            text_of(header, RPMTAG_RELEASE), text_of(header, RPMTAG_ARCH)};
}

std::vector<std::string> strings_of(Header header, rpmTagVal tag) {
    std::vector<std::string> values;
    Tag data(header, tag);
    if (data.get())
        while (rpmtdNext(data.get()) >= 0)
            if (const char* text = rpmtdGetString(data.get())) values.emplace_back(text);
    return values;
}

std::vector<std::uint64_t> numbers_of(Header header, rpmTagVal tag) {
    std::vector<std::uint64_t> values;
    Tag data(header, tag);
    if (data.get())
        while (rpmtdNext(data.get()) >= 0)
            values.push_back(rpmtdGetNumber(data.get()));
    return values;
}

} // namespace rtnode::rpm
