#pragma once

#include "runner/cli/invocation.h"

/// The commands behind the option table. Each returns the process's exit code and reports its own errors.
namespace slipway::runner {

int exec_command(const Invocation& invocation);
int check_command(const Invocation& invocation);
int graph_command(const Invocation& invocation);
int list_command(const Invocation& invocation);
int preview_command(const Invocation& invocation);
int debug_command(const Invocation& invocation);

int run_command(const Invocation& invocation);

int image_import_command(const Invocation& invocation);
int image_list_command(const Invocation& invocation);
int image_remove_command(const Invocation& invocation);
int image_tag_command(const Invocation& invocation);
int image_inspect_command(const Invocation& invocation);
int image_history_command(const Invocation& invocation);
int image_save_command(const Invocation& invocation);
int image_load_command(const Invocation& invocation);
int image_prune_command(const Invocation& invocation);
int cache_prune_command(const Invocation& invocation);

int pull_command(const Invocation& invocation);
int push_command(const Invocation& invocation);
int login_command(const Invocation& invocation);
int logout_command(const Invocation& invocation);
int registry_tags_command(const Invocation& invocation);
int registry_inspect_command(const Invocation& invocation);
int registry_remove_command(const Invocation& invocation);
int registry_referrers_command(const Invocation& invocation);
int artifact_push_command(const Invocation& invocation);
int artifact_pull_command(const Invocation& invocation);

int doctor_command(const Invocation& invocation);
int help_command(const Invocation& invocation);
int version_command(const Invocation& invocation);
int completion_command(const Invocation& invocation);
/// Hidden: `runner __complete [WORD...]` answers the completion scripts.
int complete_command(const Invocation& invocation);
/// Hidden: `runner __monitor STATE ID [inherited]` is what keeps a running container.
int monitor_command(const Invocation& invocation);

}  // namespace slipway::runner
