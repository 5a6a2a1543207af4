// The completion scripts: thin, because every answer comes from `runner __complete`. Its lines are "word<TAB>meaning";
// the last line says what else fits: `:file`, `:directory` or `:nothing`.
#include "runner/cli/completion.h"

namespace slipway::runner {
namespace {

// bash cuts words at COMP_WORDBREAKS (= and : among them); they are joined again by looking at the line, and the
// part that bash will not replace is taken off the answers.
constexpr std::string_view kBash =
    R"script(# bash completion of runner; load it with: source <(runner completion bash)
_runner_complete() {
  local -a words=() lines=()
  local line=${COMP_LINE:0:COMP_POINT} word i current prefix='' kind entry
  line=${line#*"${COMP_WORDS[0]}"}
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && word=${word:0:$((${#line} < ${#word} ? ${#line} : ${#word}))}
    if [[ ${#words[@]} -gt 0 && $line == "$word"* && ( -n $word || -z $line ) ]]; then
      words[-1]+=$word
    else
      line=${line#"${line%%[![:space:]]*}"}
      words+=("$word")
    fi
    line=${line#"$word"}
  done
  current=${words[-1]}
  word=${COMP_WORDS[COMP_CWORD]}
  [[ $word == [=:] ]] && word=
  prefix=${current%"$word"}
  mapfile -t lines < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
  ((${#lines[@]} > 0)) || return
  kind=${lines[-1]}
  unset 'lines[-1]'
  COMPREPLY=()
  for entry in "${lines[@]}"; do
    entry=${entry%%$'\t'*}
    printf -v entry '%q' "${entry#"$prefix"}"
    COMPREPLY+=("$entry")
  done
  case $kind in
    :file) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word") ;;
    :directory) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$word") ;;
  esac
}
complete -F _runner_complete runner
)script";

constexpr std::string_view kZsh = R"script(#compdef runner
# zsh completion of runner; load it with: source <(runner completion zsh)
_runner() {
  local -a lines described
  local kind line word
  lines=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  kind=${lines[-1]}
  lines[-1]=()
  for line in "${lines[@]}"; do
    [[ -n $line ]] || continue
    word=${line%%$'\t'*}
    described+=("${word//:/\\:}:${line#*$'\t'}")
  done
  (( ${#described} )) && _describe -t words runner described
  case $kind in
    :file) compset -P '*='; _files ;;
    :directory) compset -P '*='; _files -/ ;;
  esac
}
(( ${+functions[compdef]} )) && compdef _runner runner
)script";

constexpr std::string_view kFish =
    R"script(# fish completion of runner; load it with: runner completion fish | source
function __runner_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    test (count $lines) -gt 0; or return
    set -l kind $lines[-1]
    set -e lines[-1]
    test (count $lines) -gt 0; and printf '%s\n' $lines
    switch $kind
        case ':file'
            __fish_complete_path "$current"
        case ':directory'
            __fish_complete_directories "$current"
    end
end
complete -c runner -f -a '(__runner_complete)'
)script";

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  return std::string(shell == "zsh" ? kZsh : kFish);
}

}  // namespace slipway::runner
