# gpio-gatekeeper completion bash: put it where bash-completion looks, such as
# ~/.local/share/bash-completion/completions/gpio-gatekeeper, or: source <(gpio-gatekeeper completion bash)
_gpio_gatekeeper() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _gpio_gatekeeper gpio-gatekeeper
