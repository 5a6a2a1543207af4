// Who is running.
#include "runner/execute/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/files.h"

namespace slipway::runner {

Result<Fd> hold_run(const std::string& run_dir) {
  const std::string path = run_dir + "/alive";
  Fd fd = SLIP_TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("lock " + path);
  return fd;
}

bool run_is_alive(const std::string& run_dir) {
  const Result<Fd> fd = open_file(run_dir + "/alive", O_RDWR);
  return fd && ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0;
}

}  // namespace slipway::runner
