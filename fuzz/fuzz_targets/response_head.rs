//! Any bytes as a response: its reader never panics, gives the same whole or cut in two, and lint has an error for
//! whatever head it refuses.
//!
//! The first two bytes of the input say where the rest is cut. How to run it: see `fuzz/README.md`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockkit::proto::escape;
use sockkit::proto::http::date::HttpDate;
use sockkit::proto::http::lint::{Asked, Body, Seen, Severity, lint};
use sockkit::proto::http::{End, Event, HeadReader, HttpError, Method, Response, ResponseHead, Url};

/// All that a caller can see of a response.
type Told = (Option<ResponseHead>, Vec<u8>, Result<End, HttpError>);

fn read(pieces: &[&[u8]]) -> Told {
    let mut response = Response::new(Method::Get);
    let (mut head, mut body) = (None, Vec::new());
    for piece in pieces {
        let mut input = *piece;
        loop {
            match response.feed(&mut input) {
                Ok(Event::Head(new)) => assert!(head.replace(new).is_none(), "a second head"),
                Ok(Event::Data(data)) => body.extend_from_slice(data),
                Ok(Event::NeedMore) => {
                    assert!(input.is_empty(), "more is needed, and some is left");
                    break;
                }
                Ok(Event::Done) | Err(_) => break,
            }
        }
    }
    assert_eq!(response.received(), body.len() as u64);
    (head, body, response.end_of_input())
}

fuzz_target!(|data: &[u8]| {
    let Some(([a, b], bytes)) = data.split_first_chunk().map(|(cut, rest)| (*cut, rest)) else { return };
    let cut = usize::from(u16::from_be_bytes([a, b])) % (bytes.len() + 1);
    assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]), read(&[bytes]), "cut at {cut}");

    let url = Url::parse("http://h.example/").expect("it is a URL");
    let now = HttpDate::from_unix(784_111_777);
    let asked = Asked { method: "GET", url: &url, http10: false, close: true, range: false, now };
    let findings = lint(&Seen { asked, head: bytes, body: Body::default() });
    for finding in &findings {
        assert_eq!(escape(finding.text.as_bytes()), finding.text, "not fit to print");
    }
    if let Err(HttpError::Malformed(why)) = HeadReader::default().feed(&mut &bytes[..]) {
        assert!(findings.iter().any(|finding| finding.severity == Severity::Error), "{why}: {findings:?}");
    }
});
