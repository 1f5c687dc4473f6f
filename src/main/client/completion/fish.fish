# gpio-gatekeeper completion fish: put it into ~/.config/fish/completions/gpio-gatekeeper.fish
function __gpio_gatekeeper
    set -l words (commandline -opc)
    set -l program $words[1]
    $program complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c gpio-gatekeeper -a '(__gpio_gatekeeper)'
