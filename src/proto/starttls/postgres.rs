//! `PostgreSQL`: an `SSLRequest`, and one byte for an answer (its manual, "SSL Session Encryption").

use super::{Dialogue, MAX_REPLY, Message, Next, StartTlsError, brief, malformed, quoted};

/// 1234 and 5679: a version of the protocol that there will never be.
const SSL_REQUEST: u32 = 80_877_103;

#[derive(Debug)]
pub(super) struct Postgres;

impl Dialogue for Postgres {
    fn opening(&self) -> Option<Message> {
        let bytes = [8_u32.to_be_bytes(), SSL_REQUEST.to_be_bytes()].concat();
        Some(Message { bytes, words: "SSLRequest".into() })
    }

    fn is_whole(&mut self, message: &[u8]) -> Result<bool, StartTlsError> {
        match message {
            [b'E'] => Ok(false),
            // The length of an error is behind its letter, unless the server is of before 2003 or can't even fork: then
            // there is a text and its NUL. No length that we take begins with a letter.
            [b'E', 0, rest @ ..] => match rest.first_chunk::<3>() {
                None => Ok(false),
                Some(&[high, middle, low]) => {
                    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                    if length > MAX_REPLY { Err(StartTlsError::TooLarge) } else { Ok(message.len() > length.max(4)) }
                }
            },
            [b'E', text @ ..] => Ok(text.ends_with(&[0])),
            _ => Ok(true),
        }
    }

    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        match message {
            [b'S'] => {
                heard.push("S".into());
                Ok(Next::Ready)
            }
            [b'N'] => {
                heard.push("N".into());
                Err(StartTlsError::NotOffered("its answer to SSLRequest is N".into()))
            }
            [b'E', rest @ ..] => {
                let words = error(rest);
                heard.push(format!("E {words}"));
                Err(StartTlsError::Refused("SSLRequest", words))
            }
            _ => Err(malformed(format!("it answers SSLRequest by {}", quoted(message)))),
        }
    }

    fn awaits(&self) -> &'static str {
        "wait for the answer to SSLRequest of"
    }
}

/// The words of an error: of its fields the severity, the code and the message (manual, "Error and Notice Message
/// Fields"), or all of a bare text.
fn error(message: &[u8]) -> String {
    if message.first() != Some(&0) {
        return quoted(message.strip_suffix(&[0]).unwrap_or(message).trim_ascii_end());
    }
    let fields = || message.get(4..).unwrap_or_default().split(|&b| b == 0);
    let field = |letter: u8| fields().find_map(|field| field.strip_prefix(&[letter]));
    let before = [field(b'S'), field(b'C')].into_iter().flatten().map(|word| brief(word) + " ").collect::<String>();
    format!("{before}{}", quoted(field(b'M').unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_new_and_old() {
        let fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients\x1b\0\0";
        let length = u32::try_from(fields.len() + 4).expect("it is short").to_be_bytes();
        let new = [&length[..], fields].concat();
        assert_eq!(error(&new), r#"FATAL 53300 "sorry, too many clients\x1b""#);
        assert_eq!(error(b"FATAL: could not fork\n\0"), "\"FATAL: could not fork\"");
        assert_eq!((error(b"\0\0\0\x04"), error(b"")), ("\"\"".into(), "\"\"".into()));
    }
}
