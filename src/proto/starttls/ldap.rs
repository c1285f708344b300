//! LDAP: the extended operation `StartTLS` (RFC 4511 §4.12, §4.14).

use super::{Dialogue, MAX_REPLY, Message, Next, StartTlsError, malformed, quoted};
use crate::proto::ber;
use crate::proto::packet::Reader;

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// `[APPLICATION 23]` and 24.
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const REQUEST_NAME: u8 = 0x80;
const REFERRAL: u8 = 0xa3;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;
const CONTROLS: u8 = 0xa0;

/// The number of our only request. 0 is that of a notice that nobody asked for (§4.4).
const NUMBER: u32 = 1;

#[derive(Debug)]
pub(super) struct Ldap;

impl Dialogue for Ldap {
    fn opening(&self) -> Option<Message> {
        let request = ber::element(EXTENDED_REQUEST, &ber::element(REQUEST_NAME, START_TLS));
        let bytes = ber::element(ber::SEQUENCE, &[ber::integer(NUMBER), request].concat());
        Some(Message { bytes, words: "ExtendedRequest StartTLS".into() })
    }

    fn is_whole(&mut self, message: &[u8]) -> Result<bool, StartTlsError> {
        let whole = length(message)?;
        if whole.is_some_and(|whole| whole > MAX_REPLY) {
            Err(StartTlsError::TooLarge)
        } else {
            Ok(whole == Some(message.len()))
        }
    }

    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        let response = Response::decode(message)?;
        heard.push(format!("ExtendedResponse {}", response.words()));
        match response {
            Response { number: 1, code: 0, .. } => Ok(Next::Ready),
            Response { number: 0, .. } => Err(StartTlsError::Refused("the connection", response.words())),
            _ => Err(StartTlsError::Refused("StartTLS", response.words())),
        }
    }

    fn awaits(&self) -> &'static str {
        "wait for the answer to StartTLS of"
    }
}

/// The length of the whole message, once its head has come.
fn length(message: &[u8]) -> Result<Option<usize>, StartTlsError> {
    match message {
        [] | [ber::SEQUENCE] => Ok(None),
        [ber::SEQUENCE, short @ ..=0x7f, ..] => Ok(Some(2 + usize::from(*short))),
        [ber::SEQUENCE, long @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(long & 0x7f);
            let bytes = rest.get(..count);
            Ok(bytes.map(|bytes| bytes.iter().fold(0, |length, &b| length << 8 | usize::from(b)) + 2 + count))
        }
        _ => Err(malformed(format!("it begins with {}, which is no LDAP", quoted(message)))),
    }
}

/// What the server answers.
#[derive(Debug, PartialEq, Eq)]
struct Response {
    number: u64,
    code: i64,
    diagnostic: Vec<u8>,
}

impl Response {
    fn decode(message: &[u8]) -> Result<Self, StartTlsError> {
        let mut envelope = ber::expect(&mut Reader::new(message), ber::SEQUENCE, "the message")?;
        let number = ber::unsigned(ber::expect(&mut envelope, ber::INTEGER, "its number")?, "its number")?;
        if number > NUMBER.into() {
            return Err(malformed(format!("it answers request {number}, and {NUMBER} was asked")));
        }
        let mut response = ber::expect(&mut envelope, EXTENDED_RESPONSE, "the response")?;
        optional(envelope, &[CONTROLS])?;
        let code = ber::signed(ber::expect(&mut response, ber::ENUMERATED, "the result code")?, "the result code")?;
        ber::expect(&mut response, ber::OCTETS, "the matched name")?;
        let diagnostic = ber::expect(&mut response, ber::OCTETS, "the diagnostic message")?.rest().to_vec();
        // A notice that nobody asked for has another name than our request.
        if optional(response, &[REFERRAL, RESPONSE_NAME, RESPONSE_VALUE])?.is_some_and(|n| number > 0 && n != START_TLS)
        {
            return Err(malformed("it is the response to another request"));
        }
        Ok(Response { number, code, diagnostic })
    }

    /// The result in the standard's word and the server's own.
    fn words(&self) -> String {
        let code = match result(self.code) {
            Some(name) => format!("{} ({name})", self.code),
            None => self.code.to_string(),
        };
        if self.diagnostic.is_empty() { code } else { format!("{code}, {}", quoted(&self.diagnostic)) }
    }
}

/// Reads the rest, elements that may be missing but stand in the order of `tags`. Gives the response's name.
fn optional<'a>(mut rest: Reader<'a>, mut tags: &[u8]) -> Result<Option<&'a [u8]>, StartTlsError> {
    let mut name = None;
    while rest.left() > 0 {
        let (tag, mut content) = ber::next(&mut rest, "the rest")?;
        let Some(at) = tags.iter().position(|&known| known == tag) else {
            return Err(malformed(format!("an element of the tag {tag:#04x} stands where none may")));
        };
        tags = &tags[at + 1..];
        if tag == RESPONSE_NAME {
            name = Some(content.rest());
        }
    }
    Ok(name)
}

/// RFC 4511 §4.1.9, as far as `StartTLS` can end so.
fn result(code: i64) -> Option<&'static str> {
    Some(match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        80 => "other",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::packet::hex;

    #[test]
    fn responses() {
        let ok = |number, code, text: &str| Ok(Response { number, code, diagnostic: text.into() });
        let long = format!("30 84 00000028 020101 78 84 0000001f 0a0100 0400 0400 8a16 {}", digits(START_TLS));
        let named = format!("30 24 020101 78 1f 0a0100 0400 0400 8a16 {}", digits(START_TLS));
        let controls = "30 0e 020101 78 07 0a0100 0400 0400 a0 00";
        let referral = "30 10 020101 78 0b 0a010a 0400 0400 a3 02 0400";
        let notice = format!("30 26 020100 78 21 0a0134 0400 04 02 6279 8a16 {}36", &digits(START_TLS)[..42]);
        for (bytes, want) in [
            ("30 0c 020101 78 07 0a0100 0400 0400", ok(1, 0, "")),
            ("30 0e 020101 78 09 0a0102 0400 0402 6e6f", ok(1, 2, "no")),
            (&long, ok(1, 0, "")),
            (&named, ok(1, 0, "")),
            (controls, ok(1, 0, "")),
            (referral, ok(1, 10, "")),
            (&notice, ok(0, 52, "by")),
            ("30 0c 020102 78 07 0a0100 0400 0400", Err("it answers request 2, and 1 was asked")),
            ("30 0c 020101 61 07 0a0100 0400 0400", Err("the tag of the response is 0x61, not 0x78")),
            ("30 0a 020101 78 05 0a0100 0400", Err("it ends inside the diagnostic message")),
            ("30 0e 020101 78 09 0a0100 0400 0400 0400", Err("an element of the tag 0x04 stands where none may")),
            ("30 0e 020101 78 09 0a0100 0400 0400 8a00", Err("it is the response to another request")),
            ("30 10 020101 78 0b 0a0100 0400 0400 8b00 8b00", Err("an element of the tag 0x8b stands where none may")),
            ("30 0e 020101 78 07 0a0100 0400 0400 0500", Err("an element of the tag 0x05 stands where none may")),
            ("30 0c 020101 78 07 020100 0400 0400", Err("the tag of the result code is 0x02, not 0x0a")),
        ] {
            assert_eq!(Response::decode(&hex(bytes)), want.map_err(malformed), "{bytes}");
            assert_eq!(length(&hex(bytes)), Ok(Some(hex(bytes).len())), "{bytes}");
        }
    }

    fn digits(bytes: &[u8]) -> String {
        crate::proto::packet::digits(bytes)
    }

    #[test]
    fn lengths() {
        for (bytes, want) in [("", None), ("30", None), ("3000", Some(2)), ("3082 01", None), ("3082 0101", Some(261))]
        {
            assert_eq!(length(&hex(bytes)), Ok(want), "{bytes}");
        }
        for bytes in ["00", "3080", "3085", "485454502f"] {
            assert!(length(&hex(bytes)).is_err(), "{bytes}");
        }
    }

    #[test]
    fn the_words_have_the_standards_name() {
        let words = |code, text: &str| Response { number: 1, code, diagnostic: text.into() }.words();
        assert_eq!(words(52, "no key\x1b"), r#"52 (unavailable), "no key\x1b""#);
        assert_eq!((words(0, ""), words(4711, "x")), ("0 (success)".into(), "4711, \"x\"".into()));
    }
}
