// Loading libgit2. Only pointers are fetched here; git_libgit2_init is called in the child that reads (git_child.cc).
#include "runner/source/git_api.h"

#include <dlfcn.h>

#include <array>
#include <mutex>

namespace slipway::runner {
namespace {

// The soname of Debian 12; structures and option values of git2.h belong to exactly this version.
constexpr const char* kLibrary = "libgit2.so.1.5";
constexpr const char* kPackage = "libgit2-1.5";

struct Symbol {
  const char* name;
  void** target;
};

Status load_into(GitApi& api) {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorCode::kUnsupported, std::string("read git repository: cannot load ") +
                                             kLibrary + "; install it with: apt-get install " +
                                             kPackage);
  }
#define SLIP_GIT_SYMBOL(name) Symbol{"git_" #name, reinterpret_cast<void**>(&api.name)},
  for (const Symbol& symbol : {SLIP_GIT_FUNCTIONS(SLIP_GIT_SYMBOL)}) {
#undef SLIP_GIT_SYMBOL
    *symbol.target = ::dlsym(library, symbol.name);
    if (*symbol.target == nullptr) {
      return fail(ErrorCode::kUnsupported, std::string("read git repository: ") + kLibrary +
                                               " has no function " + symbol.name);
    }
  }
  return {};
}

}  // namespace

Result<const GitApi*> load_git() {
  static std::mutex mutex;
  static GitApi api;
  static bool loaded = false;
  std::lock_guard lock(mutex);
  if (!loaded) SLIP_TRY(load_into(api));
  loaded = true;
  return &api;
}

}  // namespace slipway::runner
