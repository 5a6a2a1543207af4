// The sqlite adapter: connection, statements, and the mapping of sqlite's codes to our errors. No
// tables here.
#include "cachestore/index/database.h"

#include <sqlite3.h>

#include <cerrno>

namespace slipway::cachestore {
namespace {

// Another process holds the write lock only for a few row changes and renames; 10 s is a hung disk.
constexpr int kBusyMillis = 10'000;
// The write-ahead log is copied back, which costs two fsyncs, when it has grown to 4 MiB, or at the end of a process
// from 1 MiB on: the next opener has to read it whole, about a millisecond a MiB.
constexpr int kLogPagesBusy = 1'000;
constexpr int kLogPagesAtEnd = 250;

Error sqlite_error(sqlite3* handle, int code, const std::string& path) {
  const int sys = handle == nullptr ? 0 : sqlite3_system_errno(handle);
  const std::string doing = "use store index " + path;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error(ErrorCode::kExhausted, doing + ": disk full", ENOSPC);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(
          ErrorCode::kCorrupt,
          doing + ": the file is damaged; move the store away and import the images again");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(ErrorCode::kUnavailable,
                   doing + ": another process has kept it locked for 10 s");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Error(ErrorCode::kPermission, doing + ": it cannot be written", sys);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (sys == ENOSPC || sys == EDQUOT) {
        return Error(ErrorCode::kExhausted, doing + ": disk full", sys);
      }
      if (sys != 0) return errno_error(sys, doing);
      break;
    default:
      break;
  }
  const char* why = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  return Error(ErrorCode::kInternal, doing + ": " + why, sys);
}

Error statement_error(sqlite3_stmt* statement, const std::string& path) {
  sqlite3* handle = sqlite3_db_handle(statement);
  return sqlite_error(handle, sqlite3_extended_errcode(handle), path);
}

}  // namespace

Cursor::Cursor(Cursor&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)),
      path_(other.path_),
      next_parameter_(other.next_parameter_) {}

Cursor::~Cursor() {
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

Cursor& Cursor::bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(statement_, next_parameter_++, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Cursor& Cursor::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_, next_parameter_++, value);
  return *this;
}

Cursor& Cursor::bind_null() {
  sqlite3_bind_null(statement_, next_parameter_++);
  return *this;
}

Result<bool> Cursor::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(statement_error(statement_, *path_));
}

Status Cursor::run() {
  while (SLIP_TRY(step())) {
  }
  return {};
}

std::string Cursor::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

std::int64_t Cursor::integer(int column) const { return sqlite3_column_int64(statement_, column); }

bool Cursor::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      path_(std::move(other.path_)),
      statements_(std::move(other.statements_)),
      sync_(other.sync_),
      log_pages_(std::move(other.log_pages_)) {
  other.statements_.clear();
}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
    path_ = std::move(other.path_);
    statements_ = std::move(other.statements_);
    other.statements_.clear();
    sync_ = other.sync_;
    log_pages_ = std::move(other.log_pages_);
  }
  return *this;
}

Database::~Database() { close(); }

// Readers of other processes may stand in the way; then the log just grows until the next time.
void Database::check_point(bool at_end) {
  const int mode = at_end ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  if (at_end) sqlite3_busy_timeout(handle_, 0);
  if (sqlite3_wal_checkpoint_v2(handle_, nullptr, mode, nullptr, nullptr) == SQLITE_OK)
    *log_pages_ = 0;
}

void Database::close() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
  if (handle_ != nullptr && log_pages_ != nullptr && *log_pages_ >= kLogPagesAtEnd)
    check_point(true);
  if (handle_ != nullptr) sqlite3_close_v2(std::exchange(handle_, nullptr));
}

Result<Database> Database::open(const std::string& path, bool create) {
  Database database;
  database.path_ = std::make_unique<std::string>(path);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &database.handle_, flags, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(database.handle_, code, path));
  sqlite3_busy_timeout(database.handle_, kBusyMillis);
  SLIP_TRY(database.configure(create));
  SLIP_TRY(migrate(database));
  return database;
}

Status Database::configure(bool fresh) {
  // The log and its index stay between processes: making and removing them would cost each
  // short-lived command.
  int on = 1;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  if (fresh) SLIP_TRY(start_log());
  log_pages_ = std::make_unique<int>(0);
  // Takes the place of sqlite's own automatic checkpoints.
  sqlite3_wal_hook(
      handle_,
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      log_pages_.get());
  return {};
}

// Kept in the file from then on. Where several processes make one store at once, sqlite answers this pragma with BUSY
// at once, without its busy handler (it would be a deadlock of two that upgrade), so the waiting is ours.
Status Database::start_log() {
  constexpr int kPauseMillis = 2;
  for (int waited = 0;; waited += kPauseMillis) {
    const int code = sqlite3_exec(handle_, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return {};
    if ((code & 0xff) != SQLITE_BUSY || waited >= kBusyMillis) {
      return fail(sqlite_error(handle_, code, *path_));
    }
    sqlite3_sleep(kPauseMillis);
  }
}

Result<Cursor> Database::query(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return fail(sqlite_error(handle_, code, *path_));
    found = statements_.emplace(sql, statement).first;
  }
  return Cursor(found->second, path_.get());
}

Status Database::exec(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(handle_, code, *path_));
  return {};
}

Status Database::begin(SyncMode mode) {
  if (sync_ != mode) {
    SLIP_TRY(
        exec(mode == SyncMode::kFull ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    sync_ = mode;
  }
  return SLIP_TRY(query("BEGIN IMMEDIATE")).run();
}

Status Database::commit() {
  Status done = SLIP_TRY(query("COMMIT")).run();
  if (!done) roll_back();
  if (*log_pages_ >= kLogPagesBusy) check_point(false);
  return done;
}

void Database::roll_back() {
  if (sqlite3_get_autocommit(handle_) == 0) {
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

}  // namespace slipway::cachestore
