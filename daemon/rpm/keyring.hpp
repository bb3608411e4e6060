#pragma once
// The keys whose signatures are trusted.

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rtnode::rpm {

/// The outcome of checking one OpenPGP signature against a Keyring.
enum class SignatureState { good, unknown_key, bad };

struct SignatureCheck {
    SignatureState state = SignatureState::unknown_key;
    std::string key_id; ///< of the key that signed, 16 lower-case hex digits
};

struct PublicKey {
    std::string key_id;      ///< of the primary key, 16 lower-case hex digits
    std::string fingerprint; ///< of the primary key, upper-case hex
    std::string user;        ///< a user id, as "Name <mail>"; may be empty
};

class Keyring {
  public:
    Keyring(); ///< no keys: every signature is by an unknown key
    ~Keyring();
    Keyring(Keyring&&) noexcept;
    Keyring& operator=(Keyring&&) noexcept;

    /// The keys of the gpg-pubkey headers in an rpmdb, and of armoured or binary OpenPGP key files (each may hold
    /// several keys).
    /// @param rpmdb_folder a DatabaseCopy's folder; empty = none.
    /// @throws Error{Configuration} naming a key file that can't be read or holds no key
    static Keyring load(const std::filesystem::path& rpmdb_folder, const std::vector<std::filesystem::path>& key_files);

    /// In the order of loading.
    const std::vector<PublicKey>& keys() const { return keys_; }

    /// Does `signature` (an OpenPGP packet) sign the concatenation of `parts`?
    SignatureCheck check(std::span<const std::byte> signature,
                         const std::vector<std::span<const std::byte>>& parts) const;

  private:
    void add(std::span<const unsigned char> packets);
    bool add_armoured(const std::string& text); ///< false when there is no key block

    struct State;
    std::unique_ptr<State> state_;
    std::vector<PublicKey> keys_;
};

} // namespace rtnode::rpm
