#include "rpm/keyring.hpp"

#include "rpm/configuration.hpp"
#include "rpm/database.hpp"
#include "rpm/handles.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <rpm/rpmbase64.h>
#include <rpm/rpmcrypto.h>
#include <rpm/rpmtd.h>

#include <fmt/ranges.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <span>

namespace rtnode::rpm {
namespace {

constexpr std::string_view block_start = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

std::optional<PublicKey> public_key(const std::uint8_t* packets, std::size_t size) {
    pgpKeyID_t id{};
    if (pgpPubkeyKeyID(packets, size, id) != 0) return std::nullopt;
    PublicKey key{.key_id = hex_of(std::as_bytes(std::span(id))), .fingerprint = {}, .user = {}};
    std::uint8_t* raw = nullptr;
    std::size_t length = 0;
    if (pgpPubkeyFingerprint(packets, size, &raw, &length) == 0) {
        const Malloced<std::uint8_t> fingerprint{raw};
        key.fingerprint = fmt::format("{:02X}", fmt::join(fingerprint.get(), fingerprint.get() + length, ""));
    }
    pgpDigParams parameters = nullptr;
    if (pgpPrtParams(packets, size, PGPTAG_PUBLIC_KEY, &parameters) == 0) {
        const SignatureHandle owned{parameters};
        if (const char* user = pgpDigParamsUserID(parameters)) key.user = user;
    }
    return key;
}

/// The context is freed by rpmDigestFinal().
struct FinishDigest {
    void operator()(DIGEST_CTX_s* context) const { rpmDigestFinal(context, nullptr, nullptr, 0); }
};

} // namespace

struct Keyring::State {
    KeyringHandle keyring{rpmKeyringNew()};
};

Keyring::Keyring() : state_(std::make_unique<State>()) {}
Keyring::~Keyring() = default;
Keyring::Keyring(Keyring&&) noexcept = default;
Keyring& Keyring::operator=(Keyring&&) noexcept = default;

void Keyring::add(std::span<const unsigned char> packets) {
    // A key file may hold several certificates one after the other.
    while (!packets.empty()) {
        std::size_t size = 0;
        if (pgpPubKeyCertLen(packets.data(), packets.size(), &size) != 0 || size == 0 || size > packets.size()) return;
        if (PubkeyHandle key{rpmPubkeyNew(packets.data(), size)}) {
            rpmKeyringAddKey(state_->keyring.get(), key.get());
            int count = 0;
            // Signatures are often made by a subkey.
            if (Malloced<rpmPubkey> subkeys{rpmGetSubkeys(key.get(), &count)})
                for (int i = 0; i < count; ++i) {
                    PubkeyHandle subkey{subkeys.get()[i]};
                    rpmKeyringAddKey(state_->keyring.get(), subkey.get());
                }
            if (auto described = public_key(packets.data(), size)) keys_.push_back(std::move(*described));
        }
        packets = packets.subspan(size);
    }
}

bool Keyring::add_armoured(const std::string& text) {
    bool found = false;
    for (auto at = text.find(block_start); at != std::string::npos; at = text.find(block_start, at + 1)) {
        std::uint8_t* raw = nullptr;
        std::size_t size = 0;
        if (pgpParsePkts(text.c_str() + at, &raw, &size) != PGPARMOR_PUBKEY) continue;
        const Malloced<std::uint8_t> packets{raw};
        add({packets.get(), size});
        found = true;
    }
    return found;
}

Keyring Keyring::load(const std::filesystem::path& rpmdb_folder, const std::vector<std::filesystem::path>& key_files) {
    read_configuration();
    Keyring keyring;
    if (!rpmdb_folder.empty())
        for (const auto& armoured : public_keys(rpmdb_folder))
            keyring.add_armoured(armoured);
    for (const auto& file : key_files) {
        std::ifstream stream(file, std::ios::binary);
        const std::string content{std::istreambuf_iterator<char>(stream), {}};
        if (!stream.is_open() || stream.bad())
            throw fail(Reason::Configuration,
                       "the key file '{}' can't be read; correct gpg-keys in the configuration or restore the file",
                       file.string());
        const auto before = keyring.keys_.size();
        if (!keyring.add_armoured(content))
            keyring.add({reinterpret_cast<const unsigned char*>(content.data()), content.size()});
        if (keyring.keys_.size() == before)
            throw fail(Reason::Configuration,
                       "the key file '{}' holds no OpenPGP public key; export one with 'gpg --export --armor KEY'",
                       file.string());
    }
    return keyring;
}

SignatureCheck Keyring::check(std::span<const std::byte> signature,
                              const std::vector<std::span<const std::byte>>& parts) const {
    pgpDigParams raw = nullptr;
    const auto* packet = reinterpret_cast<const std::uint8_t*>(signature.data());
    if (pgpPrtParams(packet, signature.size(), PGPTAG_SIGNATURE, &raw) != 0) return {SignatureState::bad, ""};
    const SignatureHandle parameters{raw};

    SignatureCheck result;
    result.key_id = hex_of(std::as_bytes(std::span(pgpDigParamsSignID(raw), sizeof(pgpKeyID_t))));
    const std::unique_ptr<DIGEST_CTX_s, FinishDigest> digest{
        rpmDigestInit(static_cast<int>(pgpDigParamsAlgo(raw, PGPVAL_HASHALGO)), RPMDIGEST_NONE)};
    if (!digest) {
        result.state = SignatureState::bad; // a hash that the library refuses proves nothing
        return result;
    }
    for (const auto& part : parts)
        rpmDigestUpdate(digest.get(), part.data(), part.size());
    switch (rpmKeyringVerifySig(state_->keyring.get(), raw, digest.get())) {
    case RPMRC_OK:
        result.state = SignatureState::good;
        break;
    case RPMRC_NOKEY:
        result.state = SignatureState::unknown_key;
        break;
    default:
        result.state = SignatureState::bad;
    }
    return result;
}

} // namespace rtnode::rpm
