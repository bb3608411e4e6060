#include "rpm/package_file.hpp"

#include "rpm/configuration.hpp"
#include "rpm/header.hpp"
#include "rpm/raw_package.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <rpm/rpmcrypto.h>
#include <rpm/rpmtag.h>

#include <array>
#include <optional>
#include <set>
#include <span>

namespace rtnode::rpm {
namespace {

std::string sha256_hex(Bytes bytes) {
    Digest digest;
    digest.update(bytes);
    return digest.hex();
}

/// A digest by rpm's number of the algorithm (PGPHASHALGO_*); nothing when the library lacks it.
std::optional<std::string> digest_hex(int algorithm, const std::vector<Bytes>& parts) {
    DIGEST_CTX context = rpmDigestInit(algorithm, RPMDIGEST_NONE);
    if (!context) return {};
    for (const auto& part : parts)
        rpmDigestUpdate(context, part.data(), part.size());
    void* text = nullptr;
    std::size_t size = 0;
    rpmDigestFinal(context, &text, &size, 1);
    const Malloced<char> owned{static_cast<char*>(text)};
    return std::string(owned.get());
}

std::string first_string(Header header, rpmTagVal tag) {
    const auto values = strings_of(header, tag);
    return values.empty() ? "" : values.front();
}

Error damaged(const std::string& shown_as, const std::string& what) {
    return fail(Reason::DamagedPackage, "the package '{}' is damaged: {}; fetch it again", shown_as, what);
}

/// @returns false when the library can't compute this digest
bool compare(int algorithm, const std::vector<Bytes>& parts, const std::string& wanted, const char* what,
             const std::string& shown_as) {
    const auto actual = digest_hex(algorithm, parts);
    if (actual && *actual != wanted) throw damaged(shown_as, fmt::format("the digest of its {} is wrong", what));
    return actual.has_value();
}

/// @returns whether the main header vouches for the payload
bool check_payload(const RawPackage& package, const std::string& shown_as) {
    const auto signature = package.signature_header();
    const auto header_and_payload = package.main().size() + package.payload().size();
    for (const rpmTagVal tag : {static_cast<rpmTagVal>(RPMSIGTAG_SIZE), static_cast<rpmTagVal>(RPMSIGTAG_LONGSIZE)})
        if (const auto sizes = numbers_of(signature, tag); !sizes.empty() && sizes.front() != header_and_payload)
            throw damaged(shown_as,
                          fmt::format("{} bytes of header and payload instead of {} ({})", header_and_payload,
                                      sizes.front(), header_and_payload < sizes.front() ? "truncated" : "too long"));
    const auto header = package.main_header();
    const auto digest = first_string(header, RPMTAG_PAYLOADDIGEST);
    const auto algorithms = numbers_of(header, RPMTAG_PAYLOADDIGESTALGO);
    return !digest.empty() && compare(algorithms.empty() ? PGPHASHALGO_SHA256 : static_cast<int>(algorithms.front()),
                                      {package.payload()}, digest, "payload", shown_as);
}

/// What remains once no signature is wrong: a damaged header.
void check_header(const RawPackage& package, bool header_proves_payload, const std::string& shown_as) {
    const auto signature = package.signature_header();
    if (const auto wanted = first_string(signature, RPMSIGTAG_SHA256); !wanted.empty())
        compare(PGPHASHALGO_SHA256, {package.main()}, wanted, "header", shown_as);
    if (const auto wanted = first_string(signature, RPMSIGTAG_SHA1); !wanted.empty())
        compare(PGPHASHALGO_SHA1, {package.main()}, wanted, "header", shown_as);
    if (header_proves_payload) return;
    if (const auto md5 = binary_of(signature, RPMSIGTAG_MD5); !md5.empty())
        compare(PGPHASHALGO_MD5, {package.main(), package.payload()}, hex_of(std::as_bytes(std::span(md5))),
                "header and payload", shown_as);
}

void check_architecture(const RawPackage& package, const Nevra& nevra, const std::string& shown_as) {
    if (headerIsSource(package.main_header()))
        throw fail(Reason::NotAPackage, "'{}' is a source package; pass a binary one", shown_as);
    if (nevra.arch != "x86_64" && nevra.arch != "noarch")
        throw fail(Reason::WrongArchitecture,
                   "the package '{}' ({}) is built for {}, this node needs x86_64 or noarch; pass the matching build",
                   shown_as, nevra.str(), nevra.arch);
}

struct SignatureResult {
    std::string signer;               ///< key id of a good signature that suffices; empty without one
    std::vector<std::string> unknown; ///< key ids of signatures by keys that we don't have
    bool header_only = false;         ///< there was a good one, but it leaves the payload unproven
};

/// @param rebuilt the payload isn't the signed one
SignatureResult check_signatures(const RawPackage& package, const Keyring& keyring, bool header_proves_payload,
                                 bool rebuilt, const std::string& shown_as) {
    struct Kind {
        rpmTagVal tag;
        bool covers_payload;
    };
    static constexpr std::array<Kind, 4> kinds{{{static_cast<rpmTagVal>(RPMSIGTAG_RSA), false},
                                                {static_cast<rpmTagVal>(RPMSIGTAG_DSA), false},
                                                {static_cast<rpmTagVal>(RPMSIGTAG_PGP), true},
                                                {static_cast<rpmTagVal>(RPMSIGTAG_GPG), true}}};
    SignatureResult result;
    for (const auto& [tag, covers_payload] : kinds) {
        const auto packet = binary_of(package.signature_header(), tag);
        if (packet.empty() || (covers_payload && rebuilt)) continue;
        std::vector<Bytes> parts{package.main()};
        if (covers_payload) parts.push_back(package.payload());
        const auto [state, key_id] = keyring.check(std::as_bytes(std::span(packet)), parts);
        switch (state) {
        case SignatureState::good:
            if (covers_payload || header_proves_payload)
                result.signer = key_id;
            else
                result.header_only = true;
            break;
        case SignatureState::unknown_key:
            result.unknown.push_back(key_id);
            break;
        case SignatureState::bad:
            throw fail(Reason::BadSignature,
                       "the signature of the package '{}' (key {}) does not fit its content: it was changed after "
                       "signing or signed wrongly; fetch it again from its maker (allow-unsigned does not help here)",
                       shown_as, key_id.empty() ? "unknown" : key_id);
        }
    }
    return result;
}

Trust trust_of(const SignatureResult& signatures, const TrustPolicy& policy, const Nevra& nevra,
               const std::string& shown_as) {
    if (!signatures.signer.empty()) return Trust::signature;
    if (policy.digest_proven) return Trust::digest;
    if (policy.allow_unsigned) return Trust::none;
    const auto why = signatures.header_only ? std::string("is signed, but the signature leaves its payload unproven")
                     : signatures.unknown.empty()
                         ? std::string("is not signed")
                         : fmt::format("is signed by key {}, which neither the base's RPM database nor gpg-keys has",
                                       signatures.unknown.front());
    throw fail(Reason::UnsignedPackage,
               "the package '{}' ({}) {}; add its maker's key to gpg-keys in the configuration, or append #sha256=HEX "
               "to its address, or use the option allow-unsigned",
               shown_as, nevra.str(), why);
}

std::vector<PackageFile> files_of(Header header) {
    std::vector<PackageFile> files;
    const FilesHandle list{rpmfilesNew(nullptr, header, 0, RPMFI_KEEPHEADER)};
    const auto text = [](const char* value) { return std::string(value ? value : ""); };
    for (int i = 0; i < static_cast<int>(rpmfilesFC(list.get())); ++i) {
        PackageFile file;
        file.path = Malloced<char>{rpmfilesFN(list.get(), i)}.get();
        file.mode = rpmfilesFMode(list.get(), i);
        file.user = text(rpmfilesFUser(list.get(), i));
        file.group = text(rpmfilesFGroup(list.get(), i));
        file.size = rpmfilesFSize(list.get(), i);
        int algorithm = 0;
        std::size_t size = 0;
        if (const auto* digest = rpmfilesFDigest(list.get(), i, &algorithm, &size); digest && S_ISREG(file.mode)) {
            file.digest = hex_of(std::as_bytes(std::span(digest, size)));
            file.digest_algorithm = static_cast<unsigned>(algorithm);
            if (file.digest.find_first_not_of('0') == std::string::npos) file.digest.clear(); // %ghost
        }
        file.link_target = text(rpmfilesFLink(list.get(), i));
        file.capabilities = text(rpmfilesFCaps(list.get(), i));
        const auto flags = rpmfilesFFlags(list.get(), i);
        file.ghost = (flags & RPMFILE_GHOST) != 0;
        file.config = (flags & RPMFILE_CONFIG) != 0;
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace

PackageFileOnDisk read_package(const std::filesystem::path& path, const std::string& shown_as, const Keyring& keyring,
                               const TrustPolicy& policy) {
    read_configuration();
    const RawPackage raw(path, shown_as);
    const auto header = raw.main_header();

    PackageFileOnDisk package;
    package.nevra = nevra_of(header);
    if (package.nevra.name.empty() || package.nevra.version.empty() || package.nevra.release.empty())
        throw fail(Reason::DamagedPackage, "the package '{}' is damaged: it has no name, version or release", shown_as);
    const bool header_proves_payload = policy.payload_rebuilt || check_payload(raw, shown_as);
    // Before the header's plain digest: whoever changes a header can change that too, and a wrong signature by a known
    // key says more.
    const auto signatures = check_signatures(raw, keyring, header_proves_payload, policy.payload_rebuilt, shown_as);
    check_header(raw, header_proves_payload, shown_as);
    check_architecture(raw, package.nevra, shown_as);
    package.trust = trust_of(signatures, policy, package.nevra, shown_as);
    package.signer = signatures.signer;

    package.path = path;
    package.sha256 = sha256_hex(raw.whole());
    package.header_sha256 = sha256_hex(raw.front());
    package.size = raw.whole().size();
    package.payload_offset = raw.front().size();
    package.installed_size = headerGetNumber(header, RPMTAG_LONGSIZE);
    package.build_time = headerGetNumber(header, RPMTAG_BUILDTIME);
    const auto provides = strings_of(header, RPMTAG_PROVIDENAME);
    const std::set<std::string> once(provides.begin(), provides.end());
    package.provides.assign(once.begin(), once.end());
    package.files = files_of(header);
    return package;
}

} // namespace rtnode::rpm
