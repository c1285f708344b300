//! Cuts a stream of bytes into datagrams.
//!
//! Pure: bytes go in as they come, and each datagram is told as its place among them as soon as it is whole. Refuses to
//! read, to send, and to cut a line or a whole input that is larger than a datagram can be.

use std::ops::Range;

/// Where one datagram ends and the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The whole input is one datagram, an empty one too.
    Whole,
    /// Each line is one, without its newline; the last line may lack it.
    Lines,
    /// Each is ended by these bytes, which do not belong to it; the last may lack them. Not empty.
    Separator(Vec<u8>),
    /// Every so many bytes are one; the last may be shorter. Not zero.
    Size(usize),
    /// Before each stands its length.
    Prefix(Prefix),
}

/// A length in front of a datagram, an unsigned number in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
}

impl Prefix {
    /// How many bytes it has.
    pub fn width(self) -> usize {
        match self {
            Prefix::U16 => 2,
            Prefix::U32 => 4,
        }
    }

    /// `length` as it stands in front of a datagram; `None` if it is more than can stand there.
    pub fn write(self, length: usize, digits: &mut [u8; 4]) -> Option<&[u8]> {
        *digits = u32::try_from(length).ok()?.to_be_bytes();
        let (above, within) = digits.split_at(digits.len() - self.width());
        above.iter().all(|&digit| digit == 0).then_some(within)
    }

    /// The length that the first bytes of `bytes` give, if they are there.
    fn read(self, bytes: &[u8]) -> Option<usize> {
        let digits = bytes.get(..self.width())?;
        Some(digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)))
    }
}

/// What can't be a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is larger than a datagram can be.
    TooLarge,
    /// Its prefix gives this length, which is larger than a datagram can be.
    Announced(usize),
    /// The input has ended so many bytes before it, prefix included.
    Short(usize),
}

/// Input that is being cut.
#[derive(Debug)]
pub struct Cutter {
    framing: Framing,
    /// What ends a datagram, if it is a separator that does.
    separator: Vec<u8>,
    largest: usize,
    /// Input up to `filled`, and room after it.
    bytes: Vec<u8>,
    filled: usize,
    /// Before here everything has been given out.
    start: usize,
    /// Before here no separator begins.
    searched: usize,
    /// What comes up to the next separator belongs to a line that was given up.
    skipping: bool,
    /// The whole input has been given out.
    given_out: bool,
    ended: bool,
}

impl Cutter {
    /// For datagrams of at most `largest` bytes.
    pub fn new(framing: Framing, largest: usize) -> Self {
        let separator = match &framing {
            Framing::Lines => vec![b'\n'],
            Framing::Separator(separator) => separator.clone(),
            Framing::Whole | Framing::Size(_) | Framing::Prefix(_) => Vec::new(),
        };
        Cutter {
            framing,
            separator,
            largest,
            bytes: Vec::new(),
            filled: 0,
            start: 0,
            searched: 0,
            skipping: false,
            given_out: false,
            ended: false,
        }
    }

    /// More input.
    pub fn push(&mut self, more: &[u8]) {
        self.space(more.len())[..more.len()].copy_from_slice(more);
        self.filled(more.len());
    }

    /// Room for at least `least` bytes of input. What was cut before is no longer where [`Cutter::next`] told.
    pub fn space(&mut self, least: usize) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.searched -= self.start;
        self.start = 0;
        if self.bytes.len() < self.filled + least {
            self.bytes.resize(self.filled + least, 0);
        }
        &mut self.bytes[self.filled..]
    }

    /// The first `n` bytes of that room are input now.
    pub fn filled(&mut self, n: usize) {
        self.filled += n;
    }

    /// The input has ended.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the input has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// No larger datagram comes out.
    pub fn largest(&self) -> usize {
        self.largest
    }

    /// How the input is cut.
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// The input in which the datagrams are.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The next datagram by itself; see [`Cutter::next`].
    pub fn cut(&mut self) -> Result<Option<Vec<u8>>, Misfit> {
        Ok(self.next()?.map(|place| self.bytes[place].to_vec()))
    }

    /// The place of the next datagram in [`Cutter::bytes`]; `None` until there is more input, or for good once that has
    /// ended. What does not fit is told again and again.
    #[allow(clippy::should_implement_trait, reason = "after None there may be more, which a for loop would not see")]
    pub fn next(&mut self) -> Result<Option<Range<usize>>, Misfit> {
        match &self.framing {
            Framing::Whole => self.whole(),
            Framing::Lines | Framing::Separator(_) => self.separated(),
            &Framing::Size(size) => Ok(self.piece(size)),
            &Framing::Prefix(prefix) => self.prefixed(prefix),
        }
    }

    /// Gives up the line that was too large: the next datagram is the line after it.
    pub fn skip_line(&mut self) {
        self.skipping = true;
    }

    fn whole(&mut self) -> Result<Option<Range<usize>>, Misfit> {
        if self.filled > self.largest {
            return Err(Misfit::TooLarge);
        }
        if !self.ended || std::mem::replace(&mut self.given_out, true) {
            return Ok(None);
        }
        self.start = self.filled;
        Ok(Some(0..self.filled))
    }

    fn separated(&mut self) -> Result<Option<Range<usize>>, Misfit> {
        if self.skipping {
            self.skip();
        }
        let found = self.find();
        // What might still become a separator is none of the datagram's bytes yet, unless nothing comes after it.
        let end = found.unwrap_or(if self.ended { self.filled } else { self.searched });
        if end - self.start > self.largest {
            return Err(Misfit::TooLarge);
        }
        let is_last = found.is_none() && self.ended && end > self.start;
        if found.is_none() && !is_last {
            return Ok(None);
        }
        let place = self.start..end;
        self.start = end + found.map_or(0, |_| self.separator.len());
        self.searched = self.start;
        Ok(Some(place))
    }

    /// Where the next separator begins.
    fn find(&mut self) -> Option<usize> {
        let left = &self.bytes[self.searched..self.filled];
        let found = match &self.separator[..] {
            [only] => left.iter().position(|byte| byte == only),
            separator => left.windows(separator.len()).position(|window| window == separator),
        };
        let without = (left.len() + 1).saturating_sub(self.separator.len());
        self.searched += found.unwrap_or(without);
        found.map(|_| self.searched)
    }

    /// Drops what there is of the line that was given up.
    fn skip(&mut self) {
        let found = self.find();
        self.skipping = found.is_none();
        self.start = found.map_or(self.searched, |at| at + self.separator.len());
        self.searched = self.start;
    }

    fn piece(&mut self, size: usize) -> Option<Range<usize>> {
        let left = self.filled - self.start;
        if left == 0 || (left < size && !self.ended) {
            return None;
        }
        Some(self.give_out(left.min(size)))
    }

    fn prefixed(&mut self, prefix: Prefix) -> Result<Option<Range<usize>>, Misfit> {
        let left = self.filled - self.start;
        let length = prefix.read(&self.bytes[self.start..self.filled]);
        if let Some(length) = length.filter(|&length| length > self.largest) {
            return Err(Misfit::Announced(length));
        }
        let whole = prefix.width() + length.unwrap_or(0);
        if left >= whole {
            self.start += prefix.width();
            return Ok(Some(self.give_out(whole - prefix.width())));
        }
        if self.ended && left > 0 { Err(Misfit::Short(whole - left)) } else { Ok(None) }
    }

    fn give_out(&mut self, length: usize) -> Range<usize> {
        let place = self.start..self.start + length;
        (self.start, self.searched) = (place.end, place.end);
        place
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All datagrams of `input`, which comes in `pieces`, and what did not fit.
    fn all<'i>(framing: &Framing, pieces: impl Iterator<Item = &'i [u8]>) -> (Vec<Vec<u8>>, Option<Misfit>) {
        let mut cutter = Cutter::new(framing.clone(), 8);
        let mut found = Vec::new();
        for piece in pieces.map(Some).chain([None]) {
            match piece {
                Some(piece) => cutter.push(piece),
                None => cutter.end(),
            }
            loop {
                match cutter.cut() {
                    Ok(Some(datagram)) => found.push(datagram),
                    Ok(None) => break,
                    Err(misfit) => {
                        assert_eq!(cutter.cut(), Err(misfit), "it is told again");
                        return (found, Some(misfit));
                    }
                }
            }
        }
        (found, None)
    }

    fn assert_cut(framing: &Framing, input: &[u8], datagrams: &[&[u8]], misfit: Option<Misfit>) {
        for step in 1..=input.len().max(1) {
            let (found, misfitting) = all(framing, input.chunks(step));
            assert_eq!(
                (found.as_slice(), misfitting),
                (&owned(datagrams)[..], misfit),
                "{framing:?} {input:?} by {step}"
            );
        }
    }

    fn owned(datagrams: &[&[u8]]) -> Vec<Vec<u8>> {
        datagrams.iter().map(|datagram| datagram.to_vec()).collect()
    }

    #[test]
    fn lines_lose_their_newline_and_nothing_else() {
        let table: [(&[u8], &[&[u8]]); 5] = [
            (b"", &[]),
            (b"a\n", &[b"a"]),
            (b"a\n\nb", &[b"a", b"", b"b"]),
            (b"a\r\n\n", &[b"a\r", b""]),
            (b"12345678\n12345678", &[b"12345678", b"12345678"]),
        ];
        for (input, datagrams) in table {
            assert_cut(&Framing::Lines, input, datagrams, None);
        }
    }

    #[test]
    fn a_separator_is_found_wherever_the_input_is_split() {
        let table: [(&[u8], &[&[u8]]); 6] = [
            (b"", &[]),
            (b"a--b", &[b"a", b"b"]),
            (b"a----b--", &[b"a", b"", b"b"]),
            (b"a---b", &[b"a", b"-b"]),
            (b"a-", &[b"a-"]),
            (b"12345678--1234567-", &[b"12345678", b"1234567-"]),
        ];
        for (input, datagrams) in table {
            assert_cut(&Framing::Separator(b"--".to_vec()), input, datagrams, None);
        }
        assert_cut(&Framing::Separator(b"--".to_vec()), b"a--123456789", &[b"a"], Some(Misfit::TooLarge));
        assert_cut(&Framing::Separator(b"abab".to_vec()), b"aababab", &[b"a", b"ab"], None);
    }

    #[test]
    fn pieces_have_one_size_and_the_last_is_what_is_left() {
        assert_cut(&Framing::Size(3), b"", &[], None);
        assert_cut(&Framing::Size(3), b"abcdefgh", &[b"abc", b"def", b"gh"], None);
        assert_cut(&Framing::Size(4), b"abcdefgh", &[b"abcd", b"efgh"], None);
    }

    #[test]
    fn a_prefix_says_where_a_datagram_ends() {
        let u16 = Framing::Prefix(Prefix::U16);
        assert_cut(&u16, b"", &[], None);
        assert_cut(&u16, b"\0\x01a\0\0\0\x03bcd", &[b"a", b"", b"bcd"], None);
        assert_cut(&u16, b"\0\x01a\0\x03bc", &[b"a"], Some(Misfit::Short(1)));
        assert_cut(&u16, b"\0\x01a\0", &[b"a"], Some(Misfit::Short(1)));
        assert_cut(&u16, b"\0\x01a\0\x03", &[b"a"], Some(Misfit::Short(3)));
        assert_cut(&u16, b"\0\x01a\x01\x09bcdefghijk", &[b"a"], Some(Misfit::Announced(0x109)));
        let u32 = Framing::Prefix(Prefix::U32);
        assert_cut(&u32, b"\0\0\0\x08abcdefgh\0\0\0\0", &[b"abcdefgh", b""], None);
        assert_cut(&u32, b"\xff\xff\xff\xff", &[], Some(Misfit::Announced(0xffff_ffff)));
    }

    #[test]
    fn a_length_is_written_in_network_order_if_it_fits() {
        let table: [(Prefix, usize, Option<&[u8]>); 7] = [
            (Prefix::U16, 0, Some(b"\0\0")),
            (Prefix::U16, 0x1234, Some(b"\x12\x34")),
            (Prefix::U16, 0xffff, Some(b"\xff\xff")),
            (Prefix::U16, 0x1_0000, None),
            (Prefix::U32, 0x1_0000, Some(b"\0\x01\0\0")),
            (Prefix::U32, 0xffff_ffff, Some(b"\xff\xff\xff\xff")),
            (Prefix::U32, 0x1_0000_0000, None),
        ];
        for (prefix, length, wanted) in table {
            assert_eq!(prefix.write(length, &mut [0; 4]), wanted, "{prefix:?} {length:#x}");
        }
    }

    #[test]
    fn the_whole_is_one_even_when_it_is_empty() {
        for whole in [b"".as_slice(), b"ab\ncd\n", b"12345678"] {
            assert_cut(&Framing::Whole, whole, &[whole], None);
        }
    }

    #[test]
    fn what_is_too_large_is_refused_and_not_cut() {
        assert_cut(&Framing::Whole, b"123456789", &[], Some(Misfit::TooLarge));
        assert_cut(&Framing::Lines, b"123456789", &[], Some(Misfit::TooLarge));
        assert_cut(&Framing::Lines, b"a\n123456789\n", &[b"a"], Some(Misfit::TooLarge));
    }

    #[test]
    fn a_line_that_was_given_up_takes_no_other_with_it() {
        let input = b"one\n123456789abc\ntwo\n123456789";
        for step in 1..=input.len() {
            let mut cutter = Cutter::new(Framing::Lines, 8);
            let mut found = Vec::new();
            let mut take = |cutter: &mut Cutter| loop {
                match cutter.cut() {
                    Ok(Some(line)) => found.push(String::from_utf8(line).expect("it is ASCII")),
                    Ok(None) => break,
                    Err(_) => {
                        found.push("too large".into());
                        cutter.skip_line();
                    }
                }
            };
            for piece in input.chunks(step) {
                cutter.push(piece);
                take(&mut cutter);
            }
            cutter.end();
            take(&mut cutter);
            assert_eq!(found, ["one", "too large", "two", "too large"], "by {step}");
        }
    }

    fn framings() -> impl Strategy<Value = Framing> {
        prop_oneof![
            Just(Framing::Whole),
            Just(Framing::Lines),
            proptest::collection::vec(0_u8..3, 1..4).prop_map(Framing::Separator),
            (1_usize..8).prop_map(Framing::Size),
            Just(Framing::Prefix(Prefix::U16)),
            Just(Framing::Prefix(Prefix::U32)),
        ]
    }

    /// `input` cut at `cuts`, in which the pieces may be empty.
    fn split(mut input: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        for cut in cuts.iter().rev().map(|cut| cut % (input.len() + 1)).collect::<Vec<_>>() {
            let (front, back) = input.split_at(cut.min(input.len()));
            pieces.push(back);
            input = front;
        }
        pieces.push(input);
        pieces.reverse();
        pieces
    }

    proptest! {
        #[test]
        fn the_datagrams_do_not_depend_on_how_the_input_comes(
            framing in framings(),
            input in proptest::collection::vec(prop_oneof![0_u8..4, Just(b'\n')], 0..40),
            cuts in proptest::collection::vec(0_usize..40, 0..6),
        ) {
            let pieces = split(&input, cuts);
            prop_assert_eq!(pieces.concat(), input.clone());
            prop_assert_eq!(all(&framing, pieces.into_iter()), all(&framing, [input.as_slice()].into_iter()));
        }

        #[test]
        fn what_was_written_with_borders_is_cut_at_them(
            datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..20),
            step in 1_usize..50,
        ) {
            for prefix in [Prefix::U16, Prefix::U32] {
                let prefixed = |datagram: &Vec<u8>| {
                    [prefix.write(datagram.len(), &mut [0; 4]).expect("at most 8"), datagram].concat()
                };
                let written: Vec<u8> = datagrams.iter().flat_map(prefixed).collect();
                let (found, misfit) = all(&Framing::Prefix(prefix), written.chunks(step));
                prop_assert_eq!((&found, misfit), (&datagrams, None));
            }
        }
    }
}
