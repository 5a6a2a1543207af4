# fish completion of runner; load it with: runner completion fish | source
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
