#pragma once

#include "runner/cli/invocation.h"

/// The commands behind the option table. Each returns the process's exit code and reports its own errors.
namespace slipway::runner {

int exec_command(const Invocation& invocation);
int check_command(const Invocation& invocation);
int graph_command(const Invocation& invocation);
int list_command(const Invocation& invocation);
int preview_command(const Invocation& invocation);
int convert_command(const Invocation& invocation);
int debug_command(const Invocation& invocation);

int engine_command(const Invocation& invocation);
int run_command(const Invocation& invocation);
int container_create_command(const Invocation& invocation);
int container_start_command(const Invocation& invocation);
int container_stop_command(const Invocation& invocation);
int container_restart_command(const Invocation& invocation);
int container_kill_command(const Invocation& invocation);
int container_pause_command(const Invocation& invocation);
int container_unpause_command(const Invocation& invocation);
int container_wait_command(const Invocation& invocation);
int container_rename_command(const Invocation& invocation);
int container_update_command(const Invocation& invocation);
int container_remove_command(const Invocation& invocation);
int container_prune_command(const Invocation& invocation);
int container_list_command(const Invocation& invocation);
int container_logs_command(const Invocation& invocation);
int container_attach_command(const Invocation& invocation);
int container_exec_command(const Invocation& invocation);
int container_copy_command(const Invocation& invocation);
int container_diff_command(const Invocation& invocation);
int container_commit_command(const Invocation& invocation);
int container_export_command(const Invocation& invocation);
int container_top_command(const Invocation& invocation);
int container_stats_command(const Invocation& invocation);
int container_port_command(const Invocation& invocation);
int container_inspect_command(const Invocation& invocation);
int container_events_command(const Invocation& invocation);
/// docker inspect: containers, then images, networks and volumes.
int inspect_command(const Invocation& invocation);

int network_create_command(const Invocation& invocation);
int network_list_command(const Invocation& invocation);
int network_inspect_command(const Invocation& invocation);
int network_remove_command(const Invocation& invocation);
int network_connect_command(const Invocation& invocation);
int network_disconnect_command(const Invocation& invocation);
int network_prune_command(const Invocation& invocation);

int volume_create_command(const Invocation& invocation);
int volume_list_command(const Invocation& invocation);
int volume_inspect_command(const Invocation& invocation);
int volume_remove_command(const Invocation& invocation);
int volume_prune_command(const Invocation& invocation);

int image_import_command(const Invocation& invocation);
int image_list_command(const Invocation& invocation);
int image_remove_command(const Invocation& invocation);
int image_tag_command(const Invocation& invocation);
int image_inspect_command(const Invocation& invocation);
int image_history_command(const Invocation& invocation);
int image_save_command(const Invocation& invocation);
int image_load_command(const Invocation& invocation);
int image_prune_command(const Invocation& invocation);
int build_command(const Invocation& invocation);
int why_miss_command(const Invocation& invocation);
int cache_prune_command(const Invocation& invocation);
int cache_list_command(const Invocation& invocation);
int cache_stats_command(const Invocation& invocation);
int cache_remove_command(const Invocation& invocation);

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
