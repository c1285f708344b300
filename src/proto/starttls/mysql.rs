//! `MySQL`: the server's handshake packet of protocol 10, an `SSLRequest` in answer (its manual, "Connection Phase").
//!
//! The server gives no go-ahead: what it offers is one, and it waits for the handshake right behind that.

use super::{Dialogue, MAX_REPLY, Message, Next, StartTlsError, brief, malformed, quoted};
use crate::proto::packet::Reader;

/// Capabilities (manual, "Capabilities Flags"): of ours all must be the server's too.
const PROTOCOL_41: u32 = 0x200;
const SSL: u32 = 0x800;
const SECURE_CONNECTION: u32 = 0x8000;

/// The largest packet that we say we take: 16 MiB, as its own client says.
const MAX_PACKET: u32 = 1 << 24;
/// utf8mb3: known to each server since 4.1.
const CHARACTER_SET: u8 = 33;

#[derive(Debug)]
pub(super) struct Mysql;

impl Dialogue for Mysql {
    fn is_whole(&mut self, message: &[u8]) -> Result<bool, StartTlsError> {
        match message {
            [_, _, _, number, ..] if *number > 0 => Err(malformed(format!("its first packet has the number {number}"))),
            [low, middle, high, _, ..] => {
                let whole = 4 + (usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low));
                if whole > MAX_REPLY { Err(StartTlsError::TooLarge) } else { Ok(message.len() == whole) }
            }
            _ => Ok(false),
        }
    }

    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        let (version, capabilities) = match message.get(4..).unwrap_or_default() {
            [10, handshake @ ..] => handshake_10(Reader::new(handshake))?,
            [255, low, high, text @ ..] => {
                let words = format!("error {}, {}", u16::from_le_bytes([*low, *high]), quoted(text));
                heard.push(words.clone());
                return Err(StartTlsError::Refused("the connection", words));
            }
            [other, ..] => return Err(malformed(format!("its protocol is of version {other}, and 10 is needed"))),
            [] => return Err(malformed("its first packet is empty")),
        };
        heard.push(format!("handshake of version 10 by {version}, capabilities {capabilities:#010x}"));
        if capabilities & SSL == 0 {
            return Err(StartTlsError::NotOffered(format!("{version} has not the capability SSL")));
        }
        if capabilities & PROTOCOL_41 == 0 {
            return Err(StartTlsError::NotOffered(format!(
                "{version} has not the capability PROTOCOL_41 (4.1 and later)"
            )));
        }
        Ok(Next::SayAndGo(ssl_request(capabilities)))
    }

    fn awaits(&self) -> &'static str {
        "wait for the MySQL handshake packet of"
    }
}

/// The server's version and its capabilities.
fn handshake_10(mut packet: Reader<'_>) -> Result<(String, u32), StartTlsError> {
    let mut rest = packet;
    let text = rest.rest();
    let end = text.iter().position(|&b| b == 0).ok_or_else(|| malformed("it ends inside the server's version"))?;
    let version = brief(packet.take(end, "the server's version")?);
    // The NUL, the thread, the first part of the nonce, and a filler.
    packet.take(1 + 4 + 8 + 1, "the nonce")?;
    let low = u16::from_le_bytes(packet.array("the capabilities")?);
    // Before 4.1 a packet could end here.
    if packet.left() == 0 {
        return Ok((version, low.into()));
    }
    // The character set and the status.
    packet.take(1 + 2, "the status")?;
    let high = u16::from_le_bytes(packet.array("the capabilities")?);
    Ok((version, u32::from(high) << 16 | u32::from(low)))
}

/// The first 32 bytes of a login, in a packet of their own.
fn ssl_request(server: u32) -> Message {
    let ours = (PROTOCOL_41 | SSL | SECURE_CONNECTION) & server;
    let content = [&ours.to_le_bytes()[..], &MAX_PACKET.to_le_bytes(), &[CHARACTER_SET], &[0; 23]].concat();
    let bytes = [&[32, 0, 0, 1], &content[..]].concat();
    Message { bytes, words: format!("SSLRequest, capabilities {ours:#010x}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::packet::hex;

    #[test]
    fn handshakes() {
        let ok = |version: &str, capabilities| Ok((version.to_owned(), capabilities));
        for (bytes, want) in [
            // 8.0.36 as it was recorded, up to the capabilities' second half.
            ("382e302e333600 0d000000 0102030405060708 00 ffff ff 0200 ffdf 15", ok("8.0.36", 0xdfff_ffff)),
            ("3500 0d000000 0102030405060708 00 0008", ok("5", 0x800)),
            ("351b00 0d000000 0102030405060708 00 0002 21 0200 0000", ok("5\\x1b", 0x200)),
            ("382e30", Err("it ends inside the server's version")),
            ("3800 0d0000", Err("it ends inside the nonce")),
            ("3800 0d000000 0102030405060708 00 ff", Err("it ends inside the capabilities")),
            ("3800 0d000000 0102030405060708 00 ffff ff", Err("it ends inside the status")),
            ("3800 0d000000 0102030405060708 00 ffff ff 0200 ff", Err("it ends inside the capabilities")),
        ] {
            assert_eq!(handshake_10(Reader::new(&hex(bytes))), want.map_err(malformed), "{bytes}");
        }
    }

    #[test]
    fn the_request_asks_for_nothing_that_the_server_has_not() {
        let message = ssl_request(u32::MAX);
        assert_eq!(message.bytes.len(), 36);
        assert_eq!(message.bytes[..13], hex("20000001 008a0000 00000001 21"));
        assert_eq!(ssl_request(SSL).bytes[4..8], SSL.to_le_bytes());
    }
}
