//! Cuts a stream of bytes into datagrams.
//!
//! Pure: bytes go in as they come, datagrams come out as soon as they are whole. Refuses to read, to send, and to cut
//! a line or a whole input that is larger than a datagram can be.

/// Where one datagram ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The whole input is one datagram, an empty one too.
    Whole,
    /// Each line is one, without its newline; the last line may lack it.
    Lines,
    /// Every so many bytes are one; the last may be shorter. Not zero.
    Size(usize),
}

/// A line, or the whole input, is larger than a datagram can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Input that is being cut.
#[derive(Debug)]
pub struct Cutter {
    framing: Framing,
    largest: usize,
    bytes: Vec<u8>,
    /// Before here everything has been given out.
    start: usize,
    /// Before here there is no newline.
    searched: usize,
    /// What comes up to the next newline belongs to a line that was given up.
    skipping: bool,
    ended: bool,
}

impl Cutter {
    /// For datagrams of at most `largest` bytes.
    pub fn new(framing: Framing, largest: usize) -> Self {
        Cutter { framing, largest, bytes: Vec::new(), start: 0, searched: 0, skipping: false, ended: false }
    }

    /// More input.
    pub fn push(&mut self, more: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(more);
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
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The next datagram; `None` until there is more input, or for good once that has ended.
    pub fn cut(&mut self) -> Result<Option<Vec<u8>>, TooLarge> {
        match self.framing {
            Framing::Whole => self.whole(),
            Framing::Lines => self.line(),
            Framing::Size(size) => Ok(self.piece(size)),
        }
    }

    /// Gives up the line that was too large: the next datagram is the line after it.
    pub fn skip_line(&mut self) {
        self.skipping = true;
    }

    fn whole(&mut self) -> Result<Option<Vec<u8>>, TooLarge> {
        if self.bytes.len() > self.largest {
            return Err(TooLarge);
        }
        let given_out = self.searched > 0;
        if !self.ended || given_out {
            return Ok(None);
        }
        // One past the end, so that an empty input counts as given out too.
        self.searched = self.bytes.len() + 1;
        Ok(Some(std::mem::take(&mut self.bytes)))
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, TooLarge> {
        if self.skipping {
            self.skip();
        }
        let newline = self.bytes[self.searched..].iter().position(|&b| b == b'\n').map(|at| self.searched + at);
        let end = newline.unwrap_or(self.bytes.len());
        if end - self.start > self.largest {
            return Err(TooLarge);
        }
        self.searched = end;
        let is_last = newline.is_none() && self.ended && end > self.start;
        if newline.is_none() && !is_last {
            return Ok(None);
        }
        let line = self.bytes[self.start..end].to_vec();
        self.start = end + usize::from(newline.is_some());
        self.searched = self.start;
        Ok(Some(line))
    }

    /// Drops what there is of the line that was given up.
    fn skip(&mut self) {
        let newline = self.bytes[self.start..].iter().position(|&b| b == b'\n');
        self.skipping = newline.is_none();
        self.start = newline.map_or(self.bytes.len(), |at| self.start + at + 1);
        self.searched = self.start;
    }

    fn piece(&mut self, size: usize) -> Option<Vec<u8>> {
        let left = self.bytes.len() - self.start;
        if left == 0 || (left < size && !self.ended) {
            return None;
        }
        let end = self.start + left.min(size);
        let piece = self.bytes[self.start..end].to_vec();
        (self.start, self.searched) = (end, end);
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All datagrams of `input`, which comes `step` bytes at a time.
    fn all(framing: Framing, input: &[u8], step: usize) -> Result<Vec<Vec<u8>>, TooLarge> {
        let mut cutter = Cutter::new(framing, 8);
        let mut found = Vec::new();
        for piece in input.chunks(step) {
            cutter.push(piece);
            while let Some(datagram) = cutter.cut()? {
                found.push(datagram);
            }
        }
        cutter.end();
        while let Some(datagram) = cutter.cut()? {
            found.push(datagram);
        }
        Ok(found)
    }

    fn assert_cut(framing: Framing, input: &str, datagrams: &[&str]) {
        for step in 1..=input.len().max(1) {
            let all = all(framing, input.as_bytes(), step).expect("nothing here is too large");
            let texts: Vec<_> = all.iter().map(|d| String::from_utf8_lossy(d).into_owned()).collect();
            assert_eq!(texts, datagrams, "{framing:?} {input:?} by {step}");
        }
    }

    #[test]
    fn lines_lose_their_newline_and_nothing_else() {
        assert_cut(Framing::Lines, "", &[]);
        assert_cut(Framing::Lines, "a\n", &["a"]);
        assert_cut(Framing::Lines, "a\n\nb", &["a", "", "b"]);
        assert_cut(Framing::Lines, "a\r\n\n", &["a\r", ""]);
        assert_cut(Framing::Lines, "12345678\n12345678", &["12345678", "12345678"]);
    }

    #[test]
    fn pieces_have_one_size_and_the_last_is_what_is_left() {
        assert_cut(Framing::Size(3), "", &[]);
        assert_cut(Framing::Size(3), "abcdefgh", &["abc", "def", "gh"]);
        assert_cut(Framing::Size(4), "abcdefgh", &["abcd", "efgh"]);
    }

    #[test]
    fn the_whole_is_one_even_when_it_is_empty() {
        assert_cut(Framing::Whole, "", &[""]);
        assert_cut(Framing::Whole, "ab\ncd\n", &["ab\ncd\n"]);
        assert_cut(Framing::Whole, "12345678", &["12345678"]);
    }

    #[test]
    fn what_is_too_large_is_refused_and_not_cut() {
        for step in 1..=9 {
            assert_eq!(all(Framing::Whole, b"123456789", step), Err(TooLarge));
            assert_eq!(all(Framing::Lines, b"123456789", step), Err(TooLarge));
            assert_eq!(all(Framing::Lines, b"123456789\n", step), Err(TooLarge));
        }
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
                    Err(TooLarge) => {
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
}
