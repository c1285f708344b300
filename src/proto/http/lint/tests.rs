//! Responses that are as they should be, and one with each thing that can be wrong. Owns no behaviour.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::proto::http::{Event, HeadReader, HttpError, Method, Response};

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: HttpDate = HttpDate::from_unix(784_111_777);
const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/// The findings as they are shown.
fn findings(url: &str, head: impl AsRef<[u8]>, change: impl Fn(&mut Seen<'_>)) -> Vec<String> {
    let url = Url::parse(url).unwrap();
    let asked = Asked { method: "GET", url: &url, http10: false, close: false, range: false, now: NOW };
    let mut seen = Seen { asked, head: head.as_ref(), body: Body::default() };
    change(&mut seen);
    lint(&seen).iter().map(ToString::to_string).collect()
}

/// The findings on a head that is whole but for these lines.
fn of(status: &str, fields: &str) -> Vec<String> {
    let head = format!("HTTP/1.1 {status}\r\n{DATE}{fields}\r\n");
    findings("http://h.example/dir/", head, |seen| seen.asked.range = status.starts_with("206"))
}

#[track_caller]
fn assert_one(seen: &[String], want: &str, about: &str) {
    assert!(seen.len() == 1 && seen[0].starts_with(want.split(" | ").next().unwrap_or_default()), "{about}: {seen:#?}");
    assert!(want.split(" | ").all(|part| seen[0].contains(part)), "{about}: {seen:#?} / {want}");
}

#[test]
fn what_is_as_it_should_be() {
    let table = [
        (
            "200 OK",
            "Content-Length: 5\r\nContent-Type: text/plain; charset=utf-8\r\nServer: so/1 (much) to/2 say/3\r\n",
        ),
        ("200 ", "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"),
        ("200 OK", "Content-Length: 5\r\nETag: W/\"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAge: 0\r\n"),
        ("200 OK", "Content-Length: 5\r\nX-Made-Up: x\r\nX-Made-Up: y\r\nCache-Control: a\r\nCache-Control: b\r\n"),
        ("200 OK", "Content-Length: 5\r\nUpgrade: h2\r\nConnection: Upgrade, Keep-Alive\r\nContent-Encoding: gzip\r\n"),
        (
            "200 OK",
            "Content-Length: 5\r\nSet-Cookie: a=b\r\nSet-Cookie: b=\"c\"; Path=/; Domain=.H.example; HttpOnly\r\n",
        ),
        (
            "200 OK",
            "Content-Length: 5\r\nSet-Cookie: a=; Max-Age=-1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax\r\n",
        ),
        ("204 No Content", ""),
        ("206 Partial", "Content-Length: 5\r\nContent-Range: bytes 0-4/10\r\n"),
        ("206 Partial", "Content-Length: 5\r\nContent-Type: Multipart/Byteranges; boundary=x\r\n"),
        ("201 Created", "Content-Length: 0\r\nLocation: new?a=b#c\r\n"),
        ("301 Moved", "Content-Length: 0\r\nLocation: //other:81/%20\r\n"),
        ("302 Found", "Content-Length: 0\r\nLocation: mailto:x@y\r\n"),
        ("304 Not Modified", "ETag: \"\"\r\nContent-Length: 5\r\n"),
        ("401 No", "Content-Length: 0\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"),
        ("405 No", "Content-Length: 0\r\nAllow:\r\n"),
        ("503 No", "Content-Length: 0\r\nRetry-After: 120\r\n"),
        ("503 No", "Content-Length: 0\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
    ];
    for (status, fields) in table {
        assert_eq!(of(status, fields), <[&str; 0]>::default(), "{status} {fields}");
    }
}

#[test]
fn heads() {
    let good = |fields: &str| format!("HTTP/1.1 204 -\r\n{DATE}{fields}\r\n");
    let started = |start: &str| format!("{start}\r\n{DATE}Content-Length: 0\r\n\r\n");
    let table = [
        (String::new(), "error: there is no status line | 9112 §4"),
        ("\r\n".into(), "error: there is no status line"),
        ("SSH-2.0-x\r\n".into(), r#"error: it begins with "SSH-2.0-x", which is no"#),
        ("HTT".into(), r#"error: it begins with "HTT""#),
        (
            started("http/1.1 200 OK"),
            "error: the status line \"http/1.1 200 OK\" has HTTP in small letters | 9112 §2.3",
        ),
        (started("HTTP/1.2 200 OK"), "error: it is HTTP/1.2, a version that does not exist | 9110 §2.5"),
        (started("HTTP/2.0 200 OK"), "error: it has the grammar of HTTP/1.1 and names another | 9112 §2.3"),
        (started("HTTP/1.10 200 OK"), "error: the version \"1.10\" is not two digits | 9112 §2.3"),
        (started("HTTP/1.1 200"), "error: the status line has no space behind | 9112 §4"),
        (started("HTTP/1.1 200 a\x1bb"), r#"error: the reason phrase "a\x1bb" holds a control"#),
        (started("HTTP/1.1 700 x"), "error: the status code 700 is not between 100 and 599 | 9110 §15"),
        (started("HTTP/1.1 099 x"), "error: the status code 099 is not between"),
        (started("HTTP/1.1 2e2 x"), "error: the status code \"2e2\" is not three digits | 9112 §4"),
        (started("HTTP/1.1  200 x"), "error: the status code \"\" is not three digits"),
        (format!("\r\n\r\n{}", good("")), "error: 2 empty lines stand before the status line | 9112 §2.2"),
        (good("").replace("\r\n", "\n"), "error: 3 lines of the head end in LF without CR | 9112 §2.2"),
        (good("A: b\n"), "error: 1 lines of the head end in LF"),
        (good("").trim_end().into(), "error: the head ends without its empty line | 9112 §8"),
        (good("A: b\r\n c\r\n"), "error: the field \"A\" goes on in another line (obsolete folding) | 9112 §5.2"),
        (
            good("").replacen("Date", " Date: x\r\nDate", 1),
            "error: the line \" Date: x\" begins with white space, before",
        ),
        (good("A : b\r\n"), "error: the line \"A : b\" has white space before its colon | 9112 §5.1"),
        (good("A\t: b\r\n"), "error: the line \"A\\t: b\" has white space before its colon"),
        (good("A b\r\n"), "error: the line \"A b\" has no colon | 9112 §5"),
        (good(": b\r\n"), "error: the line \": b\" has no name | 9110 §5.1"),
        (good("A(): b\r\n"), "error: the line \"A(): b\" has a character in its name | 9110 §5.1"),
        (good("A: b\rc\r\n"), "error: the field \"A\" holds a CR without LF | 9112 §2.2"),
        (good("A: \0\r\n"), "error: the field \"A\" holds a control character | 9110 §5.5"),
        (good("A: ü\r\n"), "note: the field \"A\" holds bytes outside of ASCII | 9110 §5.5"),
        // What is wrong is shown without its secrets.
        (good("Cookie : hunter2\r\n"), "error: the line \"Cookie : ***\" has white space"),
    ];
    for (head, want) in table {
        assert_one(&findings("http://h/", &head, |_| {}), want, &head);
    }
}

#[test]
fn framing() {
    let table = [
        ("200 OK", "", "warning: only the end of the connection ends the body | 9112 §6.3"),
        (
            "200 OK",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "warning: the Content-Length is given 2 times | 9110 §8.6",
        ),
        ("200 OK", "Content-Length: 5, 5, 5\r\n", "warning: the Content-Length is given 3 times"),
        ("200 OK", "Content-Length: 5\r\nContent-Length: 6\r\n", "error: 2 Content-Lengths differ | 9112 §6.3"),
        ("200 OK", "Content-Length: 5, 6, 5\r\n", "error: 3 Content-Lengths differ"),
        ("200 OK", "Content-Length: +5\r\n", "error: the Content-Length \"+5\" is no number of bytes | 9110 §8.6"),
        ("200 OK", "Content-Length:\r\n", "error: the Content-Length \"\" is no number"),
        ("200 OK", "Content-Length: 18446744073709551616\r\n", "error: the Content-Length \"1844"),
        ("200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "error: both Content-Length and | 9112 §6.2"),
        (
            "200 OK",
            "Transfer-Encoding: gzip, chunked\r\n",
            "error: the Transfer-Encoding \"gzip\" was not asked for | §7.4",
        ),
        ("200 OK", "Transfer-Encoding: identity\r\n", "error: the Transfer-Encoding \"identity\" was not"),
        ("200 OK", "Transfer-Encoding: chunked, chunked\r\n", "error: the body is chunked 2 times | 9112 §6.1"),
        ("200 OK", "Transfer-Encoding:\r\n", "error: the Transfer-Encoding is empty | 9112 §6.1"),
        ("204 -", "Content-Length: 0\r\n", "error: a Content-Length in a 204, which has no body | 9110 §8.6"),
        ("204 -", "Transfer-Encoding: chunked\r\n", "error: a Transfer-Encoding in a 204, which has no | 9112 §6.1"),
        ("205 -", "Content-Length: 3\r\n", "error: a 205 with a body | 9110 §15.3.6"),
        ("304 -", "Content-Length: 0\r\n", "warning: the 304 says by Content-Length: 0 that | 9110 §8.6"),
    ];
    for (status, fields, want) in table {
        assert_one(&of(status, fields), want, fields);
    }
}

#[test]
fn fields() {
    let table = [
        (
            "Content-Type: a/b\r\ncontent-type: c/d\r\n",
            "error: Content-Type stands 2 times, and it has one | 9110 §5.3",
        ),
        ("ETag: \"a\"\r\nETag: \"b\"\r\n", "error: ETag stands 2 times"),
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "error: Date stands 2 times"),
        ("Last-Modified: yesterday\r\n", "error: Last-Modified is \"yesterday\", which is no date | 9110 §5.6.7"),
        (
            "Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT\r\n",
            "error: Last-Modified is \"Sunday, | an obsolete form of date",
        ),
        ("Last-Modified: Mon, 06 Nov 1994 08:49:37 GMT\r\n", "warning: Last-Modified is | falls on another day"),
        ("Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\n", "error: Last-Modified is later than Date | 9110 §8.8.2.1"),
        ("Expires: 0\r\n", "warning: Expires is \"0\", which is no date | 9111 §5.3"),
        ("Expires: Sun Nov  6 08:49:37 1994\r\n", "error: Expires is | obsolete"),
        ("Content-Type: text\r\n", "error: the Content-Type \"text\" is not TYPE/SUBTYPE | 9110 §8.3.1"),
        ("Content-Type:\r\n", "error: the Content-Type \"\" is not"),
        ("Content-Type: a/b/c\r\n", "error: the Content-Type \"a/b/c\" is not"),
        ("Content-Encoding: identity\r\n", "warning: the Content-Encoding identity | 9110 §8.4"),
        ("Content-Encoding: a b\r\n", "error: the Content-Encoding \"a b\" is no token | 9110 §8.4.1"),
        ("ETag: abc\r\n", "error: ETag is \"abc\", which is not a quoted entity tag | 9110 §8.8.3"),
        ("ETag: w/\"a\"\r\n", "error: ETag is"),
        ("ETag: \"a b\"\r\n", "error: ETag is"),
        ("Age: 1.5\r\n", "error: Age is \"1.5\", which is not a number of seconds | 9111 §5.1"),
        ("Retry-After: soon\r\n", "error: Retry-After is \"soon\", which is not a number of seconds or | 9110 §10.2.3"),
        ("Content-Location: a b\r\n", "error: Content-Location is \"a b\", which is not a URL | 9110 §8.7"),
        ("Allow: GET, a b\r\n", "error: Allow names \"a b\", which is no method | 9110 §10.2.1"),
        ("Strict-Transport-Security: max-age=1\r\n", "error: a Strict-Transport-Security over plain http | 6797 §7.2"),
        ("Content-Range: bytes 0-4/5\r\n", "warning: a Content-Range where it says nothing | 9110 §14.4"),
        ("Location: /x\r\n", "note: a Location in a 200, where it says nothing | 9110 §10.2.2"),
        ("Connection: a b\r\n", "error: the Connection option \"a b\" is no token | 9110 §7.6.1"),
        (
            "Connection: Cache-Control\r\n",
            "error: Connection names \"Cache-Control\", which is for everybody | 9110 §7.6.1",
        ),
        ("Upgrade: h2\r\n", "error: an Upgrade that Connection does not name | 9110 §7.8"),
        ("Keep-Alive: timeout=5\r\n", "error: a Keep-Alive that Connection does not name | 9110 §7.6.1"),
    ];
    for (fields, want) in table {
        assert_one(&of("200 OK", &format!("Content-Length: 0\r\n{fields}")), want, fields);
    }
}

#[test]
fn statuses() {
    let table = [
        ("301 -", "", "warning: a 301 without Location: there is nowhere to go | 9110 §15.4"),
        ("308 -", "", "warning: a 308 without Location"),
        (
            "302 -",
            "Location: /a\\b\r\n",
            "error: the Location \"/a\\b\" holds \"\\\", which no URL does | 9110 §10.2.2",
        ),
        (
            "302 -",
            "Location: http://h:99999/\r\n",
            "error: the Location \"http://h:99999/\" leads nowhere: the URL's port",
        ),
        (
            "302 -",
            "Location: http:///x\r\n",
            "error: the Location \"http:///x\" leads nowhere: the URL has no host (RFC",
        ),
        (
            "302 -",
            "Location: http://u:hunter2@h/\r\n",
            "error: the Location \"http://***@h/\" holds user info | 9110 §4.2.4",
        ),
        ("302 -", "Location:\r\n", "warning: the Location is empty: it leads to itself"),
        ("302 -", "Location: /a\r\nLocation: /b\r\n", "error: Location stands 2 times | 9110 §5.3"),
        ("401 -", "", "error: a 401 without WWW-Authenticate | 9110 §15.5.2"),
        ("405 -", "", "error: a 405 without Allow | 9110 §15.5.6"),
        ("407 -", "", "error: a 407 without Proxy-Authenticate | 9110 §15.5.8"),
        ("416 -", "", "warning: a 416 without Content-Range | 9110 §15.5.17"),
        ("426 -", "", "error: a 426 without Upgrade | 9110 §15.5.22"),
        ("206 -", "", "error: a 206 without Content-Range | 9110 §15.3.7.1"),
        (
            "206 -",
            "Content-Range: items 0-1/2\r\n",
            "error: Content-Range is \"items 0-1/2\", which is not a range | §14.4",
        ),
        (
            "206 -",
            "Content-Type: multipart/byteranges; boundary=x\r\nContent-Range: bytes 0-1/2\r\n",
            "error: a Content-Range beside multipart/byteranges | 9110 §15.3.7.2",
        ),
    ];
    for (status, fields, want) in table {
        assert_one(&of(status, &format!("Content-Length: 0\r\n{fields}")), want, fields);
    }
    assert_one(&of("101 -", ""), "error: a 101, and no Upgrade was asked for | 9110 §7.8", "");
    let part = format!("HTTP/1.1 206 -\r\n{DATE}Content-Length: 1\r\nContent-Range: bytes 0-0/1\r\n\r\n");
    assert_one(&findings("http://h/", &part, |_| {}), "error: a 206, and no Range | 9110 §14.2", "");
}

#[test]
fn cookies() {
    let table = [
        ("hunter2", "error: a Set-Cookie without NAME=VALUE | 6265 §4.1.1"),
        ("=hunter2", "error: a cookie without a name | 6265 §4.1.1"),
        ("a b=hunter2", "error: the cookie \"a b\" has a character in its name | 6265 §4.1.1"),
        ("a=hunter2 x", "warning: the value of the cookie \"a\" holds a space | 6265 §4.1.1"),
        ("a=hunter2,x", "warning: the value of the cookie \"a\" holds"),
        ("a=1; Path=/, b=2", "warning: the \"Path\" of the cookie \"a\" holds a comma | 6265 §3"),
        ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "warning: the cookie \"a\" expires at \"Thu, | 6265 §4.1.1"),
        ("a=1; Max-Age=1h", "warning: the Max-Age \"1h\" of the cookie \"a\" is no number"),
        (
            "a=1; Domain=other",
            "warning: the cookie \"a\" is for the domain \"other\", which this host is not in | 6265 §5.3",
        ),
        ("a=1; Domain=xh.example", "warning: the cookie \"a\" is for the domain"),
        ("a=1; Path=x", "warning: the path \"x\" of the cookie \"a\" does not begin with a slash | 6265 §5.2.4"),
        ("a=1; Secure", "warning: the cookie \"a\" is Secure and was set over plain http | 6265 §4.1.2.5"),
        ("a=1; SameSite=None", "warning: the cookie \"a\" is SameSite=None and not Secure | 6265bis §4.1.2.7"),
        ("a=1; SameSite=x", "warning: the SameSite \"x\" of the cookie \"a\" is not Strict"),
        ("__Secure-a=1", "warning: the cookie \"__Secure-a\" lacks what its prefix promises | 6265bis §4.1.3"),
        ("a=1; Path=/\r\nSet-Cookie: a=2; path=/", "warning: the cookie \"a\" is set twice | 6265 §4.1.1"),
    ];
    for (cookie, want) in table {
        let seen = of("200 OK", &format!("Content-Length: 0\r\nSet-Cookie: {cookie}\r\n"));
        assert_one(&seen, want, cookie);
        assert!(!seen[0].contains("hunter2"), "{seen:?}");
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\n{DATE}Content-Length: 0\r\nSet-Cookie: __Host-a=1; Secure; Path=/; SameSite=None\r\n\r\n"
    );
    assert_eq!(findings("https://h/", &head, |_| {}), <[&str; 0]>::default());
    let head = head.replace("; Path=/", "");
    assert_one(&findings("https://h/", &head, |_| {}), "warning: the cookie \"__Host-a\" lacks", "");
}

type Change = fn(&mut Seen<'_>);

#[test]
fn requests_and_bodies() {
    const FIVE: &str = "Content-Length: 5\r\n";
    const CLOSE: &str = "Content-Length: 5\r\nConnection: close\r\n";
    use Afterwards::{Closed, Open};
    let table: [(&str, Change, &str); 19] = [
        (FIVE, |s| s.body.received = 5, "warning: there is a body and no Content-Type | 9110 §8.3"),
        (FIVE, |s| s.body.end = BodyEnd::Cut, "error: the body was cut: 0 of 5 bytes came | 9112 §8"),
        (
            "Transfer-Encoding: chunked\r\n",
            |s| s.body.end = BodyEnd::Cut,
            "error: the body was cut: 0 bytes came, and no",
        ),
        (FIVE, |s| s.body.surplus = 3, "error: 3 bytes came behind the end of the body | 9112 §6.3"),
        (FIVE, |s| s.body.afterwards = Closed, "warning: it closes and has not said Connection: close | 9112 §9.6"),
        (CLOSE, |s| s.body.afterwards = Open, "error: it says Connection: close and stays open | 9112 §9.6"),
        (FIVE, |s| s.asked.close = true, "warning: the response to Connection: close does not say close | 9112 §9.6"),
        (
            CLOSE,
            |s| (s.asked.close, s.body.afterwards) = (true, Open),
            "error: Connection: close was ignored: the connection stays open | 9112 §9.6",
        ),
        (
            "Content-Length: 5\r\nConnection: keep-alive\r\n",
            |s| s.body.afterwards = Closed,
            "warning: it says keep-alive and closes",
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            |s| s.asked.http10 = true,
            "error: a Transfer-Encoding in the response to | §6.1",
        ),
        (
            FIVE,
            |s| (s.asked.method, s.body.get_length) = ("HEAD", Some(6)),
            "error: the Content-Length says 5, and the body of a GET has 6 bytes | 9110 §8.6",
        ),
        (
            FIVE,
            |s| (s.asked.method, s.body.surplus) = ("HEAD", 5),
            "error: 5 bytes came behind a response that has no body",
        ),
        (FIVE, |s| s.asked.now = HttpDate::from_unix(0), "note: Date is 784111777 s ahead of this machine's clock"),
        (FIVE, |s| s.asked.now = HttpDate::from_unix(NOW.unix() + 301), "note: Date is 301 s behind this machine's"),
        // None of these is a fault.
        (CLOSE, |s| s.body.afterwards = Closed, ""),
        (CLOSE, |s| (s.asked.close, s.body.afterwards) = (true, Closed), ""),
        (FIVE, |s| s.body.afterwards = Open, ""),
        (FIVE, |s| (s.asked.method, s.body.get_length) = ("HEAD", Some(5)), ""),
        ("Age: 9\r\nContent-Length: 5\r\n", |s| s.asked.now = HttpDate::from_unix(NOW.unix() + 301), ""),
    ];
    for (fields, change, want) in table {
        let head = format!("HTTP/1.1 200 OK\r\n{DATE}{fields}\r\n");
        let seen = findings("http://h/", &head, change);
        if want.is_empty() {
            assert_eq!(seen, <[&str; 0]>::default(), "{fields}");
        } else {
            assert_one(&seen, want, fields);
        }
    }
}

#[test]
fn a_server_of_http_1_0() {
    let head = |fields: &str| format!("HTTP/1.0 200 OK\r\n{DATE}{fields}\r\n");
    let seen = |fields: &str, change: Change| findings("http://h/", head(fields), change);
    assert_eq!(seen("", |s| (s.asked.close, s.body.afterwards) = (true, Afterwards::Closed)), <[&str; 0]>::default());
    assert_one(&seen("", |s| s.body.afterwards = Afterwards::Open), "warning: an HTTP/1.0 connection stays | §9.3", "");
    assert_one(&seen("Transfer-Encoding: chunked\r\n", |_| {}), "error: a Transfer-Encoding in an HTTP/1.0 | §6.1", "");
}

#[test]
fn date_is_missed_where_it_is_due() {
    for (status, due) in [(200, true), (302, true), (404, true), (500, false), (100, false)] {
        let head = format!("HTTP/1.1 {status} -\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
        let seen = findings("http://h/", &head, |_| {});
        assert_eq!(seen.iter().any(|f| f.starts_with("warning: Date is missing")), due, "{seen:?}");
    }
}

fn watched(pieces: &[&[u8]]) -> Vec<String> {
    let mut watch = ChunkWatch::default();
    for piece in pieces {
        watch.feed(piece);
    }
    watch.findings().iter().map(ToString::to_string).collect()
}

#[test]
fn chunks() {
    let table: &[(&[u8], &[&str])] = &[
        (b"5\r\nhello\r\n0\r\n\r\n", &[]),
        (b"A\r\n0123456789\r\n000\r\nX: y\r\n\r\nleft over", &[]),
        (b"5;a=b\r\nhello\r\n0;c\r\n\r\n", &["note: the chunks have extensions (RFC 9112 §7.1.1)"]),
        (
            b"5\nhello\n0\n\n",
            &["error: a line of the chunked framing ends in LF", "error: a chunk ends in LF without CR"],
        ),
        (b"5 \r\nhello\r\n 0\r\n\r\n", &["error: a chunk size has white space around it (RFC 9112 §7.1)"]),
        (b"+5\r\nhello", &["error: the chunk size \"+5\" is no hexadecimal number (RFC 9112 §7.1)"]),
        (b"\r\nhello", &["error: the chunk size \"\" is no"]),
        (b"11111111111111111\r\nx", &["warning: a chunk size has more digits", "error: the chunk size \"1111"]),
        (b"00000000000000001\r\nx\r\n0\r\n\r\n", &["warning: a chunk size has more digits than any size needs"]),
        (b"5;\x01\r\nhello", &["error: a chunk extension holds a control character"]),
        (b"5\r\nhello!\r\n", &["error: \"!\" stands where a chunk should end in CR LF (RFC 9112 §7.1)"]),
        (b"5\r\nhello\r5\r\n", &["error: \"5\" stands where"]),
        (
            b"0\r\nContent-Length: 5\r\n\r\n",
            &["error: the trailer \"Content-Length\" may not be one (RFC 9110 §6.5.1)"],
        ),
        (
            b"0\r\nA\r\nB : c\r\n\r\n",
            &["error: the trailer \"A\" has no colon", "error: the trailer \"B : c\" has no valid"],
        ),
        (b"0\r\n\rX", &["error: the chunked framing holds a CR without LF (RFC 9112 §2.2)", "error: the trailer"]),
        (b"5\r\nhello\r\ng", &["error: the chunk size \"g\" is no"]),
        (b"0\r\nA", &[]),
        (b"0\r\n\r", &[]),
        (b"0\r\nA\r", &["error: the trailer \"A\" has no colon"]),
        (b"\r", &["error: the chunk size \"\" is no"]),
        (b"0\r\nA: \0\r\n\r\n", &["error: the trailer \"A\" holds a control"]),
        (b"0\r\nSet-Cookie : hunter2\r\n\r\n", &["error: the trailer \"Set-Cookie : ***\" has no valid name"]),
    ];
    for (bytes, want) in table {
        let seen = watched(&[bytes]);
        assert_eq!(seen.len(), want.len(), "{}: {seen:#?}", bytes.escape_ascii());
        assert!(seen.iter().zip(*want).all(|(seen, want)| seen.starts_with(want)), "{seen:#?} / {want:?}");
        assert_eq!(watched(&bytes.chunks(1).collect::<Vec<_>>()), seen);
    }
}

#[test]
fn findings_are_bounded() {
    let head = format!("HTTP/1.1 200 OK\r\n{DATE}{}\r\n", "A(: b\r\n".repeat(1000));
    let seen = findings("http://h/", &head, |_| {});
    assert_eq!(seen.len(), MAX_FINDINGS + 1);
    assert!(seen[MAX_FINDINGS].starts_with("note: and 901 more findings"), "{:?}", seen.last());
    let mut watch = ChunkWatch::default();
    watch.feed(b"0\r\n");
    (0..1000).for_each(|_| watch.feed(b"A\r\n"));
    assert_eq!(watch.findings().len(), MAX_FINDINGS + 1);
}

/// Bytes that are likely to break something.
fn damaged(mut bytes: Vec<u8>, damage: &[(Index, u8)]) -> Vec<u8> {
    for (at, byte) in damage {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

fn damage() -> impl Strategy<Value = Vec<(Index, u8)>> {
    let byte = prop::sample::select(b"\0\r\n \t:;0f+,x/\"=\xff".to_vec());
    prop::collection::vec((any::<Index>(), byte), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever head the strict reader refuses, lint says why, and what it says can be printed.
    #[test]
    fn no_malformed_head_goes_without_an_error(
        fields in prop::collection::vec("(Set-Cookie|ETag|Location|Date|Allow|X-[a-z]{1,3}): ?[ -~]{0,12}\r\n", 0..5),
        damage in damage(),
    ) {
        let head = damaged(format!("HTTP/1.1 302 Found\r\n{}\r\n", fields.concat()).into_bytes(), &damage);
        let seen = findings("http://h/", &head, |_| {});
        for text in &seen {
            prop_assert_eq!(&crate::proto::escape(text.as_bytes()), text);
        }
        let strict = HeadReader::default().feed(&mut &head[..]);
        let refused = matches!(strict, Err(HttpError::Malformed(_)) | Ok(None));
        prop_assert!(!refused || seen.iter().any(|text| text.starts_with("error")), "{:?}\n{:#?}", strict, seen);
    }

    /// The same for chunked bodies, and what the strict reader takes has no worse than extensions.
    #[test]
    fn no_malformed_chunk_goes_without_a_finding(
        chunks in prop::collection::vec(("0{0,17}", "[a-z]{1,20}", "|;[a-z]{1,3}|;\t"), 0..4),
        trailer in "|X: [a-z]{0,3}\r\n",
        damage in damage(),
        cuts: Vec<Index>,
    ) {
        let chunk = |(zeros, data, ext): &(String, String, String)| format!("{zeros}{:x}{ext}\r\n{data}\r\n", data.len());
        let chunks = chunks.iter().map(chunk).collect::<Vec<_>>().concat();
        let body = damaged(format!("{chunks}0\r\n{trailer}\r\n").into_bytes(), &damage);
        let mut response = Response::new(Method::Get);
        let mut input = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..];
        prop_assert!(matches!(response.feed(&mut input), Ok(Event::Head(_))));
        let mut input = &body[..];
        let strict = loop {
            match response.feed(&mut input) {
                Ok(Event::Data(_)) => {}
                other => break other.map(|event| event == Event::Done),
            }
        };
        let seen = watched(&[&body]);
        match strict {
            Err(_) => prop_assert!(seen.iter().any(|text| !text.starts_with("note")), "{:?}\n{:#?}", strict, seen),
            Ok(true) => prop_assert!(seen.iter().all(|text| text.contains("extensions") || text.contains("may not be one")), "{:#?}", seen),
            Ok(false) => {}
        }
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        at.extend([0, body.len()]);
        at.sort_unstable();
        prop_assert_eq!(watched(&at.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect::<Vec<_>>()), seen);
    }
}
