#pragma once

#include <string>
#include <vector>

namespace slipway::sandbox {

/// The home directory of `user` ("", "name", "uid", with or without ":group") by the text of a passwd file; "/root" for
/// root and "/" for anybody else who is not in it.
std::string home_in(const std::string& passwd, const std::string& user);
/// etc/passwd below a root directory: a regular file of at most 1 MiB found inside the root, or "" (R21: an image may
/// have a FIFO or a link there).
std::string passwd_of(int root);

/// Sets "NAME=value" in an environment, over what has that name.
void set_env(std::vector<std::string>& env, const std::string& entry);
bool has_env(const std::vector<std::string>& env, const std::string& name);

}  // namespace slipway::sandbox
