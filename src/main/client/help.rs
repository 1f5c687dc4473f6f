//! What `--help` tells of the words for a running gatekeeper.

/// The text.
pub(crate) const HELP: &str = "\
Speaks with a running gatekeeper over its line protocol.

Usage:
  gpio-gatekeeper get [DEVICE...]     how the devices are, read from their hardware now
  gpio-gatekeeper set DEVICE VALUE    ON, OFF, TOGGLE, a number, or a colour such as '#ff8000'
  gpio-gatekeeper do DEVICE ACTION [NAME=VALUE...]
                                      any action of a device, such as: do lamp blink on_time=250ms n=5
      set and do also take
      --token NUMBER                  do nothing unless this lease holds, as under `lease`
      --within SPAN                   do nothing when its turn comes later than that, such as 2s
  gpio-gatekeeper watch [DEVICE...]   devices as they change: a table on a terminal, with ages, lease holders and alerts
  gpio-gatekeeper lease DEVICE[,DEVICE...] [--ttl 10s] [--wait 5s] [-- COMMAND ARG...]
                                      hold devices until Ctrl-C, or while a command runs, which is ended when the lease
                                      is lost; its exit status is the command's.  Whatever the command asks of the
                                      gatekeeper, by this program or another client, is done under the lease
  gpio-gatekeeper send CLIENT TEXT    a message to one client
  gpio-gatekeeper publish VARIABLE VALUE [--retain]
                                      a value for who has subscribed to the variable; --retain: for later ones as well
  gpio-gatekeeper logs [--level error|warn|info] [--audit]
                                      the gatekeeper's log as it is written, or who does what, or both; for admins
  gpio-gatekeeper completion bash|zsh|fish
                                      a script that completes words, options, devices and actions

Options:
  --url URL                line://[user@]host[:7070], or lines:// in TLS; line://127.0.0.1
  --user NAME              as whom; the password is asked for, or comes from --password-stdin
  --password-stdin         the password is the first line of standard input
  --token-file FILE        a device's token in the place of user and password
  --ca FILE                the authority that has signed the gatekeeper's certificate, or that certificate itself
  --certificate FILE, --key FILE
                           an own certificate
  --client ID              what this client is called; a name of its own otherwise
  --timeout SPAN           how long connecting, and an answer, may take; 5s
  --json                   a JSON object on each line, with the members that MQTT's have

What no option says comes from the environment: GATEKEEPER_URL, _USER, _PASSWORD, _TOKEN, _CA, _CERTIFICATE, _KEY and
_CLIENT; then from a file that only its owner may read, ~/.config/gpio-gatekeeper/client.json or where
GATEKEEPER_CREDENTIALS says: {\"url\": ..., \"user\": ..., \"password\": ..., \"token\": ..., \"ca\": ..., ...}.

Exit status:
   0  done
   1  anything that is not below
   2  wrong arguments or settings
   3  not connected; nothing was sent
   4  no answer, or the connection was lost: whether it was done is not known
  and where the gatekeeper has refused it, as protocol.md tells:
  10 MALFORMED          11 FRAME_TOO_LONG     12 UNKNOWN_COMMAND    13 MISSING_KEY
  14 BAD_VALUE          15 OUT_OF_RANGE       16 UNKNOWN_DEVICE     17 UNKNOWN_ACTION
  18 NOT_SUPPORTED      19 ACCESS_DENIED      20 HELD               21 LEASE_REQUIRED
  22 STALE_TOKEN        23 NO_LEASE           24 NOT_FOUND          25 INTERLOCKED
  26 OBSTRUCTED         27 DEVICE_FAULT       28 RETAINED_COMMAND   29 EXPIRED
  30 UNKNOWN_CLIENT     31 TAKEN_OVER         32 TOO_MANY_CLIENTS   33 LIMIT_REACHED
  34 TOO_SLOW           35 STOPPING
";
