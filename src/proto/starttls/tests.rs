//! Whole dialogues, as they were recorded and as an attacker would have them, and each of them cut anywhere.

use proptest::prelude::*;

use super::*;
use crate::proto::packet::hex;

/// How a dialogue went: `C: ` what we said, `S: ` what was heard.
#[derive(Debug, PartialEq, Eq)]
struct Course {
    lines: Vec<String>,
    sent: Vec<Vec<u8>>,
    end: Result<(), StartTlsError>,
    /// Bytes that were left when it was agreed on; behind an error nobody reads them.
    left: usize,
}

/// Has a machine meet a server that says `pieces`, whatever it is told.
fn play(protocol: Protocol, pieces: &[&[u8]]) -> Course {
    let mut machine = StartTls::new(protocol, "host.example");
    let (mut lines, mut sent) = (Vec::new(), Vec::new());
    let mut pieces = pieces.iter();
    let mut input: &[u8] = b"";
    let end = loop {
        match machine.feed(&mut input) {
            Ok(Step::Heard(words)) => lines.push(format!("S: {words}")),
            Ok(Step::Send(message)) => {
                lines.push(format!("C: {}", message.words));
                sent.push(message.bytes);
            }
            Ok(Step::NeedMore) => {
                assert!(input.is_empty(), "NeedMore leaves nothing");
                match pieces.next() {
                    Some(piece) => input = piece,
                    None => break Err(malformed("(silence)")),
                }
            }
            Ok(Step::Ready) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let left = if matches!(end, Ok(()) | Err(StartTlsError::Glued(_))) { input.len() } else { 0 };
    Course { lines, sent, end, left }
}

/// The same server, but all in one piece.
fn play_whole(protocol: Protocol, server: &[u8]) -> Course {
    play(protocol, &[server])
}

fn silence() -> StartTlsError {
    malformed("(silence)")
}

const SMTP: &[u8] = b"220-mail.example ESMTP Postfix (Debian)\r\n220 ready\r\n250-mail.example\r\n250-PIPELINING\r\n\
    250-SIZE 10240000\r\n250-starttls\r\n250 SMTPUTF8\r\n220 2.0.0 Ready to start TLS\r\n";
const IMAP: &[u8] = b"* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n\
    * CAPABILITY IMAP4rev1 SASL-IR STARTTLS LOGINDISABLED\r\n* OK still here\r\n\
    a1 OK Pre-login capabilities listed.\r\n* 3 EXISTS\r\na2 OK Begin TLS negotiation now.\r\n";
const POP3: &[u8] = b"+OK Dovecot ready. <1896.697170952@x>\r\n+OK Begin TLS negotiation now.\r\n";
const FTP: &[u8] =
    b"120 soon\r\n220-Welcome\r\n  230 to all\r\n220 (vsFTPd 3.0.5)\r\n234 Proceed with negotiation.\r\n";
const LDAP: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
const POSTGRES: &[u8] = b"S";
const XMPP: &[u8] = b"<?xml version='1.0'?><stream:stream id='e8d' version='1.0' xmlns:stream='http://etherx.jabber.org/streams' \
    xmlns='jabber:client' from='host.example'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>\
    <required/></starttls><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
    </stream:features><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// The first packet of `MySQL` 8.0.36.
fn mysql() -> Vec<u8> {
    hex("4a000000 0a 382e302e333600 0d000000 1a2b3c4d5e6f7081 00 ffff ff 0200 ffdf 15 00000000000000000000 \
         0102030405060708090a0b0c 00 6361636869 6e675f736861325f70617373776f726400")
}

/// A good dialogue of each protocol.
fn good() -> Vec<(Protocol, Vec<u8>)> {
    vec![
        (Protocol::Smtp, SMTP.to_vec()),
        (Protocol::Imap, IMAP.to_vec()),
        (Protocol::Pop3, POP3.to_vec()),
        (Protocol::Ftp, FTP.to_vec()),
        (Protocol::Ldap, LDAP.to_vec()),
        (Protocol::Postgres, POSTGRES.to_vec()),
        (Protocol::Mysql, mysql()),
        (Protocol::Xmpp, XMPP.to_vec()),
    ]
}

#[test]
fn names() {
    for protocol in Protocol::ALL {
        assert_eq!(protocol.name().parse(), Ok(protocol));
    }
    assert_eq!("SMTP".parse::<Protocol>(), Err("smtp, imap, pop3, ftp, ldap, postgres, mysql, xmpp".into()));
}

#[test]
fn a_line_dialogue_reads_as_it_was_held() {
    let course = play_whole(Protocol::Smtp, SMTP);
    assert_eq!(
        course.lines,
        [
            "S: 220-mail.example ESMTP Postfix (Debian)",
            "S: 220 ready",
            "C: EHLO localhost",
            "S: 250-mail.example",
            "S: 250-PIPELINING",
            "S: 250-SIZE 10240000",
            "S: 250-starttls",
            "S: 250 SMTPUTF8",
            "C: STARTTLS",
            "S: 220 2.0.0 Ready to start TLS"
        ]
    );
    assert_eq!((course.end, course.sent), (Ok(()), vec![b"EHLO localhost\r\n".to_vec(), b"STARTTLS\r\n".to_vec()]));
    let said = |protocol, server| {
        let course = play_whole(protocol, server);
        assert_eq!(course.end, Ok(()));
        course.sent.concat()
    };
    assert_eq!(said(Protocol::Imap, IMAP), b"a1 CAPABILITY\r\na2 STARTTLS\r\n");
    assert_eq!(said(Protocol::Pop3, POP3), b"STLS\r\n");
    assert_eq!(said(Protocol::Ftp, FTP), b"AUTH TLS\r\n");
}

#[test]
fn the_binary_ones_are_told_in_words() {
    let course = play_whole(Protocol::Ldap, LDAP);
    assert_eq!(course.lines, ["C: ExtendedRequest StartTLS", "S: ExtendedResponse 0 (success)"]);
    // 30 1d | 02 01 01 | 77 18 | 80 16 "1.3.6.1.4.1.1466.20037"
    assert_eq!(course.sent.concat(), [&hex("301d 020101 7718 8016")[..], b"1.3.6.1.4.1.1466.20037"].concat());
    let course = play_whole(Protocol::Postgres, POSTGRES);
    assert_eq!(
        (course.lines, course.sent.concat()),
        (vec!["C: SSLRequest".into(), "S: S".into()], hex("00000008 04d2162f"))
    );
    let course = play_whole(Protocol::Mysql, &mysql());
    let lines =
        ["S: handshake of version 10 by 8.0.36, capabilities 0xdfffffff", "C: SSLRequest, capabilities 0x00008a00"];
    assert_eq!((course.lines, course.end), (lines.map(str::to_owned).to_vec(), Ok(())));
    let course = play_whole(Protocol::Xmpp, XMPP);
    assert_eq!((course.end, course.lines.len()), (Ok(()), 6));
    assert!(course.lines[0].contains(" to='host.example' version='1.0' "), "{:?}", course.lines);
    assert!(course.lines[3].starts_with("S: <stream:features><starttls "), "{:?}", course.lines);
    assert_eq!(course.lines[4], "C: <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
}

#[test]
fn every_single_cut_gives_the_same() {
    for (protocol, server) in good() {
        let whole = play_whole(protocol, &server);
        assert_eq!((&whole.end, whole.left), (&Ok(()), 0), "{protocol}");
        for at in 0..=server.len() {
            let (first, second) = server.split_at(at);
            assert_eq!(play(protocol, &[first, second]), whole, "{protocol} cut at {at}");
        }
        let dribbled: Vec<_> = server.chunks(1).collect();
        assert_eq!(play(protocol, &dribbled), whole, "{protocol}");
    }
}

#[test]
fn what_ends_early_needs_more() {
    for (protocol, server) in good() {
        for end in 0..server.len() {
            assert_eq!(play_whole(protocol, &server[..end]).end, Err(silence()), "{protocol} up to {end}");
        }
    }
}

/// CVE-2011-0411: commands or replies behind the go-ahead, to be read as if they had come encrypted.
#[test]
fn nothing_may_be_glued_behind_the_go_ahead() {
    for (protocol, server) in good() {
        for glued in [&b"250 injected\x1b\r\n"[..], b" ", b"\n", b"\x16\x03\x03"] {
            let attack = [&server, glued].concat();
            let want = Err(StartTlsError::Glued(format!("\"{}\"", escape(glued))));
            let course = play_whole(protocol, &attack);
            assert_eq!((&course.end, course.left), (&want, glued.len()), "{protocol}");
            // Nothing is sent to a server that has been caught.
            let honest = play_whole(protocol, &server);
            assert!(honest.lines.starts_with(&course.lines), "{protocol}: {:?}", course.lines);
            // Asked once more, with bytes that came a moment later, it says the same.
            let mut machine = StartTls::new(protocol, "host.example");
            let mut input = &server[..];
            while machine.feed(&mut input) != Ok(Step::Ready) {}
            assert_eq!(machine.feed(&mut { glued }), want.map(|()| Step::Ready), "{protocol}");
        }
    }
}

#[test]
fn a_server_without_tls_says_what_it_has() {
    let no_features = b"<stream:stream version='1.0'><stream:features/>";
    let features = b"<stream:stream version='1.0'><stream:features><c xmlns='x'/><sm/></stream:features>";
    let foreign = b"<stream:stream version='1.0'><stream:features><starttls xmlns='x'/></stream:features>";
    let old = b"<stream:stream xmlns='jabber:client'>";
    let mut deaf_mysql = mysql();
    deaf_mysql[4 + 1 + 7 + 4 + 8 + 1 + 1] = 0xf7;
    let table: &[(Protocol, &[u8], &str)] = &[
        (Protocol::Smtp, b"220 x\r\n250 x\r\n", "its answer to EHLO has no extensions"),
        (Protocol::Smtp, b"220 x\r\n250-STARTTLS\r\n250 A\x1b\r\n", r"its answer to EHLO has no STARTTLS, but A\x1b"),
        (
            Protocol::Smtp,
            b"220 x\r\n250-x\r\n250-SIZE 10\r\n250 XSTARTTLS\r\n",
            "its answer to EHLO has no STARTTLS, but SIZE, XSTARTTLS",
        ),
        (
            Protocol::Imap,
            b"* OK\r\n* CAPABILITY IMAP4rev1 IDLE\r\na1 OK\r\n",
            "STARTTLS is not among its capabilities: IMAP4rev1, IDLE",
        ),
        (Protocol::Postgres, b"N", "its answer to SSLRequest is N"),
        (Protocol::Mysql, &deaf_mysql, "8.0.36 has not the capability SSL"),
        (Protocol::Xmpp, no_features, "its stream has no features"),
        (Protocol::Xmpp, features, "its stream's features have no starttls, but c, sm"),
        (Protocol::Xmpp, foreign, "its stream's features have no starttls, but starttls"),
        (Protocol::Xmpp, old, "its stream is older than version 1.0"),
    ];
    for (protocol, server, want) in table {
        let end = play_whole(*protocol, server).end;
        assert_eq!(end, Err(StartTlsError::NotOffered((*want).into())), "{protocol}");
    }
}

#[test]
fn a_refusal_is_told_in_the_servers_own_words() {
    let failure =
        [&XMPP[..XMPP.len() - b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".len()], b"<failure/>"].concat();
    let gone = b"<stream:stream version='1.0'><stream:error><host-unknown/><text>no \x1b</text></stream:error>";
    let table: &[(Protocol, &[u8], &str, &str)] = &[
        (Protocol::Smtp, b"554-no\r\n554 go\x1b\r\n", "the connection", r#""554 no go\x1b""#),
        (Protocol::Smtp, b"220 x\r\n502 what?\r\n", "EHLO", "\"502 what?\""),
        (Protocol::Smtp, b"220 x\r\n250-x\r\n250 STARTTLS\r\n454 later\r\n", "STARTTLS", "\"454 later\""),
        (Protocol::Imap, b"* BYE busy\r\n", "the connection", "\"* BYE busy\""),
        (Protocol::Imap, b"* PREAUTH hello\r\n", "TLS", "\"* PREAUTH hello\""),
        (Protocol::Imap, b"* ok\r\na1 BAD what\r\n", "CAPABILITY", "\"a1 BAD what\""),
        (
            Protocol::Imap,
            b"* OK\r\n* CAPABILITY starttls\r\na1 OK\r\na2 NO key\x07\r\n",
            "STARTTLS",
            r#""a2 NO key\x07""#,
        ),
        (Protocol::Pop3, b"-ERR full\r\n", "the connection", "\"-ERR full\""),
        (Protocol::Pop3, b"+OK\r\n-ERR no TLS\r\n", "STLS", "\"-ERR no TLS\""),
        (Protocol::Ftp, b"421 too many\r\n", "the connection", "\"421 too many\""),
        (Protocol::Ftp, b"220 x\r\n530 Please login\r\n", "AUTH TLS", "\"530 Please login\""),
        (
            Protocol::Ldap,
            b"\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x34\x04\x00\x04\x02no",
            "StartTLS",
            "52 (unavailable), \"no\"",
        ),
        (
            Protocol::Ldap,
            b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00",
            "the connection",
            "52 (unavailable)",
        ),
        (Protocol::Postgres, b"EFATAL: no fork\n\0", "SSLRequest", "\"FATAL: no fork\""),
        (Protocol::Postgres, b"E\0\0\0\x0fSFATAL\0Mx\0\0", "SSLRequest", "FATAL \"x\""),
        (Protocol::Mysql, b"\x07\0\0\0\xff\x6a\x04Host", "the connection", "error 1130, \"Host\""),
        (Protocol::Xmpp, gone, "the stream", r#""<stream:error><host-unknown/><text>no \x1b</text></stream:error>""#),
        (Protocol::Xmpp, &failure, "starttls", "\"<failure/>\""),
        (Protocol::Xmpp, b"<stream:stream version='1.0'></stream:stream>", "the stream", "\"</stream:stream>\""),
    ];
    for (protocol, server, what, said) in table {
        let course = play_whole(*protocol, server);
        assert_eq!(course.end, Err(StartTlsError::Refused(what, (*said).into())), "{protocol}");
        assert!(course.lines.last().is_some_and(|line| line.starts_with("S: ")), "it is narrated: {:?}", course.lines);
    }
}

#[test]
fn another_protocol_is_no_answer() {
    let table: &[(Protocol, &[u8])] = &[
        (Protocol::Smtp, b"SSH-2.0-OpenSSH_9.6\r\n"),
        (Protocol::Smtp, b"220 x\r\n354 go on\r\n"),
        (Protocol::Smtp, b"HTTP/1.1 400 Bad Request\r\n"),
        (Protocol::Imap, b"+OK POP3\r\n"),
        (Protocol::Imap, b"a1 OK\r\n"),
        (Protocol::Imap, b"* OK\r\n+ go on\r\n"),
        (Protocol::Imap, b"* OK\r\na2 OK\r\n"),
        (Protocol::Pop3, b"* OK IMAP\r\n"),
        (Protocol::Ftp, b"+OK\r\n"),
        (Protocol::Ftp, b"220 x\r\n334 more\r\n"),
        (Protocol::Ldap, b"HTTP"),
        (Protocol::Postgres, b"R"),
        (Protocol::Mysql, b"SSH-2.0"),
        (Protocol::Mysql, b"\x01\0\0\0\x09"),
        (Protocol::Mysql, b"\0\0\0\0"),
        (Protocol::Xmpp, b"220 x"),
        (Protocol::Xmpp, b"<html>"),
        (Protocol::Xmpp, b"<!DOCTYPE html>"),
        (Protocol::Xmpp, b"<stream:stream version='1.0'><!-- '"),
        (Protocol::Xmpp, b"<stream:stream version='1.0'><?php ?>"),
        (Protocol::Xmpp, b"<stream:stream version='1.0'><a></b>"),
        (Protocol::Xmpp, b"<stream:stream version='1.0'>text"),
        (Protocol::Xmpp, b"<stream:stream version='1.0'><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ];
    for (protocol, server) in table {
        let end = play_whole(*protocol, server).end;
        assert!(matches!(&end, Err(error @ StartTlsError::Malformed(_)) if *error != silence()), "{protocol}: {end:?}");
    }
}

#[test]
fn a_server_that_never_stops_is_stopped() {
    let endless = |start: &[u8], more: &[u8]| [start, &more.repeat(MAX_REPLY / more.len() + 1)].concat();
    let table = [
        (Protocol::Smtp, endless(b"220-", b"x")),
        (Protocol::Smtp, endless(b"", b"220-x\r\n")),
        (Protocol::Smtp, endless(b"220 x\r\n", b"250-x\r\n")),
        (Protocol::Imap, endless(b"* OK\r\n", b"* OK\r\n")),
        (Protocol::Pop3, endless(b"+OK", b" ")),
        (Protocol::Ftp, endless(b"", b"120 soon\r\n")),
        (Protocol::Ldap, b"\x30\x84\x00\x01\x00\x00".to_vec()),
        (Protocol::Postgres, endless(b"E", b"x")),
        (Protocol::Postgres, b"E\0\x01\x00\x01".to_vec()),
        (Protocol::Mysql, b"\xff\xff\xff\0".to_vec()),
        (Protocol::Xmpp, endless(b"<stream:stream version='1.0'>", b" ")),
        (Protocol::Xmpp, endless(b"<stream:stream a='", b">")),
        (Protocol::Xmpp, endless(b"<stream:stream version='1.0'><stream:features>", b"<a/>")),
    ];
    for (protocol, server) in table {
        assert_eq!(play_whole(protocol, &server).end, Err(StartTlsError::TooLarge), "{protocol}");
    }
    let deep = [&b"<stream:stream version='1.0'>"[..], &b"<a>".repeat(20)].concat();
    assert_eq!(play_whole(Protocol::Xmpp, &deep).end, Err(malformed("its elements are nested over 16 deep")));
}

#[test]
fn errors_in_plain_words() {
    let table = [
        (StartTlsError::NotOffered("why".into()), "the server does not offer TLS: why"),
        (StartTlsError::Refused("EHLO", "\"no\"".into()), "the server refuses EHLO: \"no\""),
        (malformed("why"), "the server's reply is malformed: why"),
        (StartTlsError::TooLarge, "the server's reply is over 65536 bytes"),
        (
            StartTlsError::Glued("\"x\"".into()),
            "plain text came behind the server's go-ahead, where anybody could have put it: \"x\"",
        ),
    ];
    for (error, want) in table {
        assert_eq!(error.to_string(), want);
    }
    assert_eq!(quoted(&[b'x'; 201]), format!("\"{}…\"", "x".repeat(200)));
    assert_eq!(quoted(&[b'x'; 200]), format!("\"{}\"", "x".repeat(200)));
}

proptest! {
    /// Wherever a server's bytes are cut, and whatever an attacker made of them, the outcome is the same.
    #[test]
    fn cuts_change_nothing(
        nth in 0..Protocol::ALL.len(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        change in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let (protocol, mut server) = good().swap_remove(nth);
        if let Some((at, byte)) = change {
            let at = at.index(server.len());
            server[at] = byte;
        }
        let whole = play_whole(protocol, &server);
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(server.len())).chain([0, server.len()]).collect();
        at.sort_unstable();
        let pieces: Vec<_> = at.windows(2).map(|pair| &server[pair[0]..pair[1]]).collect();
        let cut = play(protocol, &pieces);
        // Bytes behind a go-ahead that came later are the business of whoever reads on: TLS.
        let glued = |course: &Course| matches!(course.end, Err(StartTlsError::Glued(_)));
        if glued(&whole) {
            prop_assert!(glued(&cut) || cut.end == Ok(()));
        } else {
            prop_assert_eq!(cut, whole);
        }
    }

    #[test]
    fn no_bytes_make_a_machine_panic(nth in 0..Protocol::ALL.len(), keep in any::<proptest::sample::Index>(), noise: Vec<u8>) {
        let (protocol, server) = good().swap_remove(nth);
        let bytes = [&server[..keep.index(server.len())], &noise].concat();
        let course = play_whole(protocol, &bytes);
        prop_assert!(!course.lines.iter().any(|line| line.chars().any(crate::proto::is_hidden)), "{:?}", course.lines);
    }
}
