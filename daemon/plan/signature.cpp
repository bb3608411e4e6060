#include "plan/signature.hpp"

#include "fetch/url.hpp"
#include "plan/solv.hpp"
#include "state/error.hpp"

extern "C" {
#include <solv/chksum.h>
#include <solv/repo_pubkey.h>
}

#include <array>
#include <ctime>

namespace rtnode::plan {
namespace {

struct FreeSignature {
    void operator()(Solvsig* signature) const { solvsig_free(signature); }
};
struct FreeChecksum {
    void operator()(Chksum* checksum) const { solv_chksum_free(checksum, nullptr); }
};

FileHandle open_file(const std::filesystem::path& path) {
    return FileHandle(std::fopen(path.c_str(), "re"));
}

} // namespace

void verify_repomd_signature(const std::filesystem::path& file, const std::filesystem::path& signature,
                             const Repository& repository) {
    const auto refuse = [&](const std::string& why) {
        return fail(Reason::BadSignature, "the signature of repomd.xml isn't good: {}", why);
    };
    const PoolHandle pool(pool_create());
    auto* keyring = repo_create(pool.get(), "keys");
    for (const auto& key : repository.gpg_keys) {
        const auto path = fetch::path_of_file_url(key).value_or(key);
        const auto stream = open_file(path);
        if (!stream)
            throw refuse(fmt::format("its key {} can't be read; correct gpgkey at {}", path, repository.defined_at));
        repo_add_keyring(keyring, stream.get(), ADD_WITH_SUBKEYS);
    }
    if (keyring->nsolvables == 0)
        throw refuse(
            fmt::format("there is no key to check it with; set gpgkey at {} to a file with the repository's key",
                        repository.defined_at));
    const auto armour = open_file(signature);
    const std::unique_ptr<Solvsig, FreeSignature> parsed(armour ? solvsig_create(armour.get()) : nullptr);
    if (!parsed || parsed->htype == 0) throw refuse("repomd.xml.asc is no OpenPGP signature");
    const auto now = std::time(nullptr);
    if (parsed->expires != 0 &&
        now > static_cast<std::time_t>(parsed->created) + static_cast<std::time_t>(parsed->expires))
        throw refuse("it has expired; the repository's keeper has to sign anew");
    const std::unique_ptr<Chksum, FreeChecksum> checksum(solv_chksum_create(parsed->htype));
    const auto content = open_file(file);
    if (!checksum || !content) throw refuse("repomd.xml can't be read");
    std::array<char, 1 << 14> buffer{};
    while (const auto got = std::fread(buffer.data(), 1, buffer.size(), content.get()))
        solv_chksum_add(checksum.get(), buffer.data(), static_cast<int>(got));
    if (solvsig_verify(parsed.get(), keyring, checksum.get()) == 0)
        throw refuse(
            fmt::format("it is by the key {}, which isn't among the repository's keys, or repomd.xml was changed "
                        "after signing; check gpgkey at {}",
                        parsed->keyid, repository.defined_at));
}

} // namespace rtnode::plan
