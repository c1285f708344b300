//! XMPP: a stream's header each way, its features, starttls, proceed (RFC 6120 §4.2, §5.4).
//!
//! Owns a scanner for what a server may send until then, tag by tag. Refuses what XMPP forbids and a parser could be
//! tricked with (comments, processing instructions, document types, §11.1), text between the elements, and to nest deep.

use super::{Dialogue, Message, Next, StartTlsError, brief, malformed, quoted};
use crate::proto::escape;

const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";

/// Features nest three deep in practice.
const MAX_DEPTH: usize = 16;

#[derive(Debug)]
pub(super) struct Xmpp {
    /// The domain that we want.
    name: String,
    scan: Scan,
    /// The elements that are open, the stream first.
    open: Vec<Vec<u8>>,
    /// The element below the stream that is being read, as it came.
    element: Vec<u8>,
    features: Vec<Vec<u8>>,
    offered: bool,
    below: Below,
    asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    Text,
    Tag,
    Quote(u8),
}

impl Xmpp {
    pub(super) fn new(name: &str) -> Self {
        Xmpp {
            // The final dot is the resolver's (RFC 7622 §3.2).
            name: name.strip_suffix('.').unwrap_or(name).to_owned(),
            scan: Scan::Text,
            open: Vec::new(),
            element: Vec::new(),
            features: Vec::new(),
            offered: false,
            below: Below::Other,
            asked: false,
        }
    }
}

impl Dialogue for Xmpp {
    fn opening(&self) -> Option<Message> {
        let header = format!(
            "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>",
            attribute_text(&self.name)
        );
        Some(Message { bytes: header.clone().into_bytes(), words: header })
    }

    /// A message is a tag, and the text before it.
    fn is_whole(&mut self, message: &[u8]) -> Result<bool, StartTlsError> {
        let byte = message.last().copied().unwrap_or_default();
        let (scan, is_whole) = match (self.scan, byte) {
            (Scan::Text, b'<') => (Scan::Tag, false),
            // Below the stream itself only white space may stand between the elements (§4.6.1, §11.7).
            (Scan::Text, byte) if self.open.len() < 2 && !byte.is_ascii_whitespace() => {
                return Err(malformed(format!("text stands where none may: {}", quoted(message))));
            }
            (Scan::Tag, b'<' | b'!') => return Err(malformed(format!("{} is no tag", quoted(message)))),
            (Scan::Tag, b'\'' | b'"') => (Scan::Quote(byte), false),
            (Scan::Quote(quote), byte) if quote == byte => (Scan::Tag, false),
            (Scan::Tag, b'>') => (Scan::Text, true),
            (same, _) => (same, false),
        };
        self.scan = scan;
        Ok(is_whole)
    }

    fn hear(&mut self, message: &[u8], heard: &mut Vec<String>) -> Result<Next, StartTlsError> {
        let tag = Tag::read(message)?;
        if self.open.len() < 2 {
            self.element.clear();
        }
        self.element.extend_from_slice(message.trim_ascii_start());
        self.follow(&tag)?;
        if self.open.len() > 1 {
            return Ok(Next::Wait);
        }
        heard.push(escape(&self.element));
        match (self.open.len(), tag.kind) {
            (0, Kind::Declaration) | (_, Kind::Open) => Ok(Next::Wait),
            (0, _) => Err(self.refusal()),
            _ => self.judge(),
        }
    }

    fn awaits(&self) -> &'static str {
        if self.asked { "wait for the answer to starttls of" } else { "wait for the stream features of" }
    }
}

impl Xmpp {
    /// Opens and closes elements.
    fn follow(&mut self, tag: &Tag<'_>) -> Result<(), StartTlsError> {
        match tag.kind {
            Kind::Declaration if self.open.is_empty() => Ok(()),
            Kind::Declaration => Err(malformed("an XML declaration stands inside the stream")),
            Kind::Close if self.open.last().is_some_and(|open| open == tag.name) => {
                self.open.pop();
                Ok(())
            }
            Kind::Close => Err(malformed(format!("</{}> closes what is not open", brief(tag.name)))),
            Kind::Open | Kind::Empty => self.enter(tag),
        }
    }

    fn enter(&mut self, tag: &Tag<'_>) -> Result<(), StartTlsError> {
        match self.open.len() {
            0 => tag.is_stream_of_version_1()?,
            1 => self.below = tag.below()?,
            2 if self.below == Below::Features => {
                self.offered |= tag.is(b"starttls", TLS)?;
                self.features.push(local(tag.name).to_vec());
            }
            MAX_DEPTH.. => return Err(malformed(format!("its elements are nested over {MAX_DEPTH} deep"))),
            _ => {}
        }
        if tag.kind == Kind::Open {
            self.open.push(tag.name.to_vec());
        }
        Ok(())
    }

    /// What the element below the stream means that has just ended.
    fn judge(&mut self) -> Result<Next, StartTlsError> {
        match (self.below, self.asked) {
            (Below::Features, false) if self.offered => {
                self.asked = true;
                let words = format!("<starttls xmlns='{TLS}'/>");
                Ok(Next::Say(Message { bytes: words.clone().into_bytes(), words }))
            }
            (Below::Features, false) => Err(StartTlsError::NotOffered(match self.features.as_slice() {
                [] => "its stream has no features".into(),
                features => {
                    format!("its stream's features have no starttls, but {}", brief(&features.join(&b", "[..])))
                }
            })),
            (Below::Proceed, true) => Ok(Next::Ready),
            (Below::Refusal, _) => Err(self.refusal()),
            _ => Err(malformed(format!("nobody asked for {}", quoted(&self.element)))),
        }
    }

    /// The server's own words are all of the element.
    fn refusal(&self) -> StartTlsError {
        StartTlsError::Refused(if self.asked { "starttls" } else { "the stream" }, quoted(&self.element))
    }
}

/// Elements below the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Features,
    Proceed,
    Refusal,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Declaration,
    Open,
    /// `<name/>`
    Empty,
    Close,
}

/// A tag, with what stands in it behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag<'a> {
    kind: Kind,
    name: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag at the end of `message`; the text before it is nobody's business.
    fn read(message: &'a [u8]) -> Result<Self, StartTlsError> {
        let no_tag = || malformed(format!("{} is no tag", quoted(message)));
        let start = message.iter().position(|&b| b == b'<').ok_or_else(no_tag)?;
        let inside = message[start + 1..].strip_suffix(b">").ok_or_else(no_tag)?;
        let (kind, inside) = match inside {
            [b'?', declaration @ .., b'?'] if declaration.starts_with(b"xml ") => (Kind::Declaration, declaration),
            [b'?', ..] => return Err(malformed(format!("{} is a processing instruction", quoted(message)))),
            [b'/', inside @ ..] => (Kind::Close, inside),
            [inside @ .., b'/'] => (Kind::Empty, inside),
            inside => (Kind::Open, inside),
        };
        let end = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(end);
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || b":_-.".contains(b);
        if name.is_empty() || !name.iter().all(is_name) {
            return Err(no_tag());
        }
        Ok(Tag { kind, name, attributes: attributes.trim_ascii() })
    }

    /// Whether this is an element of that local name and namespace, declared in its own tag.
    fn is(&self, name: &[u8], namespace: &str) -> Result<bool, StartTlsError> {
        let prefix = self.name.strip_suffix(local(self.name)).unwrap_or_default();
        let declaration = match prefix.strip_suffix(b":") {
            Some(prefix) => [b"xmlns:", prefix].concat(),
            None => b"xmlns".to_vec(),
        };
        Ok(local(self.name) == name && self.attribute(&declaration)? == Some(namespace.as_bytes()))
    }

    /// What it is below the stream.
    fn below(&self) -> Result<Below, StartTlsError> {
        Ok(match local(self.name) {
            b"features" => Below::Features,
            b"proceed" if self.is(b"proceed", TLS)? => Below::Proceed,
            b"failure" | b"error" => Below::Refusal,
            _ => Below::Other,
        })
    }

    /// A stream without a version is of before 2004 and has no features (§4.7.5).
    fn is_stream_of_version_1(&self) -> Result<(), StartTlsError> {
        if local(self.name) != b"stream" {
            return Err(malformed(format!("<{}> stands where a stream should begin", brief(self.name))));
        }
        match self.attribute(b"version")? {
            Some([b'1'..=b'9', ..]) => Ok(()),
            _ => Err(StartTlsError::NotOffered("its stream is older than version 1.0".into())),
        }
    }

    /// The value of an attribute, as it came.
    fn attribute(&self, wanted: &[u8]) -> Result<Option<&'a [u8]>, StartTlsError> {
        let broken = || malformed(format!("the attributes {} can't be read", quoted(self.attributes)));
        let mut rest = self.attributes;
        while !rest.is_empty() {
            let equals = rest.iter().position(|&b| b == b'=').ok_or_else(broken)?;
            let (name, value) = (rest[..equals].trim_ascii(), rest[equals + 1..].trim_ascii_start());
            let (quote, value) = value.split_first().filter(|(q, _)| b"'\"".contains(q)).ok_or_else(broken)?;
            let end = value.iter().position(|b| b == quote).ok_or_else(broken)?;
            if name == wanted {
                return Ok(Some(&value[..end]));
            }
            rest = value[end + 1..].trim_ascii_start();
        }
        Ok(None)
    }
}

/// A name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|&b| b == b':').next().unwrap_or(name)
}

/// Text as it stands between the quotes of an attribute.
fn attribute_text(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(c),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        let table: &[(&str, Kind, &str, &str)] = &[
            ("<a>", Kind::Open, "a", ""),
            (" \n<a b='c' >", Kind::Open, "a", "b='c'"),
            ("text</x:a >", Kind::Close, "x:a", ""),
            ("<a b='/'/>", Kind::Empty, "a", "b='/'"),
            ("<?xml version='1.0'?>", Kind::Declaration, "xml", "version='1.0'"),
        ];
        for (text, kind, name, attributes) in table {
            let want = Tag { kind: *kind, name: name.as_bytes(), attributes: attributes.as_bytes() };
            assert_eq!(Tag::read(text.as_bytes()), Ok(want), "{text}");
        }
        for text in ["", "<", ">", "<>", "< a>", "</>", "</ a>", "<?php x?>", "<?xml>", "<a\0>", "<a=b>"] {
            assert!(Tag::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn attributes() {
        let value = |attributes: &str, name: &str| {
            let tag = Tag { kind: Kind::Open, name: b"a", attributes: attributes.as_bytes() };
            tag.attribute(name.as_bytes()).map(|value| value.map(|v| String::from_utf8_lossy(v).into_owned()))
        };
        assert_eq!(value("b='1' c = \"2'>\"\td=''", "c"), Ok(Some("2'>".into())));
        assert_eq!(value("b='1' c = \"2'>\"\td=''", "d"), Ok(Some(String::new())));
        assert_eq!((value("", "b"), value("b='b=1'", "1")), (Ok(None), Ok(None)));
        for broken in ["b", "b=", "b=1", "b='1", "b='1' c"] {
            assert!(value(broken, "x").is_err(), "{broken}");
        }
    }

    #[test]
    fn namespaces_count_and_prefixes_do_not() {
        let is = |text: &str| Tag::read(text.as_bytes()).and_then(|tag| tag.is(b"proceed", TLS));
        assert_eq!(is("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), Ok(true));
        assert_eq!(is("<t:proceed xmlns:t=\"urn:ietf:params:xml:ns:xmpp-tls\">"), Ok(true));
        assert_eq!(is("<t:proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"), Ok(false));
        assert_eq!((is("<proceed xmlns='urn:x'/>"), is("<proceed/>"), is("<go/>")), (Ok(false), Ok(false), Ok(false)));
    }

    #[test]
    fn a_name_stays_inside_its_quotes() {
        assert_eq!(attribute_text("a'&<>\"b"), "a&apos;&amp;&lt;>\"b");
    }
}
