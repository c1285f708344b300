//! Any bytes as a chunked body: its decoder never panics and gives the same whole or cut in two, what it decodes fits
//! into what it took, and lint has a finding for whatever it refuses.
//!
//! The first two bytes of the input say where the rest is cut. How to run it: see `fuzz/README.md`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockkit::proto::http::lint::{ChunkWatch, Severity};
use sockkit::proto::http::{End, Event, HttpError, Method, Response};

/// The body, how many bytes were left over, the end, and why what came was refused, if it was: an end that is missing
/// is nothing that a watcher of the bytes could find.
type Told = (Vec<u8>, Result<(usize, End), HttpError>, Option<HttpError>);

fn read(pieces: &[&[u8]]) -> Told {
    let mut response = Response::new(Method::Get);
    let mut input = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..];
    assert!(matches!(response.feed(&mut input), Ok(Event::Head(_))));
    let (mut body, mut left) = (Vec::new(), 0);
    for piece in pieces {
        let mut input = *piece;
        while let Ok(event) = response.feed(&mut input) {
            match event {
                Event::Data(data) => body.extend_from_slice(data),
                Event::NeedMore | Event::Done => break,
                Event::Head(_) => panic!("a second head"),
            }
        }
        left += input.len();
    }
    assert_eq!(response.received(), body.len() as u64);
    let end = response.end_of_input().map(|end| (left, end));
    (body, end, response.feed(&mut &[][..]).err())
}

fn watched(pieces: &[&[u8]]) -> ChunkWatch {
    let mut watch = ChunkWatch::default();
    for piece in pieces {
        watch.feed(piece);
    }
    watch
}

fuzz_target!(|data: &[u8]| {
    let Some(([a, b], bytes)) = data.split_first_chunk().map(|(cut, rest)| (*cut, rest)) else { return };
    let cut = usize::from(u16::from_be_bytes([a, b])) % (bytes.len() + 1);
    let pieces = [&bytes[..cut], &bytes[cut..]];
    let told = read(&[bytes]);
    assert_eq!(read(&pieces), told, "cut at {cut}");
    let (body, _, refused) = told;
    assert!(body.len() <= bytes.len());

    let findings = watched(&[bytes]).findings();
    assert_eq!(watched(&pieces).findings(), findings, "cut at {cut}");
    if let Some(HttpError::Malformed(why)) = refused {
        assert!(findings.iter().any(|finding| finding.severity < Severity::Note), "{why}: {findings:?}");
    }
});
