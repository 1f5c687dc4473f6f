#compdef gpio-gatekeeper
# gpio-gatekeeper completion zsh: put it into a folder of $fpath as _gpio-gatekeeper, or, after compinit:
# source <(gpio-gatekeeper completion zsh)
_gpio_gatekeeper() {
    local -a candidates
    candidates=("${(@f)$("${words[1]}" complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${candidates[*]}" ]]; then
        compadd -a candidates
    else
        _files
    fi
}
if [[ "$funcstack[1]" == "_gpio-gatekeeper" ]]; then
    _gpio_gatekeeper "$@"
else
    compdef _gpio_gatekeeper gpio-gatekeeper
fi
