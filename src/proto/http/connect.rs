//! CONNECT: a proxy is asked to connect us to somebody, and steps aside (RFC 9110 §9.3.6).
//!
//! Owns the request and what the reply means. Refuses to look behind the reply's head: after a 2xx every byte there is
//! the target's, whatever the head says of a length; and of a refusal the reason is told and the page is not.
//!
//! ```
//! use sockkit::proto::http::connect::{Reply, Step};
//!
//! let mut reply = Reply::default();
//! let mut input: &[u8] = b"HTTP/1.1 200 Connection est";
//! assert_eq!(reply.feed(&mut input)?, Step::NeedMore);
//! let mut input: &[u8] = b"ablished\r\n\r\n220 the target speaks";
//! assert!(matches!(reply.feed(&mut input)?, Step::Open(head) if head.status == 200));
//! assert_eq!(input, b"220 the target speaks");
//! # Ok::<(), sockkit::proto::http::HttpError>(())
//! ```

use super::head::{HeadReader, ResponseHead};
use super::header::Header;
use super::response::MAX_INTERIM;
use super::{HttpError, malformed};
use crate::address::HostPort;
use crate::proto::escape;

/// So much of a proxy's own words is shown.
const SHOWN: usize = 100;

/// The bytes that ask for a connection to `target`; `authorization` is for the proxy, `agent` is sockkit's version.
#[must_use]
pub fn request(target: &HostPort, authorization: Option<&Header>, agent: &str) -> Vec<u8> {
    // The authority-form has the port always (RFC 9112 §3.2.3).
    let mut out = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: sockkit/{agent}\r\n");
    if let Some(header) = authorization {
        header.write(&mut out);
    }
    out.push_str("\r\n");
    out.into_bytes()
}

/// Reads the reply, in pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    reader: HeadReader,
    /// How many interim responses have come.
    interim: usize,
}

/// What the front of the input was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The input is used up.
    NeedMore,
    /// An interim response (1xx); the reply is still to come.
    Interim(ResponseHead),
    /// The way is open: what is left in the input is the target's.
    Open(ResponseHead),
    /// The proxy refuses: [`refusal`] says it in words.
    Refused(ResponseHead),
}

impl Reply {
    /// Takes what comes next from the front of `input` and leaves the rest there.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] or [`HttpError::TooLarge`]; the reader is of no use after that.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Step, HttpError> {
        let Some(head) = self.reader.feed(input)? else { return Ok(Step::NeedMore) };
        match head.status {
            101 => Err(malformed("it switches protocols (101), which was not asked for")),
            100..=199 if self.interim == MAX_INTERIM => {
                Err(HttpError::TooLarge(format!("over {MAX_INTERIM} interim responses")))
            }
            100..=199 => {
                self.interim += 1;
                Ok(Step::Interim(head))
            }
            200..=299 => Ok(Step::Open(head)),
            _ => Ok(Step::Refused(head)),
        }
    }

    /// What it means that the proxy has ended the connection, with all input fed before.
    #[must_use]
    pub fn end_of_input(&self) -> HttpError {
        if self.reader.is_empty() { HttpError::Empty } else { malformed("the connection ended inside its head") }
    }
}

/// Status and reason of a refusal, escaped.
#[must_use]
pub fn refusal(head: &ResponseHead) -> String {
    format!("{} {}", head.status, brief(&head.reason)).trim_end().to_owned()
}

/// What to do about a 407 of a proxy, which was given credentials or not; `None` for any other status.
#[must_use]
pub fn advice(head: &ResponseHead, had_credentials: bool) -> Option<String> {
    if head.status != 407 {
        return None;
    }
    let challenges: Vec<_> = head.all("proxy-authenticate").collect();
    let is_basic = |challenge: &&[u8]| challenge.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"));
    Some(match (challenges.as_slice(), had_credentials) {
        ([_, ..], _) if !challenges.iter().any(is_basic) => {
            format!("it wants {}, and only Basic can be given here", brief(&challenges.join(&b", "[..])))
        }
        (_, true) => "it does not accept the credentials that it was given".into(),
        (_, false) => "credentials for it: --proxy USER@HOST:PORT, and the password in SOCKKIT_PROXY_PASSWORD".into(),
    })
}

/// Escaped, and short: a hostile reply must not fill the screen.
fn brief(words: &[u8]) -> String {
    match words.get(..SHOWN) {
        Some(start) if words.len() > SHOWN => escape(start) + "…",
        _ => escape(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::http::{MAX_HEAD, Proxy};
    use proptest::prelude::*;

    fn target(text: &str) -> HostPort {
        let crate::address::Endpoint::Inet(target) = text.parse().unwrap() else { panic!("{text}") };
        target
    }

    #[test]
    fn requests() {
        let plain = request(&target("h:443"), None, "9");
        assert_eq!(plain, b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nUser-Agent: sockkit/9\r\n\r\n");
        let proxy = Proxy::parse("u:p@p", None).unwrap();
        let known = request(&target("[::1]:80"), proxy.authorization(), "9");
        let wanted = "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\nUser-Agent: sockkit/9\r\nProxy-Authorization: Basic dTpw\r\n\r\n";
        assert_eq!(String::from_utf8(known).unwrap(), wanted);
    }

    type Row<'a> = (String, &'a [u16], Result<&'static str, &'static str>, usize);

    /// What came of `input` in pieces of `size`: the statuses, the outcome, and what is left.
    fn read(input: &[u8], size: usize) -> (Vec<u16>, Result<&'static str, String>, usize) {
        let (mut reply, mut statuses, mut used) = (Reply::default(), Vec::new(), 0);
        for piece in input.chunks(size) {
            let mut rest = piece;
            loop {
                let step = reply.feed(&mut rest);
                let end = match step {
                    Ok(Step::NeedMore) => break,
                    Ok(Step::Interim(head)) => {
                        statuses.push(head.status);
                        continue;
                    }
                    Ok(Step::Open(head)) => (Ok("open"), head.status),
                    Ok(Step::Refused(head)) => (Ok("refused"), head.status),
                    Err(error) => return (statuses, Err(error.to_string()), 0),
                };
                statuses.push(end.1);
                return (statuses, end.0, input.len() - used - (piece.len() - rest.len()));
            }
            used += piece.len();
        }
        (statuses, Err(reply.end_of_input().to_string()), 0)
    }

    #[test]
    fn replies() {
        const OK: &str = "HTTP/1.1 200 Connection established\r\n";
        let table: [Row<'_>; 12] = [
            (format!("{OK}\r\n"), &[200], Ok("open"), 0),
            ("HTTP/1.0 200\r\n\r\n".into(), &[200], Ok("open"), 0),
            ("HTTP/1.1 204 -\r\n\r\nabc".into(), &[204], Ok("open"), 3),
            // No length ends what the target says (RFC 9110 §9.3.6).
            (format!("{OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabcdef"), &[200], Ok("open"), 6),
            (format!("HTTP/1.1 100 -\r\n\r\nHTTP/1.1 103 -\r\n\r\n{OK}\r\n\x16"), &[100, 103, 200], Ok("open"), 1),
            ("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno".into(), &[403], Ok("refused"), 2),
            ("HTTP/1.1 302 -\r\nLocation: http://login/\r\n\r\n".into(), &[302], Ok("refused"), 0),
            ("HTTP/1.1 101 -\r\n\r\n".into(), &[], Err("switches"), 0),
            ("HTTP/1.1 100 -\r\n\r\n".repeat(11), &[100; 10], Err("10 interim"), 0),
            (String::new(), &[], Err("sent nothing"), 0),
            ("HTTP/1.1 200 OK\r\n".into(), &[], Err("inside its head"), 0),
            ("SSH-2.0-x\r\n".into(), &[], Err("begins with \"S\""), 0),
        ];
        for (input, statuses, outcome, left) in table {
            for size in [1, 2, 7, input.len().max(1)] {
                let (seen, came, behind) = read(input.as_bytes(), size);
                assert_eq!((seen.as_slice(), behind), (statuses, left), "{input}");
                match (came, outcome) {
                    (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                    (came, outcome) => assert_eq!(came, outcome.map_err(str::to_owned), "{input}"),
                }
            }
        }
        let endless = format!("{OK}X: {}", "x".repeat(MAX_HEAD));
        assert!(read(endless.as_bytes(), 1000).1.unwrap_err().contains("too large"));
    }

    fn head(text: &str) -> ResponseHead {
        let Ok(Step::Refused(head)) = Reply::default().feed(&mut text.as_bytes()) else { panic!("{text}") };
        head
    }

    #[test]
    fn refusals_are_escaped_and_short() {
        assert_eq!(refusal(&head("HTTP/1.1 403 No\u{202e}\r\n\r\n")), "403 No\\u{202e}");
        assert_eq!(refusal(&head("HTTP/1.1 502\r\n\r\n")), "502");
        assert!(refusal(&head(&format!("HTTP/1.1 500 {}\r\n\r\n", "x".repeat(9999)))).len() < 120);
    }

    #[test]
    fn what_to_do_about_407() {
        assert_eq!(advice(&head("HTTP/1.1 403 -\r\n\r\n"), false), None);
        let table = [
            ("", false, "SOCKKIT_PROXY_PASSWORD"),
            ("Proxy-Authenticate: Basic realm=\"x\"\r\n", false, "SOCKKIT_PROXY_PASSWORD"),
            ("Proxy-Authenticate: NTLM\r\nProxy-Authenticate: basic\r\n", true, "does not accept"),
            ("Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n", false, "it wants Negotiate, NTLM"),
        ];
        for (fields, had, part) in table {
            let advice = advice(&head(&format!("HTTP/1.1 407 -\r\n{fields}\r\n")), had).unwrap();
            assert!(advice.contains(part), "{fields}: {advice}");
        }
    }

    proptest! {
        /// DESIGN §4.7: split at any byte gives the same result, and nothing behind the head is taken.
        #[test]
        fn pieces_of_any_size_give_the_same(
            parts in prop::collection::vec(prop::sample::select(vec![
                "HTTP/1.1 100 -\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 407 No\r\n", "Via: x\r\n", "\r\n", "\r", "\n", "\0",
                "HTTP/1.1 ", "200", " ", "Content-Length: 5\r\n", "abc", "\x16\x03\x01",
            ]), 0..12),
            size in 1_usize..40,
        ) {
            let input = parts.concat();
            prop_assert_eq!(read(input.as_bytes(), size), read(input.as_bytes(), input.len().max(1)));
        }

        #[test]
        fn no_bytes_do_harm(bytes: Vec<u8>, size in 1_usize..9) {
            let with_start = [b"HTTP/1.1 200 ".as_slice(), &bytes].concat();
            prop_assert_eq!(read(&with_start, size), read(&with_start, with_start.len()));
            prop_assert_eq!(read(&bytes, size), read(&bytes, bytes.len().max(1)));
        }
    }
}
