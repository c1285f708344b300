//! The chunked transfer coding, decoded (RFC 9112 §7.1).
//!
//! Owns the strict reading of chunk sizes and line ends: sizes of 1 to 16 hexadecimal digits with nothing around
//! them, CRLF and never LF alone, a well-formed trailer section. Chunk extensions and trailers are read, bounded and
//! dropped: nothing in sockkit may depend on them (RFC 9112 §7.1.1, §7.1.2).
//!
//! ```text
//!         ┌───────────────────────────────────────────── DataLf ◀─ DataCr ◀─┐
//!         ▼                                                                 │
//!  ─▶ Size ─┬──────────────▶ SizeLf ─┬─ size > 0 ─▶ Data ────────── 0 left ─┘
//!           └─ ; ─▶ Extension ─▲     └─ size 0 ─▶ TrailerStart ─ CR ─▶ LastLf ─▶ Done
//!                                                  │      ▲
//!                                     TrailerName ◀┘      └─ TrailerLf ◀─ TrailerValue ◀─ :
//! ```

use super::{HttpError, is_token, is_value, malformed};

/// The most bytes that all chunk extensions and the trailer section of one body may take.
const MAX_EXTRA: usize = 16 * 1024;
/// As many as a u64 can need, so that a size cannot overflow.
pub(super) const MAX_DIGITS: u8 = 16;

/// A chunked body that is being decoded.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of extensions and trailers so far.
    extra: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Done,
}

/// What the front of the input was.
pub(super) enum Piece<'i> {
    Data(&'i [u8]),
    Done,
    NeedMore,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: START, extra: 0 }
    }

    /// Takes one piece of body, or the end, from the front of `input`; the rest stays there.
    pub(super) fn feed<'i>(&mut self, input: &mut &'i [u8]) -> Result<Piece<'i>, HttpError> {
        loop {
            match self.state {
                State::Done => return Ok(Piece::Done),
                State::Data { left } if !input.is_empty() => return Ok(self.data(left, input)),
                _ => {}
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(Piece::NeedMore);
            };
            self.state = self.after(byte)?;
            *input = rest;
        }
    }

    /// What it means that the connection ends here, with `got` bytes of body given out. Inside a chunk there are bytes
    /// missing that were announced; between chunks there is an end missing (RFC 9112 §8): nobody knows whether there
    /// would have been more.
    pub(super) fn cut(&self, got: u64) -> HttpError {
        match self.state {
            State::Data { .. } | State::DataCr | State::DataLf => HttpError::Short { got, expected: None },
            State::Size { .. } | State::Extension { .. } | State::SizeLf { .. } => {
                malformed(format!("its body has no last chunk; {got} bytes came"))
            }
            _ => malformed(format!("its body has no empty line behind the last chunk; {got} bytes came")),
        }
    }

    fn data<'i>(&mut self, left: u64, input: &mut &'i [u8]) -> Piece<'i> {
        let (data, rest) = take(input, left);
        *input = rest;
        let left = left - data.len() as u64;
        self.state = if left == 0 { State::DataCr } else { State::Data { left } };
        Piece::Data(data)
    }

    /// The state behind one byte of framing.
    fn after(&mut self, byte: u8) -> Result<State, HttpError> {
        match (self.state, byte) {
            (State::Size { digits: 1.., size } | State::Extension { size }, b'\r') => Ok(State::SizeLf { size }),
            (State::Size { digits: 1.., size }, b';') => self.spend(State::Extension { size }),
            (State::Size { digits, size }, _) => digit(digits, size, byte),
            (State::Extension { size }, _) if is_value(byte) => self.spend(State::Extension { size }),
            (State::SizeLf { size: 0 }, b'\n') => Ok(State::TrailerStart),
            (State::SizeLf { size }, b'\n') => Ok(State::Data { left: size }),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(START),
            (State::TrailerStart, b'\r') => Ok(State::LastLf),
            (State::LastLf, b'\n') => Ok(State::Done),
            _ => self.after_in_trailer(byte),
        }
    }

    fn after_in_trailer(&mut self, byte: u8) -> Result<State, HttpError> {
        match (self.state, byte) {
            (State::TrailerName, b':') => self.spend(State::TrailerValue),
            (State::TrailerStart | State::TrailerName, _) if is_token(byte) => self.spend(State::TrailerName),
            (State::TrailerValue, b'\r') => self.spend(State::TrailerLf),
            (State::TrailerValue, _) if is_value(byte) => self.spend(State::TrailerValue),
            (State::TrailerLf, b'\n') => self.spend(State::TrailerStart),
            (state, _) => Err(unexpected(state, byte)),
        }
    }

    fn spend(&mut self, next: State) -> Result<State, HttpError> {
        self.extra += 1;
        if self.extra > MAX_EXTRA {
            let what = format!("its chunk extensions and trailers are over {MAX_EXTRA} bytes");
            return Err(HttpError::TooLarge(what));
        }
        Ok(next)
    }
}

const START: State = State::Size { digits: 0, size: 0 };

/// The first `most` bytes of `input` and the rest; all of it if there are fewer.
pub(super) fn take(input: &[u8], most: u64) -> (&[u8], &[u8]) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    input.split_at(most.min(input.len()))
}

fn digit(digits: u8, size: u64, byte: u8) -> Result<State, HttpError> {
    match char::from(byte).to_digit(16) {
        Some(_) if digits == MAX_DIGITS => Err(malformed(format!("a chunk size of over {MAX_DIGITS} digits"))),
        Some(value) => Ok(State::Size { digits: digits + 1, size: size << 4 | u64::from(value) }),
        None => Err(unexpected(State::Size { digits, size }, byte)),
    }
}

fn unexpected(state: State, byte: u8) -> HttpError {
    let place = match state {
        State::Size { .. } => "in a chunk size",
        State::Extension { .. } => "in a chunk extension",
        State::SizeLf { .. } => "behind the CR of a chunk size",
        State::Data { .. } | State::DataCr | State::DataLf => "where a chunk should end in CR LF",
        State::TrailerStart | State::TrailerName | State::TrailerValue => "in the trailers",
        State::TrailerLf | State::LastLf | State::Done => "behind a CR in the trailers",
    };
    malformed(format!("the byte {} {place}", super::excerpt(&[byte])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut input: &[u8]) -> Result<(Vec<u8>, bool), HttpError> {
        let (mut chunked, mut body) = (Chunked::new(), Vec::new());
        loop {
            match chunked.feed(&mut input)? {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::Done => return Ok((body, true)),
                Piece::NeedMore => return Ok((body, false)),
            }
        }
    }

    #[test]
    fn taken() {
        let table: &[(&[u8], &[u8])] = &[
            (b"0\r\n\r\n", b""),
            (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
            (b"1\r\na\r\nA\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n", b"a01234567890123456789"),
            (b"0000000000000001\r\na\r\n0\r\n\r\n", b"a"),
            (b"1;x\r\na\r\n0;y=\"\t z; \xff\";z\r\n\r\n", b"a"),
            (b"1;\r\n\n\r\n0\r\n\r\n", b"\n"),
            (b"0\r\nA: b\r\nC:\r\n\r\n", b""),
        ];
        for (input, body) in table {
            assert_eq!(decode(input), Ok((body.to_vec(), true)), "{}", input.escape_ascii());
        }
    }

    #[test]
    fn not_complete() {
        for input in ["", "5", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\n\r", "0\r\nA: b\r\n"] {
            assert!(!decode(input.as_bytes()).unwrap().1, "{input:?}");
        }
    }

    #[test]
    fn refused() {
        let table: &[(&[u8], &str)] = &[
            (b"\r\n", r#""\r" in a chunk size"#),
            (b";x\r\n", r#"";" in a chunk size"#),
            (b"+5\r\n", r#""+" in a chunk size"#),
            (b"-1\r\n", r#""-" in a chunk size"#),
            (b" 5\r\n", r#"" " in a chunk size"#),
            (b"5 \r\n", r#"" " in a chunk size"#),
            (b"5\t;x\r\n", r#""\t" in a chunk size"#),
            (b"0x5\r\n", r#""x" in a chunk size"#),
            (b"5_0\r\n", r#""_" in a chunk size"#),
            (b"g\r\n", r#""g" in a chunk size"#),
            (b"\x1b", r#""\x1b" in a chunk size"#),
            (b"00000000000000001\r\n", "over 16 digits"),
            (b"5\nhello", r#""\n" in a chunk size"#),
            (b"5\rhello", r#""h" behind the CR"#),
            (b"5\r\r\n", r#""\r" behind the CR"#),
            (b"5;x\nhello", r#""\n" in a chunk extension"#),
            (b"5;\0", r#""\x00" in a chunk extension"#),
            (b"5\r\nhello!\r\n", r#""!" where a chunk should end"#),
            (b"5\r\nhello\n", r#""\n" where a chunk should end"#),
            (b"5\r\nhello\r5", r#""5" where a chunk should end"#),
            (b"5\r\nhello0\r\n\r\n", r#""0" where a chunk should end"#),
            (b"0\r\n\n", r#""\n" in the trailers"#),
            (b"0\r\n\rx", r#""x" behind a CR in the trailers"#),
            (b"0\r\n A: b\r\n\r\n", r#"" " in the trailers"#),
            (b"0\r\nA : b\r\n\r\n", r#"" " in the trailers"#),
            (b"0\r\n: b\r\n\r\n", r#"":" in the trailers"#),
            (b"0\r\nA\r\n\r\n", r#""\r" in the trailers"#),
            (b"0\r\nA: b\n\r\n", r#""\n" in the trailers"#),
            (b"0\r\nA: b\rc", r#""c" behind a CR in the trailers"#),
            (b"0\r\nA: \0", r#""\x00" in the trailers"#),
        ];
        for (input, want) in table {
            match decode(input) {
                Err(HttpError::Malformed(why)) => assert!(why.contains(want), "{why} / {want}"),
                other => panic!("{}: {other:?}", input.escape_ascii()),
            }
        }
    }

    #[test]
    fn extensions_and_trailers_share_one_limit() {
        let chunk = [&b"1;"[..], &[b'x'; 1023], b"\r\na\r\n"].concat();
        let fifteen = chunk.repeat(15);
        let trailer = |size: usize| [&b"0\r\nA:"[..], &vec![b'x'; size - 4], b"\r\n\r\n"].concat();
        assert!(decode(&[&fifteen[..], &trailer(1024)].concat()).unwrap().1);
        let over = decode(&[&fifteen[..], &trailer(1025)].concat());
        assert!(matches!(over, Err(HttpError::TooLarge(_))), "{over:?}");
        assert!(matches!(decode(&chunk.repeat(17)), Err(HttpError::TooLarge(_))));
    }

    #[test]
    fn the_largest_size_is_waited_for() {
        assert_eq!(decode(b"ffffffffffffffff\r\nabc"), Ok((b"abc".to_vec(), false)));
    }
}
