// One connected byte stream to a Redis: TCP or a local socket, plain or under TLS. Housekeeping
// thread only.
//
// TLS verifies the server's certificate and name, and sends SNI. Trusted certificates are those of
// `ca_file` when it is given, else OpenSSL's default places (SSL_CERT_FILE and SSL_CERT_DIR
// overrule those, as everywhere).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/async.h"
#include "limits/redis/store.h"
#include "limits/redis/url.h"

namespace capture::limits::redis {

class Transport {
  public:
    using Done = std::function<void(boost::system::error_code, std::size_t)>;

    virtual ~Transport() = default;
    /// At most one read and one write may be outstanding. The memory must live until `done` is
    /// called.
    virtual void read_some(std::span<char> into, Done done) = 0;
    virtual void write(std::string_view bytes, Done done) = 0;
    /// Outstanding operations end with an error soon after.
    virtual void close() = 0;

    base::Task<std::pair<boost::system::error_code, std::size_t>> receive(std::span<char> into);
    base::Task<boost::system::error_code> send(std::string_view bytes);
};

/// Makes connections to one place; keeps the TLS settings and resolves the name anew each time.
class Connector {
  public:
    virtual ~Connector() = default;
    /// Resolves, connects and, for `rediss`, shakes hands, all within `limit` (0 = no limit). Tries
    /// every address.
    virtual base::Task<Result<std::shared_ptr<Transport>>> connect(
        std::chrono::milliseconds limit) = 0;
    /// Makes a connect() in progress fail soon.
    virtual void cancel() = 0;
};

/// Why a PEM file of authorities cannot be used; empty when it can.
std::string ca_file_problem(const std::string& path);

/// The error names an unreadable CA file.
std::expected<std::unique_ptr<Connector>, std::string> make_connector(base::IoContext& context,
                                                                      const Url& url,
                                                                      const std::string& ca_file);

}  // namespace capture::limits::redis
