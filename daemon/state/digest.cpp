#include "state/digest.hpp"

#include "state/error.hpp"

#include <openssl/evp.h>

#include <array>

namespace rtnode {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const EVP_MD* algorithm_of(std::string_view type) {
    if (type == "sha256") return EVP_sha256();
    if (type == "sha512") return EVP_sha512();
    if (type == "sha384") return EVP_sha384();
    if (type == "sha224") return EVP_sha224();
    return nullptr;
}

} // namespace

struct Digest::State {
    std::unique_ptr<EVP_MD_CTX, FreeContext> context{EVP_MD_CTX_new()};
};

bool is_strong_checksum(std::string_view type) {
    return algorithm_of(type) != nullptr;
}

unsigned checksum_hex_length(std::string_view type) {
    const auto* algorithm = algorithm_of(type);
    return algorithm == nullptr ? 0 : 2 * static_cast<unsigned>(EVP_MD_get_size(algorithm));
}

Digest::Digest(std::string_view type) : state_(std::make_unique<State>()) {
    const auto* algorithm = algorithm_of(type);
    if (algorithm == nullptr)
        throw fail(Reason::InvalidArgument, "checksums of type '{}' are no proof; sha224, sha256, sha384, sha512 are",
                   type);
    if (!state_->context || EVP_DigestInit_ex(state_->context.get(), algorithm, nullptr) != 1)
        throw fail(Reason::Internal, "the crypto library refused to start a {} digest", type);
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

void Digest::update(std::string_view bytes) {
    EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

std::string Digest::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size);
    return hex_of(std::as_bytes(std::span(digest).first(size)));
}

std::string hex_of(std::span<const std::byte> bytes) {
    std::string text;
    for (const auto byte : bytes)
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
}

std::string sha256_of(std::string_view text) {
    Digest digest;
    digest.update(text);
    return digest.hex();
}

} // namespace rtnode
