#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "tests/support/program.h"

namespace slipway::testing {

struct DockerRegistryOptions {
  bool tls = false;      ///< Own CA: ca_file(); certs_dir() is docker's certs.d layout for it.
  std::string username;  ///< Not empty: htpasswd.
  std::string password;
  std::string token_realm;  ///< Not empty: tokens of this server are asked for ...
  std::string
      token_certificate;  ///< ... signed by this certificate (PEM text); service "fake", issuer "fake".
  std::string proxy;      ///< Not empty: a pull-through mirror of this URL.
  std::string storage;  ///< Not empty: content lies there and stays; else it goes at the end.
};

/// Debian's docker-registry (package docker-registry) on a free port of 127.0.0.1, stopped at the end.
class DockerRegistry {
 public:
  /// Aborts the test program when it does not come up: it is in scripts/packages.
  explicit DockerRegistry(const DockerRegistryOptions& options = {});
  ~DockerRegistry();

  const std::string& host() const { return host_; }  ///< "127.0.0.1:PORT"
  int port() const;
  std::string url() const { return (tls_ ? "https://" : "http://") + host_; }
  std::string ca_file() const { return directory_.path() + "/ca.crt"; }
  std::string certs_dir() const { return directory_.path() + "/certs.d"; }
  std::string storage() const { return storage_; }

 private:
  TempDir directory_;
  std::string storage_;
  std::string host_;
  bool tls_;
  std::unique_ptr<Program> program_;
};

}  // namespace slipway::testing
