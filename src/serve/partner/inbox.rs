//! Cuts what a client sends into messages: what one read brought, or lines.
//!
//! A message keeps its newline, since an echo gives it back. Bounded: a line that is longer than [`LONGEST_LINE`] is
//! several messages, as it is for a `readline` with a limit. Refuses to read and to trim.

/// The longest line, its newline not counted.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// What has come and was not taken yet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    lines: bool,
    bytes: Vec<u8>,
    /// Before here everything was taken.
    start: usize,
    /// Before here there is no newline that was not taken.
    searched: usize,
    /// Where the next message ends, once it is whole.
    ready: Option<usize>,
    ended: bool,
}

impl Inbox {
    /// For messages that are `lines`, or else what comes at once.
    pub(super) fn new(lines: bool) -> Self {
        Inbox { lines, ..Inbox::default() }
    }

    /// One read. Without lines it is a message by itself, unless the one before was not taken: then it joins that.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.ready = self.ready.map(|end| end - self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
        self.look();
    }

    /// The client has ended: what is there is the last message.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.look();
    }

    /// Whether a message is whole.
    pub(super) fn has_message(&self) -> bool {
        self.ready.is_some()
    }

    /// Whether the client has ended, though messages may be left.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next message, once it is whole; its newline included.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let end = self.ready.take()?;
        if self.start == 0 && end == self.bytes.len() {
            // Nothing stays allocated: ten thousand clients that are silent cost nothing.
            let all = std::mem::take(&mut self.bytes);
            self.searched = 0;
            return Some(all);
        }
        let message = self.bytes[self.start..end].to_vec();
        (self.start, self.searched) = (end, end);
        if end == self.bytes.len() {
            *self = Inbox { lines: self.lines, ended: self.ended, ..Inbox::default() };
        }
        self.look();
        Some(message)
    }

    fn look(&mut self) {
        self.ready = match self.ready {
            // What joins a read belongs to the same message.
            _ if !self.lines => Some(self.bytes.len()).filter(|&end| end > 0),
            None => self.line_end(),
            found => found,
        };
    }

    fn line_end(&mut self) -> Option<usize> {
        let (end, limit) = (self.bytes.len(), self.start + LONGEST_LINE);
        let found = self.bytes[self.searched..].iter().position(|&b| b == b'\n').map(|at| self.searched + at);
        self.searched = found.unwrap_or(end);
        match found {
            Some(newline) if newline <= limit => Some(newline + 1),
            _ if end > limit => Some(limit),
            _ => Some(end).filter(|&end| self.ended && end > self.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All messages of `input`, which comes in pieces of these sizes, again and again.
    fn messages(lines: bool, input: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
        let mut inbox = Inbox::new(lines);
        let mut found = Vec::new();
        let mut rest = input;
        for &size in sizes.iter().cycle() {
            let (piece, tail) = rest.split_at(size.min(rest.len()));
            if piece.is_empty() {
                break;
            }
            inbox.push(piece);
            found.extend(std::iter::from_fn(|| inbox.take()));
            rest = tail;
        }
        inbox.end();
        found.extend(std::iter::from_fn(|| inbox.take()));
        assert!(!inbox.has_message() && inbox.has_ended());
        found
    }

    #[test]
    fn lines_wherever_the_reads_are_cut() {
        let table: [(&[u8], &[&[u8]]); 6] = [
            (b"", &[]),
            (b"a\n", &[b"a\n"]),
            (b"a\r\nb\n", &[b"a\r\n", b"b\n"]),
            (b"\n\nx", &[b"\n", b"\n", b"x"]),
            (b"last", &[b"last"]),
            (b"a\0b\xff\n\r", &[b"a\0b\xff\n", b"\r"]),
        ];
        for (input, lines) in table {
            for step in 1..=input.len().max(1) {
                assert_eq!(messages(true, input, &[step]), lines, "{input:?} by {step}");
            }
        }
    }

    #[test]
    fn a_read_is_a_message_whatever_is_in_it() {
        assert_eq!(messages(false, b"a\nb\nc", &[3, 2]), [b"a\nb".to_vec(), b"\nc".to_vec()]);
    }

    #[test]
    fn reads_that_nobody_asked_for_join_the_one_before() {
        let mut inbox = Inbox::new(false);
        inbox.push(b"Mich");
        inbox.push(b"ael");
        assert_eq!((inbox.take(), inbox.take()), (Some(b"Michael".to_vec()), None));
    }

    #[test]
    fn a_line_that_is_too_long_is_several_messages() {
        let long = vec![b'x'; LONGEST_LINE];
        let with = |tail: &[u8]| [&long[..], tail].concat();
        let table: [(Vec<u8>, Vec<Vec<u8>>); 5] = [
            (with(b""), vec![with(b"")]),
            (with(b"\n"), vec![with(b"\n")]),
            (with(b"y\n"), vec![with(b""), b"y\n".to_vec()]),
            (with(b"yy"), vec![with(b""), b"yy".to_vec()]),
            ([with(b""), with(b"\nz\n")].concat(), vec![with(b""), with(b"\n"), b"z\n".to_vec()]),
        ];
        for (input, lines) in &table {
            for sizes in [&[1][..], &[1000], &[LONGEST_LINE], &[LONGEST_LINE + 1], &[1 << 20], &[65_000, 1, 7]] {
                assert!(messages(true, input, sizes) == *lines, "{} bytes by {sizes:?}", input.len());
            }
        }
    }

    proptest! {
        #[test]
        fn the_cuts_of_the_reads_make_no_difference(
            input in prop::collection::vec(prop::sample::select(&b"ab\n\r"[..]), 0..80),
            sizes in prop::collection::vec(1_usize..20, 1..6),
        ) {
            let lines = messages(true, &input, &sizes);
            prop_assert_eq!(lines.concat(), &input[..]);
            prop_assert_eq!(lines, messages(true, &input, &[80]));
        }
    }
}
