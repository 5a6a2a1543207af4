#compdef runner
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
