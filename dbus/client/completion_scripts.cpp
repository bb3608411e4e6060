#include "client/completion.hpp"

namespace rtnode::client {

namespace {

// None of them knows a command: what may come next they ask the rtnodectl that is being called.

constexpr const char* bash = R"(# bash completion for rtnodectl

_rtnodectl() {
    local word line
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word == [=:] ]] && word= # bash cuts there, and the value begins behind it
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
        elif [[ ${line%%$'\t'*} == "$word"* ]]; then
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _rtnodectl rtnodectl
)";

constexpr const char* zsh = R"(#compdef rtnodectl

_rtnodectl() {
    local line
    local -a described
    for line in "${(@f)$("${words[1]}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            :files) _files ;;
            ?*) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    _describe -V rtnodectl described
}

# Found in a folder of $fpath this file is the function's body; read as a script it declares the function.
if [[ $funcstack[1] == _rtnodectl ]]; then
    _rtnodectl "$@"
else
    compdef _rtnodectl rtnodectl
fi
)";

constexpr const char* fish = R"(# fish completion for rtnodectl

function __rtnodectl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in ($words[1] complete -- $words[2..] $word 2>/dev/null)
        if test $line = :files
            __fish_complete_path $word
        else
            echo $line
        end
    end
end

complete -c rtnodectl -f -a '(__rtnodectl_complete)'
)";

} // namespace

std::string completion_script(const std::string& shell) {
    return shell == "bash" ? bash : shell == "zsh" ? zsh : fish;
}

} // namespace rtnode::client
