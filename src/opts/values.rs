//! Values as people write them: durations, sizes, ports, the DS field, texts.

use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::serve::partner::dialogue::{Part, Template};

/// `5`, `1.5`, `300ms`, `1h30m`. A bare number is seconds, which humantime does not know.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| "a time can't be negative or that long".into());
    }
    humantime::parse_duration(text).map_err(|e| format!("{e}; write it like 5, 1.5, 300ms or 1h30m"))
}

/// The same, and longer than nothing.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    Some(duration(text)?).filter(|length| !length.is_zero()).ok_or_else(|| "longer than 0".into())
}

/// `65536`, `64k`, `4M`: bytes, in powers of 1024, at most 1 GiB.
pub fn size(text: &str) -> Result<usize, String> {
    const CEILING: u64 = 1 << 30;
    let size = Some(amount(text)?).filter(|&n| n <= CEILING).and_then(|n| usize::try_from(n).ok());
    size.ok_or_else(|| "more than 1 GiB".into())
}

/// The same without a ceiling: an amount that is only counted, never held.
pub fn amount(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" | "kB" | "KiB" => 1 << 10,
        "M" | "MB" | "MiB" => 1 << 20,
        "G" | "GB" | "GiB" => 1 << 30,
        unit => return Err(format!("unknown unit {unit:?}; write it like 4096, 64k or 1M")),
    };
    let number: u64 = digits.parse().map_err(|_| "write it like 4096, 64k or 1M".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "more than can be counted".into())
}

/// An amount a second: at least one byte.
pub fn rate(text: &str) -> Result<NonZeroU64, String> {
    NonZeroU64::new(amount(text)?).ok_or_else(|| "at least 1 byte a second".into())
}

/// `30ms` or `30ms..70ms`, both ends included: at most a day, so that no clock overflows.
pub fn delay(text: &str) -> Result<RangeInclusive<Duration>, String> {
    const CEILING: Duration = Duration::from_secs(24 * 60 * 60);
    Some(range(text, duration)?).filter(|delay| *delay.end() <= CEILING).ok_or_else(|| "more than a day".into())
}

/// `4` or `1..7`: bytes, both ends included, at least one.
pub fn chunk(text: &str) -> Result<RangeInclusive<usize>, String> {
    Some(range(text, size)?).filter(|chunk| *chunk.start() > 0).ok_or_else(|| "at least 1 byte".into())
}

fn range<T: Clone + PartialOrd>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<RangeInclusive<T>, String> {
    let Some((low, high)) = text.split_once("..") else {
        return parse(text).map(|only| only.clone()..=only);
    };
    let (low, high) = (parse(low)?, parse(high)?);
    if low <= high { Ok(low..=high) } else { Err("the first of a range A..B is the smaller one".into()) }
}

/// A SHA-256 in hexadecimal digits.
pub fn sha256(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "64 hexadecimal digits, as sha256sum prints them".to_owned();
    let digits: Vec<_> = text.chars().map_while(|c| c.to_digit(16)).collect();
    if digits.len() != 64 || text.len() != 64 {
        return Err(wrong());
    }
    // Two digits below 16 make a byte.
    let bytes: Result<Vec<_>, _> = digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1])).collect();
    bytes.map_err(|_| wrong())?.try_into().map_err(|_| wrong())
}

/// `0` to `255`, decimal or `0x..`.
pub fn byte(text: &str) -> Result<u8, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "a number from 0 to 255, or 0x00 to 0xff".into())
}

/// Bytes that were written as a text with [`escapes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::str::FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        escapes(text).map(Bytes)
    }
}

/// A text to look for: as [`escapes`], and not empty.
pub fn pattern(text: &str) -> Result<Bytes, String> {
    Some(escapes(text)?)
        .filter(|bytes| !bytes.is_empty())
        .map(Bytes)
        .ok_or_else(|| "an empty text is everywhere".into())
}

/// A text as [`escapes`] in which `{}` is the message; `{{` and `}}` are braces, as is an escaped one (`\x7b`).
pub fn template(text: &str) -> Result<Template, String> {
    /// Each makes an answer longer by a message, and a message may have 64 KiB.
    const MOST_PLACES: usize = 16;
    let (mut parts, mut literal) = (Vec::new(), Vec::new());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('{', Some('}')) => {
                parts.extend([Part::Text(std::mem::take(&mut literal)), Part::Message]);
                chars.next();
            }
            ('{', Some('{')) | ('}', Some('}')) => literal.extend(chars.next().map(|_| c as u8)),
            ('{' | '}', _) => return Err(format!("a lone {c}: {{}} is the message, {{{{ and }}}} are braces")),
            ('\\', _) => literal.push(escaped(&mut chars)?),
            _ => literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    parts.push(Part::Text(literal));
    let places = parts.iter().filter(|part| **part == Part::Message).count();
    if places > MOST_PLACES { Err(format!("at most {MOST_PLACES} times {{}}")) } else { Ok(Template::new(parts)) }
}

/// `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN` in a text, as bytes.
pub fn escapes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            bytes.push(escaped(&mut chars)?);
        } else {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(bytes)
}

fn escaped(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    Ok(match chars.next() {
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('\\') => b'\\',
        Some('x') => {
            let digits = chars.as_str().get(..2).ok_or("\\x wants two hex digits")?;
            *chars = chars.as_str()[2..].chars();
            u8::from_str_radix(digits, 16).map_err(|_| "\\x wants two hex digits")?
        }
        _ => return Err("a backslash begins \\n, \\r, \\t, \\0, \\xNN or \\\\".into()),
    })
}

/// A variable of the environment. What is not UTF-8 is made something that nothing here takes, rather than overlooked.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let good =
            [("5", 5000), ("1.5", 1500), ("0", 0), ("300ms", 300), ("1h30m", 5_400_000), ("2s", 2000), (".5", 500)];
        for (text, millis) in good {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1", "5 apples", "1e400", "inf", "NaN", "s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("0", 0), ("4096", 4096), ("64k", 65536), ("1M", 1 << 20), ("1G", 1 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "k", "-1", "2G", "1T", "1.5k", "99999999999999999999"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_rates_and_hashes() {
        assert_eq!(
            (amount("2G"), amount("0"), amount("18014398509481983k")),
            (Ok(2 << 30), Ok(0), Ok(u64::MAX - 1023))
        );
        assert!(amount("18014398509481984k").is_err() && rate("0").is_err() && rate("1Mbit").is_err());
        assert_eq!(rate("1M").map(NonZeroU64::get), Ok(1 << 20));
        let digits = "00ff".repeat(16);
        assert_eq!(sha256(&digits.to_uppercase()).map(|hash| (hash[0], hash[31])), Ok((0, 255)));
        for text in [&digits[1..], &format!("{digits}0"), &digits.replace('f', "g"), &format!("{}é", &digits[2..])] {
            assert!(sha256(text).is_err(), "{text}");
        }
        assert!(pattern("").is_err() && pattern(r"\q").is_err());
        assert_eq!(pattern(r"ok\n"), Ok(Bytes(b"ok\n".to_vec())));
    }

    #[test]
    fn bytes_and_escapes() {
        assert_eq!((byte("0x10"), byte("255")), (Ok(16), Ok(255)));
        assert!(byte("256").is_err() && byte("0xfff").is_err());
        let good: [(&str, &[u8]); 5] =
            [(r"a\n", b"a\n"), (r"\x00\xff", b"\x00\xff"), (r"\\n", b"\\n"), ("é", "é".as_bytes()), (r"\0", b"\0")];
        for (text, bytes) in good {
            assert_eq!(escapes(text).as_deref(), Ok(bytes), "{text}");
        }
        for text in [r"\", r"\q", r"\x1", r"\xzz", "\\xé"] {
            assert!(escapes(text).is_err(), "{text}");
        }
    }
    #[test]
    fn ranges() {
        let ms = Duration::from_millis;
        let good = [
            ("1", ms(1000), ms(1000)),
            ("0", ms(0), ms(0)),
            ("30ms..70ms", ms(30), ms(70)),
            ("1.5..2", ms(1500), ms(2000)),
            ("0...5", ms(0), ms(500)),
            ("5..5s", ms(5000), ms(5000)),
            ("24h", ms(86_400_000), ms(86_400_000)),
        ];
        for (text, low, high) in good {
            assert_eq!(delay(text), Ok(low..=high), "{text}");
        }
        for text in ["", "..", "1..", "..1", "2..1", "1..2..3", "-1", "25h", "1..1e300"] {
            assert!(delay(text).is_err(), "{text}");
        }
        assert_eq!((chunk("4"), chunk("1..7"), chunk("1..4k")), (Ok(4..=4), Ok(1..=7), Ok(1..=4096)));
        for text in ["0", "0..7", "7..1", "1..2G", "1..=2", "a..b"] {
            assert!(chunk(text).is_err(), "{text}");
        }
    }

    #[test]
    fn templates() {
        let text = |text: &str| Part::Text(text.into());
        let good = [
            ("", vec![text("")]),
            ("Hello, {}!", vec![text("Hello, "), Part::Message, text("!")]),
            ("{}{}", vec![text(""), Part::Message, text(""), Part::Message, text("")]),
            ("{{}}", vec![text("{}")]),
            ("{{{}}}", vec![text("{"), Part::Message, text("}")]),
            (r"\x7b\x7d", vec![text("{}")]),
            (r"\x7b{}\x7D\n", vec![text("{"), Part::Message, text("}\n")]),
            (r"{{\x7b", vec![text("{{")]),
            (r"é\\{}", vec![text("é\\"), Part::Message, text("")]),
            (r"\xff", vec![Part::Text(vec![0xff])]),
        ];
        for (written, parts) in good {
            assert_eq!(template(written), Ok(Template::new(parts)), "{written}");
        }
        for written in ["{", "}", "a{b}", "{}}", "{{}", "}{", "{ }", "{0}", r"{\x7d", r"\x7b}", r"\", r"\q{}"] {
            assert!(template(written).is_err(), "{written}");
        }
        assert!(template(&"{}".repeat(16)).is_ok() && template(&"{}".repeat(17)).is_err());
    }
}
