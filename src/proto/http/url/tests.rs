//! Tables of URLs and redirects, taken and refused. Owns no behaviour.

use proptest::prelude::*;

use super::UrlError::{Backslash, Brackets, Forbidden, Host, NoHost, NumericHost, Port, UserInfo, Zone};
use super::*;

#[track_caller]
fn url(typed: &str) -> Url {
    Url::parse(typed).unwrap_or_else(|e| panic!("{typed}: {e}"))
}

/// What was typed, then: host, port, target, Host field, shown.
const TAKEN: &[(&str, &str)] = &[
    ("www.example.com", "www.example.com 80 / www.example.com http://www.example.com/"),
    ("localhost:8080/x", "localhost 8080 /x localhost:8080 http://localhost:8080/x"),
    ("http://H.Example:80/A", "h.example 80 /A h.example http://h.example/A"),
    ("HTTPS://h", "h 443 / h https://h/"),
    ("https://h:443?q#f", "h 443 /?q h https://h/?q"),
    ("https://h:80", "h 80 / h:80 https://h:80/"),
    ("h/a/../b?c=/d?e", "h 80 /b?c=/d?e h http://h/b?c=/d?e"),
    ("h/?u=http://x:y@z/", "h 80 /?u=http://x:y@z/ h http://h/?u=http://x:y@z/"),
    ("h?u=http://x", "h 80 /?u=http://x h http://h/?u=http://x"),
    ("127.0.0.1:1", "127.0.0.1 1 / 127.0.0.1:1 http://127.0.0.1:1/"),
    ("[::1]", "::1 80 / [::1] http://[::1]/"),
    ("[2001:DB8::0]:9", "2001:db8:: 9 / [2001:db8::]:9 http://[2001:db8::]:9/"),
    ("ü.x/ü", "xn--tda.x 80 /%C3%BC xn--tda.x http://xn--tda.x/%C3%BC"),
    ("h./%0d%0a", "h. 80 /%0d%0a h. http://h./%0d%0a"),
    ("h_x.example", "h_x.example 80 / h_x.example http://h_x.example/"),
    ("1e100.net:65535", "1e100.net 65535 / 1e100.net:65535 http://1e100.net:65535/"),
];

#[test]
fn taken() {
    for (typed, want) in TAKEN {
        let url = url(typed);
        let (host, port, target) = (url.host(), url.port(), url.target());
        let seen = format!("{host} {port} {target} {} {url}", url.host_header());
        assert_eq!(seen, *want, "{typed}");
    }
}

const REFUSED: &[(&str, UrlError)] = &[
    ("http://h/a\rb", Forbidden('\r')),
    ("http://h/\n", Forbidden('\n')),
    ("\thttp://h/", Forbidden('\t')),
    ("ht\ntp://h/", Forbidden('\n')),
    ("h/\0", Forbidden('\0')),
    ("h/\x7f", Forbidden('\x7f')),
    ("h/\u{85}", Forbidden('\u{85}')),
    (" h", Forbidden(' ')),
    ("h ", Forbidden(' ')),
    ("h/a b", Forbidden(' ')),
    ("h/\u{a0}", Forbidden('\u{a0}')),
    ("exa\u{200b}mple.com", Forbidden('\u{200b}')),
    ("exa\u{ad}mple.com", Forbidden('\u{ad}')),
    ("http:\\\\h\\", Backslash),
    ("h/\\", Backslash),
    ("mailto:/x", Port),
    ("http://u:p@h/", UserInfo),
    ("u:p@h", UserInfo),
    ("u@h", UserInfo),
    ("http://@h/", UserInfo),
    ("http://a@b@h/", UserInfo),
    ("", NoHost),
    ("http://", NoHost),
    ("http:///h", NoHost),
    ("//h", NoHost),
    ("/path", NoHost),
    (":80", NoHost),
    ("http://?q", NoHost),
    ("h:", Port),
    ("h:0", Port),
    ("h:65536", Port),
    ("h:99999999999999999999", Port),
    ("h:+1", Port),
    ("h:1x", Port),
    ("http:h", Port),
    ("0177.0.0.1", NumericHost),
    ("127.0.0.01", NumericHost),
    ("0x7f.0.0.1", NumericHost),
    ("0x7f000001", NumericHost),
    ("2130706433", NumericHost),
    ("127.1", NumericHost),
    ("127.0.0.1.", NumericHost),
    ("1.2.3.4.5", NumericHost),
    ("256.0.0.1", NumericHost),
    ("foo.0x", NumericHost),
    ("foo.9", NumericHost),
    ("%31%32%37.0.0.1", NumericHost),
    ("１２７.0.0.1", NumericHost),
    ("http://8080/", NumericHost),
    ("[fe80::1%25eth0]", Zone),
    ("[::1", Host),
    ("[::g]", Host),
    ("::1", Brackets),
    ("a..b", Host),
    (".a", Host),
    ("h%00", Host),
    ("h%2f.x", Host),
    ("h<x", Host),
    ("1::", Brackets),
    ("2001:db8::1/x", Brackets),
];

#[test]
fn refused() {
    for (typed, want) in REFUSED {
        assert_eq!(Url::parse(typed).as_ref(), Err(want), "{typed:?}");
    }
    assert_eq!(Url::parse(&"a".repeat(64)), Err(Host));
    assert_eq!(Url::parse(&"a.".repeat(127)), Ok(url(&"a.".repeat(127))));
    assert_eq!(Url::parse(&"a.".repeat(128)), Err(Host));
}

#[test]
fn other_schemes_are_refused_by_name() {
    let table = [("ftp://h/", "ftp"), ("unix://x", "unix"), ("file:///etc/passwd", "file")];
    for (typed, name) in table {
        assert_eq!(Url::parse(typed), Err(UrlError::Scheme(name.to_owned())));
    }
}

#[test]
fn errors_never_show_user_info() {
    for typed in ["http://joe:hunter2@h/", "joe:hunter2@h\n", "joe:hunter2/@h", "ftp://joe:hunter2@h", "joe:hunter2"] {
        let error = Url::parse(typed).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2") && !text.contains("joe"), "{text}");
    }
}

#[test]
fn redirects_taken() {
    let table: &[(&str, &[u8], &str)] = &[
        ("h/a/b?c", b"", "http://h/a/b?c"),
        ("h/a/b?c", b"d", "http://h/a/d"),
        ("h/a/b?c", b"../d?e", "http://h/d?e"),
        ("h/a/b?c", b"?e", "http://h/a/b?e"),
        ("h/a/b?c", b"/d#frag", "http://h/d"),
        ("h:81/a", b"/d", "http://h:81/d"),
        ("h:81/a", b"//i/d", "http://i/d"),
        ("https://h/", b"//i/d", "https://i/d"),
        ("h/", b"https://h/", "https://h/"),
        ("h/", b"HTTP://I:80/", "http://i/"),
        ("h/", b"http://i:", "http://i/"),
        ("h/", b"/a b", "http://h/a%20b"),
        ("h/", b"./a:b", "http://h/a:b"),
        ("h/", b"/x?u=ftp://y@z", "http://h/x?u=ftp://y@z"),
        ("h/", "/ü".as_bytes(), "http://h/%C3%BC"),
        ("h/", b"/\xfc", "http://h/%FC"),
        ("127.0.0.1/", b"x", "http://127.0.0.1/x"),
    ];
    for (base, location, want) in table {
        let next = url(base).redirect(location).unwrap_or_else(|e| panic!("{base} {location:?}: {e}"));
        assert_eq!(next.to_string(), *want, "{base} {location:?}");
    }
}

#[test]
fn redirects_refused() {
    let other = |name: &str| RedirectError::Url(UrlError::Scheme(name.to_owned()));
    let table: &[(&str, &[u8], RedirectError)] = &[
        ("https://h/", b"http://h/", RedirectError::Downgrade),
        ("h/", b"ftp://h/", other("ftp")),
        ("h/", b"file:///etc/passwd", other("file")),
        ("h/", b"javascript:alert(1)", other("javascript")),
        ("h/", b"localhost:80/x", other("localhost")),
        ("h/", b"http:x", UrlError::NoHost.into()),
        ("h/", b"http:/x", UrlError::NoHost.into()),
        ("h/", b"///x", UrlError::NoHost.into()),
        ("h/", b"//u:p@i/", UrlError::UserInfo.into()),
        ("h/", b"http://u@i/", UrlError::UserInfo.into()),
        ("h/", b"/\\i", UrlError::Backslash.into()),
        ("h/", b"/a\tb", UrlError::Forbidden('\t').into()),
        ("h/", b"/a\r\nX: y", UrlError::Forbidden('\r').into()),
        ("h/", b"//0x7f.1/", UrlError::NumericHost.into()),
        ("h/", b"//i:0/", UrlError::Port.into()),
        ("h/", b"//a b/", UrlError::Host.into()),
        ("h/", b"//\xff/", UrlError::Host.into()),
    ];
    for (base, location, want) in table {
        assert_eq!(url(base).redirect(location), Err(want.clone()), "{base} {location:?}");
    }
}

#[test]
fn origins() {
    assert_eq!(url("h").origin(), url("http://H:80/x").origin());
    for other in ["https://h", "h:81", "h.", "i", "https://h:80"] {
        assert_ne!(url("h").origin(), url(other).origin(), "{other}");
    }
}

proptest! {
    #[test]
    fn whatever_is_taken_is_safe_to_send(typed in "(http://)?[a-z0-9.:%@\\[\\]/?#\\\\ü\\PC\r\n \t-]{0,40}", location: Vec<u8>) {
        let Ok(first) = Url::parse(&typed) else { return Ok(()) };
        for url in [first.redirect(&location).unwrap_or(first.clone()), first] {
            let sent = format!("{}{}", url.target(), url.host_header());
            prop_assert!(sent.bytes().all(|b| b.is_ascii_graphic()), "{}", sent);
            prop_assert!(url.target().starts_with('/'));
            prop_assert_eq!(Url::parse(&url.to_string()), Ok(url));
        }
    }
}
