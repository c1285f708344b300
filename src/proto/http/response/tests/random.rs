//! Random heads and chunked bodies: all that was written is read, wherever the bytes are cut. Owns no behaviour.

use super::*;
use crate::proto::http::{Field, Version};

/// A response as it was made up, and its bytes.
#[derive(Clone, Debug)]
struct Made {
    bytes: Vec<u8>,
    head: ResponseHead,
    body: Vec<u8>,
}

/// White space that may stand around a value, and does not belong to it.
fn ows() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b" \t".to_vec()), 0..3)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b'!'..=b'~', 1 => Just(b' '), 1 => Just(b'\t'), 1 => 0x80..=0xff_u8];
    prop::collection::vec(byte, 0..20).prop_map(|bytes| bytes.trim_ascii().to_vec())
}

/// A header line that says nothing about framing, and the field that it is.
fn line() -> impl Strategy<Value = (Vec<u8>, Field)> {
    let name = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,14}".prop_filter("it frames", |name| {
        !["content-length", "transfer-encoding"].iter().any(|framing| name.eq_ignore_ascii_case(framing))
    });
    (name, ows(), value(), ows()).prop_map(|(name, before, value, behind)| {
        let line = [name.as_bytes(), b":", &before, &value, &behind, b"\r\n"].concat();
        (line, Field { name, value })
    })
}

/// A chunk size may be in either case and have zeros in front.
fn chunk() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let data = prop::collection::vec(any::<u8>(), 1..300);
    (data, "0{0,12}", any::<bool>(), "|;[a-z]{1,4}(=(\"[ -!#-~]{0,6}\"|[a-z]{1,4}))?").prop_map(
        |(data, zeros, upper, extension)| {
            let size = if upper { format!("{:X}", data.len()) } else { format!("{:x}", data.len()) };
            let chunk = [zeros.as_bytes(), size.as_bytes(), extension.as_bytes(), b"\r\n", &data, b"\r\n"].concat();
            (chunk, data)
        },
    )
}

prop_compose! {
    fn made()(
        http10: bool,
        status in prop_oneof![Just(200_u16), 200..=999_u16],
        reason in value(),
        lines in prop::collection::vec(line(), 0..8),
        chunks in prop::collection::vec(chunk(), 0..6),
        trailers in prop::collection::vec(line(), 0..3),
        is_chunked: bool,
        place: Index,
    ) -> Made {
        let is_chunked = is_chunked && !http10;
        let (sent, data): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
        let body = data.concat();
        let (name, value) = if is_chunked { ("Transfer-Encoding", "chunked".to_owned()) } else { ("Content-Length", body.len().to_string()) };
        let framing = (format!("{name}: {value}\r\n").into_bytes(), Field { name: name.into(), value: value.into_bytes() });
        let mut lines = lines;
        lines.insert(place.index(lines.len() + 1), framing);
        let (texts, fields): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
        let version = if http10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let raw = [format!("{version} {status} ").as_bytes(), &reason, b"\r\n", &texts.concat(), b"\r\n"].concat();
        let trailers: Vec<u8> = trailers.into_iter().flat_map(|(text, _)| text).collect();
        let tail = if is_chunked { [&sent.concat(), &b"0\r\n"[..], &trailers, b"\r\n"].concat() } else { body.clone() };
        let version = if http10 { Version::Http10 } else { Version::Http11 };
        Made { bytes: [&raw[..], &tail].concat(), head: ResponseHead { version, status, reason, fields, raw }, body }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn all_that_was_written_is_read_at_any_cut(made in made(), cuts: Vec<Index>, head_only: bool) {
        let method = if head_only { Method::Head } else { Method::Get };
        let seen = read(method, &cut_up(&made.bytes, &cuts));
        prop_assert_eq!(seen.head.as_ref(), Some(&made.head));
        prop_assert_eq!(seen.end, Ok(End::Framed));
        // What has no body leaves what follows to whoever comes next.
        if head_only || [204, 304].contains(&made.head.status) {
            prop_assert_eq!((&seen.body[..], seen.left_over), (&b""[..], made.bytes[made.head.raw.len()..].to_vec()));
        } else {
            prop_assert_eq!((seen.body, seen.left_over), (made.body, vec![]));
        }
    }

    #[test]
    fn byte_by_byte_is_the_same_as_whole(made in made()) {
        let single: Vec<_> = made.bytes.chunks(1).collect();
        prop_assert_eq!(read(Method::Get, &single), read(Method::Get, &[&made.bytes]));
    }
}
