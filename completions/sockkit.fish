# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sockkit_global_optspecs
    string join \n v/verbose q/quiet json color= generate= h/help V/version
end

function __fish_sockkit_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sockkit_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sockkit_using_subcommand
    set -l cmd (__fish_sockkit_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sockkit -n "__fish_sockkit_needs_command" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_needs_command" -l generate -d 'Print a completion script or a man page' -r -f -a "bash\t''
zsh\t''
fish\t''
powershell\t''
elvish\t''
man\t''
man-listen\t''
man-connect\t''
man-udp-send\t''
man-udp-recv\t''
man-get\t''
man-echo-server\t''"
complete -c sockkit -n "__fish_sockkit_needs_command" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_needs_command" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockkit -n "__fish_sockkit_needs_command" -s V -l version -d 'Print version'
complete -c sockkit -n "__fish_sockkit_needs_command" -f -a "listen" -d 'Wait for a client, and connect stdin and stdout to it'
complete -c sockkit -n "__fish_sockkit_needs_command" -f -a "connect" -d 'Connect to a server, and stdin and stdout through it'
complete -c sockkit -n "__fish_sockkit_needs_command" -f -a "udp-send" -d 'Send datagrams, and print the replies'
complete -c sockkit -n "__fish_sockkit_needs_command" -f -a "udp-recv" -d 'Receive datagrams to stdout'
complete -c sockkit -n "__fish_sockkit_needs_command" -f -a "get" -d 'Fetch a URL over HTTP, and check that it came whole'
complete -c sockkit -n "__fish_sockkit_needs_command" -f -a "echo-server" -d 'Give back what comes, to many clients at once'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s m -l max-conns -d 'At most this many clients at once; further ones wait' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l end-on -d 'Whose end is the end of the session [auto: both, or the peer\'s on a terminal]' -r -f -a "auto\t''
both\t''
peer\t''
local\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s o -l output -d 'Write what comes to FILE instead of stdout' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l progress -d 'Show progress on stderr: a bar on a terminal; with always, elsewhere a line a second [auto: where get -o writes a file, on a terminal]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s x -l hex -d 'Dump both directions in hexadecimal, to stderr or FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l log-in -d 'Write a copy of what is received to FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l log-out -d 'Write a copy of what is sent to FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l rate -d 'At most so many bytes a second each way, such as 100k; a tenth of a second\'s worth may go at once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l until-match -d 'End well once the peer has sent TEXT (\\n, \\r, \\t, \\0, \\xNN work); 1 if it does not' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l max-bytes -d 'End well once so much has come from the peer, such as 10M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l expect-sha256 -d 'Fail (1) unless what is received has this SHA-256' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l expect-size -d 'Fail unless so much is received: 18 if less, 1 if more' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l ready-fd -d 'Write the address to this open descriptor, and close it, once clients can come' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l port-file -d 'Write the port (the address of a UNIX socket) to FILE once clients can come' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s w -l timeout -d 'Give up when connecting takes longer, or when nothing has moved for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l idle-timeout -d 'Give up when nothing has moved for this long, whatever -w says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l deadline -d 'Give up when the whole run takes longer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l accept-timeout -d 'Give up when no client has come for this long; -w does not bound that' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l until-idle -d 'End well (0) once stdin is done and the peer has been quiet for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l ttl -d 'Time to live, hop limit: how many routers may pass it on' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tos -d 'Type of service, traffic class: 0 to 255 or 0x..' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l send-buffer -d 'Kernel send buffer, such as 64k' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l recv-buffer -d 'Kernel receive buffer, such as 4M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l interface -d 'Send and receive through this interface only' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l keepalive -d 'Probe an idle connection, the first time after DUR' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l backlog -d 'How many clients the kernel keeps waiting' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-cert -d 'A certificate with its chain, in a PEM file; of several, the one for the name that the client asks for (SNI), else the first' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-key -d 'The private key of it: PKCS#8, PKCS#1 or SEC1; one for each --tls-cert, in their order [default: in the same file]' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-client-ca -d 'Demand a certificate of each client that one of those in this PEM file has signed' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-alpn -d 'Choose among these application protocols (ALPN), the preferred one first' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-min -d 'The oldest version that will do: 1.2 or 1.3 [default: 1.2]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-max -d 'The newest version that will do: 1.2 or 1.3 [default: 1.3]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-suites -d 'Only these cipher suites, by their IANA or OpenSSL names, the preferred one first' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l handshake-timeout -d 'Let go a client whose handshake takes longer [default: -w, else 10 s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s k -l keep-open -d 'Serve client after client, side by side; stdin goes to all of them'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l ignore-empty -d 'A client counts at its first byte, with --tls after its handshake: health checks that connect and close do not use up the one accept'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s d -l no-stdin -d 'Read nothing from stdin, and send no FIN until the peer ends'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l send-only -d 'Discard what the peer sends; end after stdin and the peer\'s FIN'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s C -l crlf -d 'Send LF as CR LF'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l no-half-close -d 'Send no FIN when stdin ends: the peer ends the session'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l no-splice -d 'Copy through a buffer instead of letting the kernel move the bytes (splice)'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l force -d 'Overwrite a FILE that exists'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l stats -d 'Say at the end, even with -q, what the session was: addresses, times, bytes and rates, who closed first, what was acknowledged, TCP\'s own figures; SIGUSR1 asks for it at any time, and -v includes it'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l sum -d 'Print the SHA-256 of each direction at the end'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s 4 -l ipv4 -d 'IPv4 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s 6 -l ipv6 -d 'IPv6 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s n -l numeric -d 'Look up no names: addresses must be numeric'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l nagle -d 'Gather small pieces before sending (Nagle); without it they leave at once'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l reuse-address -d 'Bind although old connections of this port linger; the default'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l no-reuse-address -d 'Refuse to bind while old connections of this port linger'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l reuse-port -d 'Share the port with other programs that ask for the same'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls -d 'Encrypt with TLS; needs --tls-cert or --tls-self-signed'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -l tls-self-signed -d 'Make a certificate for this run, and say how a client can trust it'
complete -c sockkit -n "__fish_sockkit_using_subcommand listen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l retry-for -d 'Keep trying for DUR until it opens' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l count -d 'End after N probes; without it ctrl-C is the normal end' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l interval -d 'From one probe to the next [1 s]; with 0, one goes out once the last has come back or has had its time' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l size -d 'Bytes of a probe [64]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l end-on -d 'Whose end is the end of the session [auto: both, or the peer\'s on a terminal]' -r -f -a "auto\t''
both\t''
peer\t''
local\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s o -l output -d 'Write what comes to FILE instead of stdout' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l progress -d 'Show progress on stderr: a bar on a terminal; with always, elsewhere a line a second [auto: where get -o writes a file, on a terminal]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s x -l hex -d 'Dump both directions in hexadecimal, to stderr or FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l log-in -d 'Write a copy of what is received to FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l log-out -d 'Write a copy of what is sent to FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l rate -d 'At most so many bytes a second each way, such as 100k; a tenth of a second\'s worth may go at once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l until-match -d 'End well once the peer has sent TEXT (\\n, \\r, \\t, \\0, \\xNN work); 1 if it does not' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l max-bytes -d 'End well once so much has come from the peer, such as 10M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l expect-sha256 -d 'Fail (1) unless what is received has this SHA-256' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l expect-size -d 'Fail unless so much is received: 18 if less, 1 if more' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l idle-timeout -d 'Give up when nothing has moved for this long, whatever -w says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l deadline -d 'Give up when the whole run takes longer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l connect-timeout -d 'Give up when lookup and connecting take longer [default: -w, else 30 s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l until-idle -d 'End well (0) once stdin is done and the peer has been quiet for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l proxy -d 'Have this HTTP proxy, at port 1080 unless it says else, make the connection (CONNECT); the password may be in `SOCKKIT_PROXY_PASSWORD`' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s s -l source -d 'Connect from this local address; it fixes the family' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s p -l source-port -d 'Connect from this local port' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l ttl -d 'Time to live, hop limit: how many routers may pass it on' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tos -d 'Type of service, traffic class: 0 to 255 or 0x..' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l send-buffer -d 'Kernel send buffer, such as 64k' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l recv-buffer -d 'Kernel receive buffer, such as 4M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l interface -d 'Send and receive through this interface only' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l keepalive -d 'Probe an idle connection, the first time after DUR' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l starttls -d 'Ask the peer for TLS in the plain text of PROTO first, then encrypt as --tls does' -r -f -a "smtp\t''
imap\t''
pop3\t''
ftp\t''
ldap\t''
postgres\t''
mysql\t''
xmpp\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-name -d 'The name that the certificate must be for, and that the server is told (SNI) [default: HOST]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-alpn -d 'Offer these application protocols (ALPN), such as h2,http/1.1' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-ca -d 'Trust the certificates in this PEM file, and no others' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-pin -d 'Trust only who has this certificate or this public key, whatever its name: sha256: and its SHA-256 in hex or base64' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-cert -d 'Show this certificate, with its chain, to a server that asks for one; a PEM file' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-key -d 'The private key of it [default: in the same file]' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-min -d 'The oldest version that will do: 1.2 or 1.3 [default: 1.2]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-max -d 'The newest version that will do: 1.2 or 1.3 [default: 1.3]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls-suites -d 'Only these cipher suites, by their IANA or OpenSSL names, the preferred one first' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l min-days -d 'With -z: a certificate that ends within N days is a negative answer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s w -l timeout -d 'Give up when connecting takes longer, or when nothing has moved for this long; with --ping, how long an answer may take' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s z -l check -d 'Only check: connect and close, one line a port on stdout'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s d -l no-stdin -d 'Read nothing from stdin, and send no FIN until the peer ends'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l send-only -d 'Discard what the peer sends; end after stdin and the peer\'s FIN'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s C -l crlf -d 'Send LF as CR LF'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l no-half-close -d 'Send no FIN when stdin ends: the peer ends the session'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l no-splice -d 'Copy through a buffer instead of letting the kernel move the bytes (splice)'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l force -d 'Overwrite a FILE that exists'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l stats -d 'Say at the end, even with -q, what the session was: addresses, times, bytes and rates, who closed first, what was acknowledged, TCP\'s own figures; SIGUSR1 asks for it at any time, and -v includes it'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l sum -d 'Print the SHA-256 of each direction at the end'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s 4 -l ipv4 -d 'IPv4 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s 6 -l ipv6 -d 'IPv6 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s n -l numeric -d 'Look up no names: addresses must be numeric'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l nagle -d 'Gather small pieces before sending (Nagle); without it they leave at once'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l reuse-address -d 'Bind --source-port although an old connection from it lingers; the default'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l no-reuse-address -d 'Refuse to bind --source-port while an old connection from it lingers'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l tls -d 'Encrypt with TLS; the peer\'s certificate must be trusted here and be for HOST'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l insecure -d 'Go on whatever certificate the peer shows: whoever is on the way can read and change everything'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l cert -d 'With -z: show the certificates too'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -l ping -d 'Send probes, print the round trip of each answer and then a summary; with -q the summary alone'
complete -c sockkit -n "__fish_sockkit_using_subcommand connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l size -d 'One datagram for each N bytes of stdin; with --ping, bytes of a probe [64]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l separator -d 'One datagram for each piece of stdin that TEXT ends, without it; \\n, \\xNN and so on are bytes' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l length-prefix -d 'One datagram for each length and so many bytes of stdin: the borders that udp-recv --length-prefix keeps' -r -f -a "u16\t'Two bytes in network order'
u32\t'Four bytes in network order'"
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l count -d 'Send all of it N times (stdin is read to its end first); 0 is until ctrl-C, and needs --interval or a pace; with --ping, end after N probes [until ctrl-C]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l interval -d 'The pause between two times; with --ping, from one probe to the next [1 s], with 0 once the last has come back or has had its time' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l wait -d 'Print the replies until DUR after the last datagram; none at all is an error (28)' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l replies -d 'With --wait, end (0) as soon as N replies have come and all is sent (with --count 0 even before); fewer by the end of --wait are an error (28)' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l rate -d 'Send at most N bytes of payload a second, such as 500k or 10M, evenly' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l pps -d 'Send at most N datagrams a second, evenly' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l burst -d 'Let N datagrams leave at once, with as long a pause after them [1]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l probe -d 'Ask a question of dns[=NAME[/TYPE]], ntp, stun, snmp[=COMMUNITY], snmpv1[=COMMUNITY] or echo, and print what the answer says; PORT may be left out' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l probe-data -d 'Ask another protocol: send TEXT, in which \\n \\r \\t \\0 \\xNN \\\\ are bytes, and print the first answer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l tries -d 'Ask at most N times, each wait twice the one before: in all -w, else 1 s and more [default: 3]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l idle-timeout -d 'Give up when nothing has moved for this long, whatever -w says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l deadline -d 'Give up when the whole run takes longer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s s -l source -d 'Connect from this local address; it fixes the family' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s p -l source-port -d 'Connect from this local port' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l ttl -d 'Time to live, hop limit: how many routers may pass it on' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l tos -d 'Type of service, traffic class: 0 to 255 or 0x..' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l send-buffer -d 'Kernel send buffer, such as 64k' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l recv-buffer -d 'Kernel receive buffer, such as 4M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l interface -d 'Send and receive through this interface only' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l multicast-interface -d 'Send to the group through this interface, by its name or an address of it [the route\'s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s o -l output -d 'Write the replies to FILE instead of stdout' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l exit-word -d 'End the chat when a typed line is exactly WORD, which is not sent; can be given more than once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s w -l timeout -d 'Give up when a lookup takes longer, or when nothing has moved for this long; with --ping, how long an answer may take' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l connect-timeout -d 'Give up when the lookup takes longer [default: -w, else 30 s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l lines -d 'One datagram for each line of stdin, without its newline'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l ping -d 'Measure an echo service: send probes, print the round trip of each answer and then a summary; with -q the summary alone'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l broadcast -d 'Allow a broadcast address; replies from everybody count'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s z -l check -d 'Only check: ask each port, by --probe or with an empty datagram, and tell on stdout what came back; PORT may be a list such as 53,123,5000-5010'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l mtu -d 'Find the largest datagram that reaches an echo service unfragmented, and say who limits it'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l force -d 'Overwrite a FILE that exists'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s 4 -l ipv4 -d 'IPv4 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s 6 -l ipv6 -d 'IPv6 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s n -l numeric -d 'Look up no names: addresses must be numeric'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l no-multicast-loop -d 'Send to the group\'s members on other machines only'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -l interactive -d 'Chat: send each typed line, show each answer as a line; the end of the input ends it'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l separator -d 'Write TEXT after each datagram; it may contain \\n \\r \\t \\0 \\xNN \\\\' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l length-prefix -d 'Write its length before each datagram, in network byte order' -r -f -a "u16\t'Two bytes in network order'
u32\t'Four bytes in network order'"
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l count -d 'End (0) after N datagrams; without it ctrl-C is the normal end' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l reply -d 'Answer each datagram with TEXT; it may contain \\n \\r \\t \\0 \\xNN \\\\' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l exec -d 'Answer each datagram with what CMD, run by /bin/sh -c, makes of it: the datagram is its stdin, its stdout the answer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l max-children -d 'With --exec, run so many commands at once; meanwhile further datagrams wait in the receive queue [16]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l exec-timeout -d 'With --exec, end a command that takes longer (SIGTERM, 1 s later SIGKILL) [10 s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l allow -d 'Take only what comes from ADDRESS or ADDRESS/BITS; can be given more than once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s x -l hex -d 'Dump each datagram and its sender in hexadecimal, to stderr or FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s o -l output -d 'Write what comes to FILE instead of stdout' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l ready-fd -d 'Write the address to this open descriptor, and close it, once clients can come' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l port-file -d 'Write the port (the address of a UNIX socket) to FILE once clients can come' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l idle-timeout -d 'Give up when nothing has moved for this long, whatever -w says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l deadline -d 'Give up when the whole run takes longer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l ttl -d 'Time to live, hop limit: how many routers may pass it on' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l tos -d 'Type of service, traffic class: 0 to 255 or 0x..' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l send-buffer -d 'Kernel send buffer, such as 64k' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l recv-buffer -d 'Kernel receive buffer, such as 4M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l interface -d 'Send and receive through this interface only' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l join -d 'Join this group, and no other: with SOURCE@ take only what that host sends to it, with %INTERFACE only what comes in there; can be given more than once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l exit-word -d 'Leave the last sender unanswered when a typed line is exactly WORD; can be given more than once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l until-idle -d 'End well (0) once nothing has come for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s w -l timeout -d 'Give up when a lookup takes longer, or when nothing has come for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l lines -d 'Write a newline after each datagram'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l echo -d 'Answer each datagram with itself'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l gro -d 'Let the kernel hand over trains of datagrams (GRO), split again here: faster, but drops are counted in trains'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l stats -d 'Say at the end, even with -q, what came: datagrams, bytes, rate, sizes, what was ignored, left unread or dropped; -v includes it'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l force -d 'Overwrite a FILE that exists'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s 4 -l ipv4 -d 'IPv4 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s 6 -l ipv6 -d 'IPv6 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s n -l numeric -d 'Look up no names: addresses must be numeric'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l reuse-address -d 'Bind although another program has the address and asks for the same: for multicast groups'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l reuse-port -d 'Share the port with other programs that ask for the same: each datagram goes to one of them'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -l interactive -d 'Chat: show each datagram as a line with its sender, send each typed line to the last sender'
complete -c sockkit -n "__fish_sockkit_using_subcommand udp-recv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s X -l method -d 'What to ask: GET, HEAD, OPTIONS, POST, PUT, DELETE or PATCH [default: GET, with --data POST]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s H -l header -d 'Send this header line in place of ours of that name; `NAME:` removes it, `NAME;` sends it empty' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l data -d 'Send this body as it is: a text, the bytes of FILE, or stdin' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s u -l user -d 'Log in by name and password (Basic); NAME alone takes the password from `SOCKKIT_PASSWORD` or from the terminal. No redirect carries this, or another secret, from the origin of its URL (scheme, host, port) to another' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l user-file -d 'The same, with the NAME:PASSWORD that is the one line of FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l bearer -d 'Log in by this token (Bearer)' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l bearer-file -d 'The same, with the token that is the one line of FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l netrc-file -d 'The same with FILE' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l cookie -d 'Send these cookies, `NAME=VALUE; NAME=VALUE`; or those of FILE: one such line, or a cookie file of curl\'s or a browser\'s (Netscape), of which those are sent that fit the URL' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s A -l user-agent -d 'Call yourself TEXT (User-Agent); an empty one sends no such line' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l time-cond -d 'Ask for what has changed since DATE, or since FILE was written; a FILE that is not there asks for all. With a `-` before it: for what has not' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l max-redirects -d 'Follow this many redirects; with 0, a redirect is the answer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l max-filesize -d 'Take no body that is larger than SIZE (63), neither as it comes nor decoded' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l expect-status -d 'Exit with 1, once the body is written, unless the status is one of these: 200,204,3xx' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l expect-sha256 -d 'Exit with 1 unless the body, as it is written, has this SHA-256; with --continue, the whole file' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l retry -d 'When refused, out of time or answered with 502, 503 or 504, ask up to N times more, unless something is written already; after 1 s, 2 s, 4 s or as Retry-After says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l retry-delay -d 'Wait this long before each retry, or as long as Retry-After says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l repeat -d 'Ask N times, over a new connection and the same one again by turns, and print percentiles of each phase' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l interval -d 'From one request of --repeat to the next [0: as soon as it is over]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s o -l output -d 'Write the body to FILE.part, which becomes FILE once it is whole; `-` is stdout. Of several URLs, one for all, or one each in their order' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l range -d 'Ask for these bytes alone, from 0 on: FIRST-LAST, FIRST- or -COUNT; several, with commas, come as multipart' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l progress -d 'Show progress on stderr: a bar on a terminal; with always, elsewhere a line a second [auto: where get -o writes a file, on a terminal]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s w -l timeout -d 'Give up when connecting takes longer, or when nothing has moved for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l idle-timeout -d 'Give up when nothing has moved for this long, whatever -w says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l deadline -d 'Give up when the whole run takes longer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l connect-timeout -d 'Give up when lookup and connecting take longer [default: -w, else 30 s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l unix-socket -d 'Connect to this UNIX socket, whatever host the URL names; @NAME is an abstract one' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l resolve -d 'The address of HOST, where PORT is asked for, instead of a lookup; of several the first counts, with --all each' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l connect-to -d 'Connect to HOST2 PORT2 instead of HOST1 PORT1; an empty one is any, or the same' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l proxy -d 'Ask this HTTP proxy, at port 1080 unless it says else; the password may be in `SOCKKIT_PROXY_PASSWORD` [default: `http_proxy`, `https_proxy`, `all_proxy`]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l no-proxy -d 'Ask no proxy for these names and all below them, addresses and networks, with or without :PORT; `*` is all [default: `no_proxy`]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s s -l source -d 'Connect from this local address; it fixes the family' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s p -l source-port -d 'Connect from this local port' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l ttl -d 'Time to live, hop limit: how many routers may pass it on' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tos -d 'Type of service, traffic class: 0 to 255 or 0x..' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l send-buffer -d 'Kernel send buffer, such as 64k' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l recv-buffer -d 'Kernel receive buffer, such as 4M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l interface -d 'Send and receive through this interface only' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l keepalive -d 'Probe an idle connection, the first time after DUR' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-ca -d 'Trust the certificates in this PEM file, and no others' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-pin -d 'Trust only who has this certificate or this public key, whatever its name: sha256: and its SHA-256 in hex or base64' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-cert -d 'Show this certificate, with its chain, to a server that asks for one; a PEM file' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-key -d 'The private key of it [default: in the same file]' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-min -d 'The oldest version that will do: 1.2 or 1.3 [default: 1.2]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-max -d 'The newest version that will do: 1.2 or 1.3 [default: 1.3]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l tls-suites -d 'Only these cipher suites, by their IANA or OpenSSL names, the preferred one first' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s I -l head -d 'Ask for the head alone (HEAD) and write that'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l http1.0 -d 'Speak HTTP/1.0: one request a connection'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l bearer-env -d 'The same, with the token in `SOCKKIT_BEARER`'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l netrc -d 'Log in as ~/.netrc says for the host of each URL, where it knows it'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s i -l include -d 'Write the head of each response, as received, before the body'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l raw-head -d 'Write the exact bytes of each head, and no body'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l fail -d 'Exit with 22, without the body, when the status is 400 or more'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s L -l follow -d 'Follow redirects; this is the default'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l no-follow -d 'Take a redirect for the answer'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l allow-downgrade -d 'Follow redirects from https to http too: what comes then anybody on the way can read and change'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l compressed -d 'Ask for gzip or deflate, and write the body decoded, at most 4 GiB or --max-filesize (63)'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l fail-with-body -d 'Exit with 22 when the status is 400 or more, but write the body'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l timing -d 'Show on stderr what the time of each request went into, as bars on a terminal'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l all -d 'Ask each address of the name once, and print a table of what each has answered'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l lint -d 'Tell on stderr what is wrong with each response, by the section of its RFC'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s O -l remote-name -d 'Name each FILE as its URL ends'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l force -d 'Overwrite a FILE that exists, and a FILE.part'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l continue -d 'Take up what is there, FILE.part or FILE: ask for the rest'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l create-dirs -d 'Make the directories that FILE is to lie in'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s 4 -l ipv4 -d 'IPv4 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s 6 -l ipv6 -d 'IPv6 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s n -l numeric -d 'Look up no names: addresses must be numeric'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l nagle -d 'Gather small pieces before sending (Nagle); without it they leave at once'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l reuse-address -d 'Bind --source-port although an old connection from it lingers; the default'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l no-reuse-address -d 'Refuse to bind --source-port while an old connection from it lingers'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -l insecure -d 'Go on whatever certificate the peer shows: whoever is on the way can read and change everything'
complete -c sockkit -n "__fish_sockkit_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l color -d 'When to use colour on stderr' -r -f -a "auto\t''
always\t''
never\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s m -l max-conns -d 'At most this many clients at once; further ones wait' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l stats-every -d 'Say the counts this often while it runs, even with -q; SIGUSR1 asks for them at any time' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l mode -d 'Which service to play, RFC 862, 863, 864 or 867' -r -f -a "echo\t''
discard\t''
chargen\t''
daytime\t''"
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l greeting -d 'Say TEXT to each client that connects; every TEXT may contain \\n \\r \\t \\0 \\xNN \\\\' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l prompt -d 'Say TEXT before each message' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l reply -d 'Answer each message with TEXT instead of itself; {} is the message, {{ and }} are braces, \'\' answers nothing' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l farewell -d 'Say TEXT before closing by --exit-word or --max-messages' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l exit-word -d 'Close when a message is exactly WORD; can be given more than once' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l max-messages -d 'Close after the answer to the Nth message' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l seed -d 'Replay the faults of the run that announced this seed' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l delay -d 'Wait before each answer: DUR, or a time drawn from A..B' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l chunk -d 'Write at most N bytes at a time, or a number drawn from A..B' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l reset-after -d 'Reset each session after N bytes to the client' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l close-after -d 'Close each session after N bytes to the client' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l stall-after -d 'Neither read nor write any more after N bytes to the client' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l close-before-reply -d 'Close instead of answering, with this chance each time' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l corrupt -d 'Flip one bit of an answer, with this chance each time' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l drop -d 'Leave a datagram without its answer, with this chance' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l duplicate -d 'Answer a datagram twice, with this chance' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l reorder -d 'Send the answer to a datagram after the next one, or 100 ms late, with this chance' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l swallow -d 'Ignore the first N bytes of each client' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l ready-fd -d 'Write the address to this open descriptor, and close it, once clients can come' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l port-file -d 'Write the port (the address of a UNIX socket) to FILE once clients can come' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s w -l timeout -d 'Give up when connecting takes longer, or when nothing has moved for this long' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l idle-timeout -d 'Give up when nothing has moved for this long, whatever -w says' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l deadline -d 'Give up when the whole run takes longer' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l ttl -d 'Time to live, hop limit: how many routers may pass it on' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tos -d 'Type of service, traffic class: 0 to 255 or 0x..' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l send-buffer -d 'Kernel send buffer, such as 64k' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l recv-buffer -d 'Kernel receive buffer, such as 4M' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l interface -d 'Send and receive through this interface only' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l keepalive -d 'Probe an idle connection, the first time after DUR' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l backlog -d 'How many clients the kernel keeps waiting' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-cert -d 'A certificate with its chain, in a PEM file; of several, the one for the name that the client asks for (SNI), else the first' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-key -d 'The private key of it: PKCS#8, PKCS#1 or SEC1; one for each --tls-cert, in their order [default: in the same file]' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-client-ca -d 'Demand a certificate of each client that one of those in this PEM file has signed' -r -F
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-alpn -d 'Choose among these application protocols (ALPN), the preferred one first' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-min -d 'The oldest version that will do: 1.2 or 1.3 [default: 1.2]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-max -d 'The newest version that will do: 1.2 or 1.3 [default: 1.3]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-suites -d 'Only these cipher suites, by their IANA or OpenSSL names, the preferred one first' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l handshake-timeout -d 'Let go a client whose handshake takes longer [default: -w, else 10 s]' -r
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s v -l verbose -d 'Narrate each step of the socket\'s life with times; -vv adds socket options, reads and writes'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s q -l quiet -d 'Say nothing but errors'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l json -d 'Write every line about itself as a JSON object'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l udp -d 'Answer datagrams too, on the same port number'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l lines -d 'A message is one line, whatever one read brings'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l print -d 'Write each message to stdout, one escaped line each'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s 4 -l ipv4 -d 'IPv4 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s 6 -l ipv6 -d 'IPv6 only'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s n -l numeric -d 'Look up no names: addresses must be numeric'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l nagle -d 'Gather small pieces before sending (Nagle); without it they leave at once'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l reuse-address -d 'Bind although old connections of this port linger; the default'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l no-reuse-address -d 'Refuse to bind while old connections of this port linger'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l reuse-port -d 'Share the port with other programs that ask for the same'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls -d 'Encrypt with TLS; needs --tls-cert or --tls-self-signed'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -l tls-self-signed -d 'Make a certificate for this run, and say how a client can trust it'
complete -c sockkit -n "__fish_sockkit_using_subcommand echo-server" -s h -l help -d 'Print help (see more with \'--help\')'
