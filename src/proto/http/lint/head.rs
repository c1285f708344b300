//! A head read with indulgence: whatever it is, its lines are told apart, and what is wrong with each is said.
//!
//! Owns the grammar of the head (RFC 9112 §2 to §5). Refuses only what does not begin with a status line at all.

use super::Findings;
use crate::proto::escape;
use crate::proto::http::{excerpt, is_token, is_value, masked};

/// A head as an indulgent reader would have it.
#[derive(Debug)]
pub(super) struct Head {
    /// The minor version: 0 for HTTP/1.0. What cannot be read counts as 1.
    pub(super) minor: u8,
    /// 0 if it cannot be read.
    pub(super) status: u16,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    value: Vec<u8>,
}

impl Head {
    /// The values of all fields of that name, in order.
    pub(super) fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| &f.value[..])
    }

    /// The value of the first field of that name.
    pub(super) fn get<'h>(&'h self, name: &'h str) -> Option<&'h [u8]> {
        self.all(name).next()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The members of a list-based field, without empty ones (RFC 9110 §5.6.1).
    pub(super) fn list<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        let members = self.all(name).flat_map(|value| value.split(|&b| b == b','));
        members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
    }

    /// Whether that list has this member, compared without regard to case.
    pub(super) fn lists(&self, name: &str, member: &str) -> bool {
        self.list(name).any(|m| m.eq_ignore_ascii_case(member.as_bytes()))
    }
}

/// The head in `raw`, as far as it came; `None` if it begins with something else than a status line.
pub(super) fn read(raw: &[u8], out: &mut Findings) -> Option<Head> {
    let lines = Lines::of(raw);
    let Some((first, rest)) = lines.found.split_first() else {
        out.error("RFC 9112 §4", "there is no status line");
        return None;
    };
    let mut head = status_line(first, out)?;
    lines.check_ends(out);
    for line in rest {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        match head.fields.last_mut() {
            Some(field) if folded => unfold(field, line, out),
            None if folded => out.error("RFC 9112 §2.2", about(line, "begins with white space, before any field")),
            _ => head.fields.extend(field(line, out)),
        }
    }
    Some(head)
}

/// The lines up to the empty one, without their ends.
#[derive(Default)]
struct Lines<'r> {
    found: Vec<&'r [u8]>,
    /// Lines that end in LF alone.
    bare: usize,
    /// Empty lines before the first.
    empty: usize,
    /// Whether the empty line behind the last came.
    complete: bool,
}

impl<'r> Lines<'r> {
    fn of(raw: &'r [u8]) -> Self {
        let mut lines = Self::default();
        for line in raw.split_inclusive(|&b| b == b'\n') {
            let ended = line.strip_suffix(b"\n");
            let text = ended.map_or(line, |text| text.strip_suffix(b"\r").unwrap_or(text));
            lines.bare += usize::from(ended == Some(text));
            match (text.is_empty(), lines.found.is_empty()) {
                (true, true) => lines.empty += 1,
                (true, false) => {
                    lines.complete = ended.is_some();
                    break;
                }
                _ => lines.found.push(text),
            }
        }
        lines
    }

    fn check_ends(&self, out: &mut Findings) {
        if !self.complete {
            out.error("RFC 9112 §8", "the head ends without its empty line");
        }
        if self.empty > 0 {
            out.error("RFC 9112 §2.2", format!("{} empty lines stand before the status line", self.empty));
        }
        if self.bare > 0 {
            out.error("RFC 9112 §2.2", format!("{} lines of the head end in LF without CR", self.bare));
        }
    }
}

/// `HTTP/1.1 200 OK`
fn status_line(line: &[u8], out: &mut Findings) -> Option<Head> {
    let mut parts = line.splitn(3, |&b| b == b' ');
    let (version, code, reason) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some((name, numbers)) = version.split_at_checked(5).filter(|(name, _)| name.eq_ignore_ascii_case(b"HTTP/"))
    else {
        out.error("RFC 9112 §4", format!("it begins with {}, which is no status line", excerpt(line)));
        return None;
    };
    if name != b"HTTP/" {
        out.error("RFC 9112 §2.3", format!("the status line {} has HTTP in small letters", excerpt(line)));
    }
    let minor = minor_version(numbers, out);
    let status = status_code(code.unwrap_or_default(), out);
    match reason {
        None if status > 0 => {
            out.error("RFC 9112 §4", "the status line has no space behind the status code");
        }
        Some(reason) if !reason.iter().copied().all(is_value) => {
            out.error("RFC 9112 §4", format!("the reason phrase {} holds a control character", excerpt(reason)));
        }
        _ => {}
    }
    Some(Head { minor, status, fields: Vec::new() })
}

fn minor_version(numbers: &[u8], out: &mut Findings) -> u8 {
    match numbers {
        b"1.0" => return 0,
        b"1.1" => {}
        [b'1', b'.', digit] if digit.is_ascii_digit() => {
            out.error("RFC 9110 §2.5", format!("it is HTTP/1.{}, a version that does not exist", char::from(*digit)));
        }
        [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            out.error("RFC 9112 §2.3", "it has the grammar of HTTP/1.1 and names another major version");
        }
        other => out.error("RFC 9112 §2.3", format!("the version {} is not two digits with a dot", excerpt(other))),
    }
    1
}

fn status_code(code: &[u8], out: &mut Findings) -> u16 {
    let number = match code {
        [_, _, _] if code.iter().all(u8::is_ascii_digit) => str::from_utf8(code).ok().and_then(|t| t.parse().ok()),
        _ => None,
    };
    let Some(number) = number else {
        out.error("RFC 9112 §4", format!("the status code {} is not three digits behind one space", excerpt(code)));
        return 0;
    };
    if !(100..600).contains(&number) {
        out.error("RFC 9110 §15", format!("the status code {number:03} is not between 100 and 599"));
    }
    number
}

fn unfold(field: &mut Field, line: &[u8], out: &mut Findings) {
    // What is folded may belong to a secret: nothing of it is shown.
    out.error(
        "RFC 9112 §5.2",
        format!("the field {} goes on in another line (obsolete folding)", excerpt(field.name.as_bytes())),
    );
    check_value(&field.name, line, out);
    field.value.push(b' ');
    field.value.extend_from_slice(line.trim_ascii());
}

fn field(line: &[u8], out: &mut Findings) -> Option<Field> {
    let Some(colon) = line.iter().position(|&b| b == b':') else {
        out.error("RFC 9112 §5", about(line, "has no colon"));
        return None;
    };
    let (name, value) = (line[..colon].trim_ascii_end(), &line[colon + 1..]);
    if name.len() < colon {
        out.error("RFC 9112 §5.1", about(line, "has white space before its colon"));
    }
    if name.is_empty() {
        out.error("RFC 9110 §5.1", about(line, "has no name"));
    } else if !name.iter().copied().all(is_token) {
        out.error("RFC 9110 §5.1", about(line, "has a character in its name that none may have"));
    }
    let name = escape(name);
    check_value(&name, value, out);
    Some(Field { name, value: value.trim_ascii().to_vec() })
}

fn check_value(name: &str, value: &[u8], out: &mut Findings) {
    let name = excerpt(name.as_bytes());
    if value.contains(&b'\r') {
        out.error("RFC 9112 §2.2", format!("the field {name} holds a CR without LF"));
    } else if !value.iter().copied().all(is_value) {
        out.error("RFC 9110 §5.5", format!("the field {name} holds a control character"));
    } else if !value.is_ascii() {
        out.note("RFC 9110 §5.5", format!("the field {name} holds bytes outside of ASCII"));
    }
}

fn about(line: &[u8], what: &str) -> String {
    format!("the line {} {what}", excerpt(&masked(line)))
}
