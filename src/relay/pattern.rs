//! Finds a text in a stream that comes in pieces, however they are cut (`--until-match`).
//!
//! Knuth, Morris and Pratt: each byte is looked at once, and nothing of the stream is kept. A search of the
//! standard library over pieces glued together would copy, and look at the seams twice.

/// A text to be found, and how much of it the stream ended with so far.
#[derive(Debug)]
pub(super) struct Pattern {
    text: Vec<u8>,
    /// For each prefix of `text`, the length of the longest shorter one that it ends with.
    falls_to: Vec<usize>,
    matched: usize,
}

impl Pattern {
    /// Looks for `text` from the next byte on. An empty text has been found already.
    pub(super) fn new(text: Vec<u8>) -> Self {
        let mut falls_to = vec![0; text.len()];
        let mut length = 0;
        for place in 1..text.len() {
            length = extended(&text, &falls_to, length, text[place]);
            falls_to[place] = length;
        }
        Pattern { text, falls_to, matched: 0 }
    }

    /// Looks at the next piece of the stream.
    pub(super) fn saw(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.is_found() {
                return;
            }
            self.matched = extended(&self.text, &self.falls_to, self.matched, byte);
        }
    }

    /// Whether the whole text has come.
    pub(super) fn is_found(&self) -> bool {
        self.matched == self.text.len()
    }

    /// What is looked for.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// How much of `text` is matched after `byte`, when `matched` of it were before: fewer than all.
fn extended(text: &[u8], falls_to: &[usize], mut matched: usize, byte: u8) -> usize {
    while matched > 0 && text[matched] != byte {
        matched = falls_to[matched - 1];
    }
    matched + usize::from(text[matched] == byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &[u8], pieces: &[&[u8]]) -> bool {
        let mut pattern = Pattern::new(text.to_vec());
        for piece in pieces {
            pattern.saw(piece);
        }
        pattern.is_found()
    }

    #[test]
    fn a_text_is_found_whichever_byte_the_stream_is_split_at() {
        let stream = b"220 aabaabaaab ready\r\n";
        for text in [&b"aabaaab"[..], b"ready\r\n", b"2", b"220 aabaabaaab ready\r\n"] {
            for cut in 0..=stream.len() {
                let (head, tail) = stream.split_at(cut);
                assert!(found(text, &[head, tail]), "{text:?} cut at {cut}");
            }
            assert!(found(text, &stream.chunks(1).collect::<Vec<_>>()), "{text:?} byte by byte");
        }
        assert!(!found(b"aabaabb", &[stream]) && !found(b"ready\n", &[stream]) && !found(b"x", &[]));
    }

    #[test]
    fn what_was_found_stays_found() {
        assert!(found(b"ab", &[b"ab", b"xyz"]));
        assert!(found(b"", &[]));
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_search_of_the_whole(
            text in prop::collection::vec(0_u8..2, 1..8),
            stream in prop::collection::vec(0_u8..2, 0..64),
            piece in 1_usize..9,
        ) {
            let whole = stream.windows(text.len()).any(|window| window == text);
            prop_assert_eq!(found(&text, &stream.chunks(piece).collect::<Vec<_>>()), whole);
        }
    }
}
