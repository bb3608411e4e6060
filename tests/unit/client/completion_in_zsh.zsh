# usage: zsh -f completion_in_zsh.zsh FOLDER
# Types at a zsh in a terminal of its own that has FOLDER/_rtnodectl: Tab completes, Ctrl-X prints the line as it is then.
zmodload zsh/zpty
setopt extended_glob
typeset -i failed=0

# HOW: commands by which a shell gets the completion
start() {
    local answer
    zpty typed zsh -f -i
    zpty -w typed "PS1= PS2= RPS1= ; unset zle_bracketed_paste; stty -echo columns 200"
    zpty -w typed "$1"
    zpty -w typed "say-line() { zle -I; print -r -- \"LINE<\$BUFFER>END\"; BUFFER= }; zle -N say-line; bindkey '^X' say-line"
    zpty -w typed "print READY''NOW"
    zpty -r typed answer '*READYNOW*'
}

# NAME KEYS PATTERN: what is to be seen after the keys, and then the line
sees() {
    local answer
    zpty -w -n typed "$2"$'\x18'
    zpty -r typed answer '*LINE<*>END*'
    answer=${answer//$'\e['[0-9;?]#[A-Za-z]/}
    if [[ $answer == ${~3} ]]; then
        print "ok: zsh: $1"
    else
        print -r -- "FAILED: zsh: $1: wanted $3, got ${(V)answer}"
        failed=1
    fi
}
start "autoload -Uz compinit && compinit -u -D; source ${(q)1}/_rtnodectl"
sees "the only command that begins so" $'rtnodectl jobs fo\t' '*LINE<rtnodectl jobs follow >END*'
sees "commands with what they do" $'rtnodectl latency \t' '*compare*Whether a measurement differs*LINE<*'
sees "an option" $'rtnodectl apply --expec\t' '*LINE<rtnodectl apply --expected-plan >END*'
sees "a value" $'rtnodectl override --kernel st\t' '*LINE<rtnodectl override --kernel stock >END*'
sees "a value behind a sign" $'rtnodectl latency run --mode=b\t' '*LINE<rtnodectl latency run --mode=busy >END*'
sees "a file" $'rtnodectl override --replace ker\t' '*LINE<rtnodectl override --replace kernel-rt.rpm >END*'
sees "nothing without a daemon" $'rtnodectl log \t' '*LINE<rtnodectl log >END*'
zpty -d typed

start "fpath=(${(q)1} \$fpath); autoload -Uz compinit && compinit -u -D"
for time in first second; do
    sees "a command, found in a folder, for the $time time" $'rtnodectl jobs fo\t' '*LINE<rtnodectl jobs follow >END*'
done
zpty -d typed
exit $failed
