//! Tables of addresses, good and bad.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::error::is_hidden;
use super::*;

/// The error's line; Debug of a success, which no table of refusals expects.
fn refusal<T: fmt::Debug>(result: Result<T, AddressError>) -> String {
    match result {
        Ok(value) => format!("accepted as {value:?}"),
        Err(error) => error.to_string(),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// `ADDRESS | what is left over`.
fn taken(line: &str, role: Role) -> String {
    let words = words(line);
    let (endpoint, rest) = Endpoint::from_words(&words, role).expect(line);
    format!("{endpoint} | {}", rest.join(" ")).trim_end().to_owned()
}

#[track_caller]
fn assert_holds(line: &str, said: &str, parts: &str) {
    for part in parts.split('&') {
        assert!(said.contains(part.trim()), "{line:?} gave {said:?}, not {part:?}");
    }
}

#[test]
fn hosts_are_read_and_shown() {
    for (text, shown) in [
        ("example.com", "example.com"),
        ("Example.COM.", "Example.COM."),
        ("localhost", "localhost"),
        ("_dmarc.a_b.example", "_dmarc.a_b.example"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("1.2.3.example", "1.2.3.example"),
        ("3com", "3com"),
        ("0xg", "0xg"),
        ("1.2.3.4", "1.2.3.4"),
        ("::1", "::1"),
        ("::", "::"),
        ("[::1]", "::1"),
        ("::1:80", "::1:80"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("[fe80::1%2]", "fe80::1%2"),
        ("fe80::1%abcdefghijklmno", "fe80::1%abcdefghijklmno"),
    ] {
        assert_eq!(text.parse::<Host>().expect(text).to_string(), shown);
    }
    for text in ["a".repeat(63), vec!["a".repeat(63); 3].join(".") + &format!(".{}.", "a".repeat(61))] {
        assert_eq!(text.parse(), Ok(Host::Name(text.clone())));
    }
}

#[test]
fn a_host_alone_has_the_port_of_its_service() {
    for (line, said) in [
        ("localhost", "localhost:53 | "),
        ("192.0.2.1", "192.0.2.1:53 | "),
        ("::1", "[::1]:53 | "),
        ("[::1]", "[::1]:53 | "),
        ("::1:5353", "[::1:5353]:53 | "),
        ("localhost 5353", "localhost:5353 | "),
        ("localhost:5353 x", "localhost:5353 | x"),
        ("unix:/x", "unix:/x | "),
    ] {
        let words = words(line);
        let (endpoint, rest) = Endpoint::from_words_or_port(&words, 53).expect(line);
        assert_eq!(format!("{endpoint} | {}", rest.join(" ")), said);
    }
    for line in ["", "53", "localhost:", "localhost:0", "localhost 0", "[::1", "http://a"] {
        assert!(Endpoint::from_words_or_port(&words(line), 53).is_err(), "{line}");
    }
}

#[test]
fn hosts_are_refused_with_the_reason() {
    for (text, parts) in [
        ("", "host is empty"),
        (".", "label & empty"),
        ("a..b", "label & empty"),
        (".a", "label & empty"),
        ("a..", "label & empty"),
        ("a b", "white space"),
        ("a\tb", "white space & \"a\\tb\""),
        ("a\u{1b}[2Jb", "control & \\u{1b}"),
        ("a\u{202e}b", "invisible & \\u{202e}"),
        ("a/b", "'/' & unix:PATH"),
        ("/run/x.sock", "unix:PATH"),
        ("me@host", "'@' & without a user"),
        ("host%eth0", "zone & fe80::1%eth0"),
        ("1.2.3.4%eth0", "zone"),
        ("[host]", "brackets"),
        ("[1.2.3.4]", "brackets"),
        ("[::1", "brackets"),
        ("::1]", "no IPv6"),
        ("host]", "brackets"),
        ("[]", "brackets"),
        ("[[::1]]", "no IPv6"),
        ("*", "port alone"),
        ("host:80", "next word"),
        ("a,b", "letters, digits"),
        ("bücher.example", "ASCII & xn--"),
        ("http://example.com/", "URL & sockkit get"),
        ("http://example.com:80/", "URL & sockkit get"),
    ] {
        assert_holds(text, &refusal(text.parse::<Host>()), parts);
    }
    let long = format!("{}.com", "a".repeat(64));
    assert_holds("label of 64", &refusal(long.parse::<Host>()), "63");
    let long = vec!["a".repeat(62); 4].join(".") + ".abc";
    assert_holds("name of 255", &refusal(long.parse::<Host>()), "253 & …");
}

#[test]
fn no_message_repeats_a_password() {
    for word in ["http://u:pw@h:80/", "u:pw@h", "u:p:pw@h", "u@pw@h"] {
        let words = [word.to_owned(), "80".to_owned()];
        for said in [refusal(Endpoint::from_words(&words, Role::Connects)), refusal(CheckTarget::from_words(&words))] {
            assert!(said.contains("\"…@h") && !said.contains("pw"), "{said}");
        }
    }
}

#[test]
fn ipv6_addresses_are_refused_with_the_reason() {
    for (text, parts) in [
        ("::1::2", "no IPv6"),
        ("12345::", "no IPv6"),
        ("host:80:90", "no IPv6"),
        ("1:2:3:4:5:6:7:8:80", "write [1:2:3:4:5:6:7:8]:80"),
        ("fe80::1%eth0:80", "write [fe80::1%eth0]:80"),
        ("fe80::1%", "zone & empty"),
        ("fe80::1%a/b", "interface"),
        ("fe80::1%a b", "interface"),
        ("fe80::1%a%b", "interface"),
        ("fe80::1%a\u{7f}", "interface & \\u{7f}"),
        ("fe80::1%abcdefghijklmnop", "15"),
    ] {
        assert_holds(text, &refusal(text.parse::<Host>()), parts);
    }
}

#[test]
fn loose_ipv4_is_refused_by_its_kind() {
    for (text, parts) in [
        ("127.1", "short & write 127.0.0.1"),
        ("10.1.2", "short & write 10.1.0.2"),
        ("2130706433", "decimal & write 127.0.0.1"),
        ("80", "decimal & host before the port"),
        ("4294967296", "decimal & 192.0.2.1"),
        ("99999999999999999999", "decimal"),
        ("0x7f000001", "hexadecimal & write 127.0.0.1"),
        ("0X7F.1", "hexadecimal & write 127.0.0.1"),
        ("1.2.3.0xff", "hexadecimal & write 1.2.3.255"),
        ("0x", "hexadecimal"),
        ("017700000001", "octal"),
        ("010.0.0.1", "octal & 192.0.2.1"),
        ("1.2.3.04", "octal"),
        ("1.2.3.256", "255"),
        ("256.2.3.4", "255"),
        ("1.2.3.4.5", "four numbers"),
        ("1.2.3.4.", "without a dot & write 1.2.3.4"),
        ("example.123", "ends in a number"),
        ("example.0x1f", "ends in a number"),
    ] {
        assert_holds(text, &refusal(text.parse::<Host>()), parts);
    }
}

#[test]
fn ports_are_numbers_or_service_names() {
    let service = |name: &str| Port::Service(name.to_owned());
    for (text, port) in [
        ("0", Port::Number(0)),
        ("80", Port::Number(80)),
        ("0080", Port::Number(80)),
        ("65535", Port::Number(65535)),
        ("http", service("http")),
        ("http-alt", service("http-alt")),
        ("80-http", service("80-http")),
        ("z39.50", service("z39.50")),
        ("whois++", service("whois++")),
    ] {
        assert_eq!(text.parse(), Ok(port), "{text}");
    }
    for (text, parts) in [
        ("", "port is empty"),
        ("65536", "65535"),
        ("99999999999999999999999999", "65535"),
        ("-5", "no port number"),
        ("+80", "no port number"),
        ("8 0", "no port number"),
        ("80-", "no port number"),
        ("٨٠", "no port number"),
        ("a\u{202e}", "no port number & \\u{202e}"),
        ("/run/x", "unix:PATH"),
        ("80-90", "connect --check"),
        ("80,443", "connect --check"),
    ] {
        assert_holds(text, &refusal(text.parse::<Port>()), parts);
    }
    assert!("a".repeat(64).parse::<Port>().is_ok());
    assert_holds("65", &refusal("a".repeat(65).parse::<Port>()), "64");
}

#[test]
fn both_roles_read_the_same_grammar() {
    for (line, shown) in [
        ("example.com 80", "example.com:80 |"),
        ("example.com:80", "example.com:80 |"),
        ("example.com:http", "example.com:http |"),
        ("example.com http DATA more", "example.com:http | DATA more"),
        ("1.2.3.4:53 DATA", "1.2.3.4:53 | DATA"),
        ("::1 80", "[::1]:80 |"),
        ("::1:80 90", "[::1:80]:90 |"),
        ("[::1]:80 DATA", "[::1]:80 | DATA"),
        ("[::1] 80", "[::1]:80 |"),
        ("fe80::1%eth0 80", "[fe80::1%eth0]:80 |"),
        ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80 |"),
        ("unix:/run/x DATA", "unix:/run/x | DATA"),
        ("unix:a:b", "unix:a:b |"),
        ("unix:@name", "unix:@name |"),
    ] {
        assert_eq!(taken(line, Role::Connects), shown);
        assert_eq!(taken(line, Role::Binds), shown);
    }
}

#[test]
fn binding_takes_a_port_alone_and_port_0() {
    for (line, shown) in [
        ("9001", "*:9001 |"),
        ("0", "*:0 |"),
        ("9001 9002", "*:9001 | 9002"),
        (":: 0", "[::]:0 |"),
        ("localhost:0", "localhost:0 |"),
    ] {
        assert_eq!(taken(line, Role::Binds), shown);
    }
    for (line, parts) in [
        ("", "an address is needed & PORT, HOST PORT"),
        ("http", "needed & http:9001 & service name alone needs a host & [::]:http"),
        ("127.0.0.1", "needed & write 127.0.0.1:9001"),
        ("99999", "65535"),
        (":9001", "host & empty & port alone: 9001"),
    ] {
        let said = refusal(Endpoint::from_words(&words(line), Role::Binds));
        assert_holds(line, &said, parts);
    }
}

#[test]
fn connecting_needs_a_host_and_a_port() {
    for (line, parts) in [
        ("", "an address is needed & HOST PORT"),
        ("example.com", "needed & write example.com:80"),
        ("::1", "needed & write [::1]:80"),
        ("::1:443", "needed & [::1:443]:80 & [::1]:443 if its last part"),
        ("[::1]", "needed & write [::1]:80"),
        ("80", "decimal & host before the port"),
        ("example.com 0", "port 0"),
        ("example.com:0", "port 0"),
        ("example.com:", "port is empty"),
        ("example.com 80-90", "connect --check"),
        ("example.com 80,90", "connect --check"),
        ("example.com:80-90", "connect --check"),
        ("[::1]80", "brackets"),
        ("[::1", "brackets"),
        ("[host]:80", "brackets"),
        (":80", "host & empty"),
        ("http://example.com", "sockkit get"),
        ("http://example.com:80/x", "sockkit get"),
        ("unix:", "path is empty"),
        ("unix:@", "abstract name is empty"),
        ("unix:/a\0b", "NUL & \\u{0}"),
    ] {
        let said = refusal(Endpoint::from_words(&words(line), Role::Connects));
        assert_holds(line, &said, parts);
    }
}

#[test]
fn a_whole_address_is_one_word() {
    for text in ["a:80", "[::1]:0", "1.2.3.4:http", "unix:@x", "unix:./@x"] {
        assert_eq!(text.parse::<Endpoint>().expect(text).to_string(), text);
    }
    for (text, parts) in [
        ("80", "HOST:PORT"),
        ("host", "HOST:PORT"),
        ("::1:80", "[::1]:80"),
        ("*:80", "'*'"),
        ("a:b:c", "no IPv6"),
        ("[::1]", "brackets"),
    ] {
        assert_holds(text, &refusal(text.parse::<Endpoint>()), parts);
    }
}

#[test]
fn unix_names_fit_the_socket_address() {
    for mark in ["", "@"] {
        let fits = format!("unix:{mark}{}", "x".repeat(107));
        assert_eq!(fits.parse::<Endpoint>().expect(&fits).to_string(), fits);
        let over = refusal(format!("{fits}x").parse::<Endpoint>());
        assert_holds(mark, &over, "108 bytes & limit is 107");
    }
    let name = UnixName::Abstract(b"a\0\xff\x1b'".to_vec());
    assert_eq!(name.to_string(), "unix:@a\\u{0}\\xff\\u{1b}'");
    let path = UnixName::Path("/run/\u{202e}é\n".into());
    assert_eq!(path.to_string(), "unix:/run/\\u{202e}é\\n");
}

#[test]
fn port_sets_keep_order_and_drop_duplicates() {
    for (text, shown, len) in [
        ("80", "80", 1),
        ("80,443,8000-8010,http", "80,443,8000-8010,http", 14),
        ("80-80", "80", 1),
        ("443,80,443", "443,80", 2),
        ("http,http", "http", 1),
        ("7,5-10", "7,5-6,8-10", 6),
        ("5-10,7", "5-10", 6),
        ("5-7,6-9", "5-7,8-9", 5),
        ("http-alt,80-http", "http-alt,80-http", 2),
        ("0-65535,1-65535", "0-65535", 65536),
    ] {
        let set: PortSet = text.parse().expect(text);
        assert_eq!((set.to_string().as_str(), set.len()), (shown, len));
        assert_eq!(set.iter().count(), len);
        assert!(!set.is_empty());
    }
    let order: Vec<String> =
        ("2,1,http,3-4".parse::<PortSet>().expect("good").iter()).map(|port| port.to_string()).collect();
    assert_eq!(order, ["2", "1", "http", "3", "4"]);
}

#[test]
fn port_sets_are_refused_with_the_reason() {
    for (text, parts) in [
        ("", "empty"),
        ("80,", "empty"),
        (",80", "empty"),
        ("90-80", "backwards & write 80-90"),
        ("80-65536", "\"65536\" & 65535"),
        ("80-", "no port number"),
        ("80-90-100", "no port number"),
        ("80, 443", "\" 443\""),
    ] {
        assert_holds(text, &refusal(text.parse::<PortSet>()), parts);
    }
}

#[test]
fn check_targets_use_every_word() {
    for (line, host, ports) in [
        ("h 80", "h", "80"),
        ("h 80 443 80 8000-8002,http", "h", "80,443,8000-8002,http"),
        ("h:20-25,80", "h", "20-25,80"),
        ("[::1]:20-25", "::1", "20-25"),
        ("::1 20-25", "::1", "20-25"),
        ("fe80::1%eth0 22", "fe80::1%eth0", "22"),
    ] {
        let (host, ports) = (host.parse().expect(host), ports.parse().expect(ports));
        let wanted = CheckTarget::Ports(Targets { host, ports });
        assert_eq!(CheckTarget::from_words(&words(line)), Ok(wanted), "{line}");
    }
    let unix = CheckTarget::Unix(UnixName::Path("/run/x".into()));
    assert_eq!(CheckTarget::from_words(&words("unix:/run/x")), Ok(unix));
    for (line, parts) in [
        ("", "an address is needed"),
        ("h", "port is needed"),
        ("h 0", "port 0"),
        ("h 0-10", "port 0"),
        ("h:80,0", "port 0"),
        ("h 80 90-80", "backwards"),
        ("h:80 443", "\"443\" & nothing may follow"),
        ("unix:/run/x 80", "nothing may follow"),
        ("http://h 80", "sockkit get"),
        (":80", "host & empty"),
    ] {
        assert_holds(line, &refusal(CheckTarget::from_words(&words(line))), parts);
    }
}

#[test]
fn families_choose_addresses() {
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let allowed = |family: Family| (family.allows(v4), family.allows(v6));
    assert_eq!(allowed(Family::default()), (true, true));
    assert_eq!(allowed(Family::V4), (true, false));
    assert_eq!(allowed(Family::V6), (false, true));
}

#[test]
fn only_a_name_needs_a_lookup() {
    let numeric = |text: &str| text.parse::<Host>().expect(text).is_numeric();
    assert!(numeric("1.2.3.4") && numeric("::1") && Host::Any.is_numeric());
    assert!(!numeric("localhost"));
}

fn any_host() -> impl Strategy<Value = Host> {
    let zone = proptest::option::of("[a-z][a-z0-9.@_-]{0,14}");
    prop_oneof![
        "[a-zA-Z0-9_-]{1,20}(\\.[a-z0-9-]{1,9}){0,3}\\.[a-z]{2,9}\\.?".prop_map(Host::Name),
        any::<Ipv4Addr>().prop_map(Host::V4),
        (any::<Ipv6Addr>(), zone).prop_map(|(address, zone)| Host::V6 { address, zone }),
    ]
}

fn any_port() -> impl Strategy<Value = Port> {
    prop_oneof![any::<u16>().prop_map(Port::Number), "[a-z][a-z0-9+._-]{0,20}".prop_map(Port::Service),]
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    let inet = (any_host(), any_port()).prop_map(|(host, port)| HostPort { host, port });
    prop_oneof![
        inet.prop_map(Endpoint::Inet),
        "[a-z/.][ -~é]{0,50}".prop_map(|p| Endpoint::Unix(UnixName::Path(p.into()))),
        "[ -~é]{1,50}".prop_map(|n| Endpoint::Unix(UnixName::Abstract(n.into()))),
    ]
}

/// Noise made of what the grammar is made of, and noise.
fn any_word() -> impl Strategy<Value = String> {
    let pieces = "(\\[|\\]|:|::|%|\\.|,|-|@|/|unix:|0x|[0-9]{1,3}|65535|fe80|a|é|\u{202e}|\0| ){0,12}";
    prop_oneof![pieces.prop_map(String::from), any::<String>()]
}

fn is_one_clean_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(is_hidden)
}

proptest! {
    #[test]
    fn what_is_shown_parses_back(endpoint in any_endpoint()) {
        prop_assert_eq!(endpoint.to_string().parse::<Endpoint>(), Ok(endpoint.clone()));
        let words = [endpoint.to_string(), "DATA".to_owned()];
        let taken = Endpoint::from_words(&words, Role::Binds);
        prop_assert_eq!(taken, Ok((endpoint, &words[1..])));
    }

    #[test]
    fn host_and_port_may_be_two_words(host in any_host(), port in any_port()) {
        let words = [host.to_string(), port.to_string()];
        let wanted = Endpoint::Inet(HostPort { host, port });
        prop_assert_eq!(Endpoint::from_words(&words, Role::Binds), Ok((wanted, &words[2..])));
    }

    #[test]
    fn port_sets_parse_back(items in proptest::collection::vec((0..300u16, 0..50u16), 1..20)) {
        let text: Vec<String> = items.iter().map(|(p, n)| format!("{p}-{}", p + n)).collect();
        let set: PortSet = text.join(",").parse().expect("good ranges");
        prop_assert_eq!(set.to_string().parse(), Ok(set.clone()));
        let mut wanted: Vec<Port> = Vec::new();
        for port in items.iter().flat_map(|(p, n)| *p..=p + n).map(Port::Number) {
            if !wanted.contains(&port) {
                wanted.push(port);
            }
        }
        prop_assert_eq!(set.iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn nothing_panics_and_every_error_is_one_clean_line(
        words in proptest::collection::vec(any_word(), 0..4),
        text in any_word(),
    ) {
        let errors = [
            Endpoint::from_words(&words, Role::Connects).err(),
            Endpoint::from_words(&words, Role::Binds).err(),
            CheckTarget::from_words(&words).err(),
            text.parse::<Host>().err(),
            text.parse::<Port>().err(),
            text.parse::<PortSet>().err(),
            text.parse::<Endpoint>().err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(is_one_clean_line(&error.to_string()), "{error:?}");
        }
    }

    #[test]
    fn hosts_parse_back(text in any_word()) {
        if let Ok(host) = text.parse::<Host>() {
            prop_assert_eq!(host.to_string().parse(), Ok(host));
        }
    }
}
