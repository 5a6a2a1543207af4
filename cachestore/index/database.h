#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace slipway::cachestore {

/// One prepared statement, reset when the cursor that uses it ends.
class Cursor {
 public:
  Cursor(sqlite3_stmt* statement, const std::string* path) : statement_(statement), path_(path) {}
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&&) = delete;
  ~Cursor();

  Cursor& bind(std::string_view text);  ///< Parameters in order; the text must outlive the cursor.
  Cursor& bind(std::int64_t value);
  Cursor& bind_null();
  /// True: a row is there; false: done.
  Result<bool> step();
  /// Runs a statement that yields no rows.
  Status run();

  std::string text(int column) const;
  std::int64_t integer(int column) const;
  bool is_null(int column) const;

 private:
  sqlite3_stmt* statement_;
  const std::string* path_;
  int next_parameter_ = 1;
};

enum class SyncMode {
  kNormal,  ///< A commit survives kill -9.
  kFull,    ///< A commit survives a power cut.
};

/// The one connection of this process to store.db. Not thread-safe: lives in a Guarded.
class Database {
 public:
  /// Opens or creates, migrates. kUnsupported when a newer version wrote it, kCorrupt when it is
  /// damaged.
  static Result<Database> open(const std::string& path, bool create);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// `sql` must be a literal: statements are prepared once and kept by its address.
  Result<Cursor> query(const char* sql);
  Status exec(const char* sql);

  /// BEGIN IMMEDIATE … COMMIT around `body`; ROLLBACK when it fails. Waits up to 10 s for other
  /// processes.
  template <typename F>
  Status transaction(SyncMode mode, F&& body) {
    SLIP_TRY(begin(mode));
    Status done = body();
    if (!done) {
      roll_back();
      return done;
    }
    return commit();
  }
  std::int64_t changes() const;  ///< Rows changed by the last statement.
  const std::string& path() const { return *path_; }

 private:
  Database() = default;
  Status configure(bool fresh);
  Status start_log();
  Status begin(SyncMode mode);
  Status commit();
  void roll_back();
  void check_point(bool at_end);
  void close();

  sqlite3* handle_ = nullptr;
  std::unique_ptr<std::string> path_;
  std::map<const void*, sqlite3_stmt*> statements_;
  std::optional<SyncMode> sync_;
  std::unique_ptr<int> log_pages_;  ///< Length of the write-ahead log after our last commit.
};

/// Brings an empty or older database to the current schema. (schema.cc)
Status migrate(Database& database);

}  // namespace slipway::cachestore
