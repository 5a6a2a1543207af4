# bash completion of runner; load it with: source <(runner completion bash)
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
