#pragma once
// Our own records below the state folder, a JSON object each: replaced whole, and on disk before anything is done that
// rests on them.

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace rtnode::profile {

/// Calls `take` with what the file holds; not at all when there is no file. A damaged one (no JSON, or `take` throws
/// Error or an exception of the JSON library) is put aside as FILE.damaged, and `warnings` says so.
/// @throws Error{Internal} when the file is there and can't be read: that must not pass for "there is none"
void read_record(const std::filesystem::path& file, std::vector<std::string>& warnings,
                 const std::function<void(const nlohmann::json&)>& take);

/// Temporary file, fsync, rename, fsync of the folder. @throws Error{NoSpace, Internal}
void write_record(const std::filesystem::path& file, const nlohmann::json& record);

} // namespace rtnode::profile
