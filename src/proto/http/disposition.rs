//! The name of a file that somebody else chooses: from the URL's path, or from `Content-Disposition` (RFC 6266).
//!
//! Owns reading both and making the name safe: it is one name and never a path, it is not hidden, it is not taken
//! for an option, it shows as what it is and it fits into a directory. Refuses to invent one: where nothing names a
//! file, there is no name, and the user has to say it.

use std::borrow::Cow;

use super::is_token;
use super::url::Url;
use crate::proto::is_hidden;

/// The longest name in bytes that file systems take (`NAME_MAX` of Linux, macOS and the BSDs).
pub const MAX_NAME: usize = 255;

/// The file name in the last segment of the URL's path, percent-decoded; `None` if the path ends with a slash.
///
/// ```
/// use sockkit::proto::http::{Url, disposition::from_url};
///
/// let named = |url| Url::parse(url).map(|url| from_url(&url));
/// assert_eq!(named("http://h/a/b%20c.tar.gz?d")?.as_deref(), Some("b c.tar.gz"));
/// assert_eq!(named("http://h/..%2f.profile")?.as_deref(), Some("_._.profile"));
/// assert_eq!(named("http://h/a/")?, None);
/// # Ok::<(), sockkit::proto::http::UrlError>(())
/// ```
#[must_use]
pub fn from_url(url: &Url) -> Option<String> {
    let path = url.target().split('?').next().unwrap_or_default();
    let segment = path.rsplit('/').next().unwrap_or_default();
    safe(&as_text(&percent_decoded(segment.as_bytes())))
}

/// The file name in a `Content-Disposition`, whatever the disposition: `filename*` if it can be read, else `filename`.
/// Of a path only the last part is taken (RFC 6266 §4.3), with either kind of slash.
#[must_use]
pub fn from_field(value: &[u8]) -> Option<String> {
    let parameters = parameters(value)?;
    let of = |name: &str| {
        let mut all = parameters.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        // Two of one name: either may be what is meant (RFC 6266 §4.1).
        all.next().filter(|_| all.next().is_none()).map(|(_, value)| &value[..])
    };
    let extended = of("filename*").and_then(extended);
    let name = extended.or_else(|| of("filename").map(|plain| as_text(plain).into_owned()))?;
    safe(name.rsplit(['/', '\\']).next().unwrap_or_default())
}

/// A name fit for a file, or `None` if there is nothing in it.
fn safe(name: &str) -> Option<String> {
    let mut out: String = name.trim().chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    // Hidden, `.` and `..`; and `-`, which is standard output or the start of an option.
    if out.starts_with(['.', '-', '~']) {
        out.replace_range(..1, "_");
    }
    while out.len() > MAX_NAME {
        out.pop();
    }
    Some(out.trim_end()).filter(|name| !name.is_empty()).map(str::to_owned)
}

fn is_safe(c: char) -> bool {
    !matches!(c, '/' | '\\') && !is_hidden(c)
}

/// UTF-8; what is not UTF-8 is taken for ISO 8859-1, as older servers send it.
fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| latin1(bytes).into(), Cow::from)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

/// A `%` without two hexadecimal digits behind it stands for itself.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let coded = if *first == b'%' { hex_byte(behind) } else { None };
        out.push(coded.unwrap_or(*first));
        rest = if coded.is_some() { &behind[2..] } else { behind };
    }
    out
}

fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// `UTF-8'en'na%C3%AFve` (RFC 8187 §3.2.1); `None` if the charset is not known or the bytes are not in it.
fn extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |&b| b == b'\'');
    let (charset, _language, coded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decoded(coded);
    if charset.eq_ignore_ascii_case(b"utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case(b"iso-8859-1") {
        Some(latin1(&bytes))
    } else {
        None
    }
}

/// The parameters behind the disposition's type, with quotes and backslashes resolved (RFC 9110 §5.6.6). Some
/// servers leave the type out. `None` if the field breaks the grammar where a name could hide.
fn parameters(value: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let kind = value.iter().position(|b| !is_token(*b)).unwrap_or(value.len());
    let untyped = value[kind..].trim_ascii_start().first() == Some(&b'=');
    let mut rest = if untyped { value } else { &value[kind..] };
    let mut found = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        while let [b';', behind @ ..] = rest {
            rest = behind.trim_ascii_start();
        }
        if rest.is_empty() {
            return Some(found);
        }
        let (parameter, behind) = parameter(rest)?;
        found.push(parameter);
        rest = behind.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b";") {
            return None;
        }
    }
}

type Parameter = (Vec<u8>, Vec<u8>);

fn parameter(text: &[u8]) -> Option<(Parameter, &[u8])> {
    let (name, rest) = text.split_at(text.iter().position(|b| !is_token(*b))?);
    let rest = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (value, rest) = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted_string(quoted)?,
        None => bare(rest),
    };
    (!name.is_empty()).then(|| ((name.to_vec(), value), rest))
}

/// Not only a token: file names with spaces and brackets come without quotes.
fn bare(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (value, rest) = text.split_at(text.iter().position(|&b| b == b';').unwrap_or(text.len()));
    (value.trim_ascii_end().to_vec(), rest)
}

/// The text up to the closing quote, and what stands behind that.
fn quoted_string(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return Some((out, behind)),
            // Only what needs it is escaped by a backslash: browsers send `C:\dir\file` as it is.
            [b'\\', c @ (b'"' | b'\\'), behind @ ..] | [c, behind @ ..] => {
                out.push(*c);
                behind
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_urls() {
        let table = [
            ("http://h", None),
            ("http://h/", None),
            ("http://h/a/", None),
            ("http://h/?a/b", None),
            ("http://h/%20", None),
            ("http://h/a", Some("a")),
            ("http://h/a/b.txt?c=/d#e", Some("b.txt")),
            ("http://h/a%20b", Some("a b")),
            ("http://h/ü%C3%BC", Some("üü")),
            ("http://h/%FC", Some("ü")),
            ("http://h/a%2Fb", Some("a_b")),
            ("http://h/a%5Cb", Some("a_b")),
            ("http://h/..%2f..%2fetc%2fpasswd", Some("_._.._etc_passwd")),
            ("http://h/a/.bashrc", Some("_bashrc")),
            ("http://h/%2e%2e%2f", Some("_._")),
            ("http://h/-rf", Some("_rf")),
            ("http://h/-", Some("_")),
            ("http://h/~root", Some("_root")),
            ("http://h/a%00b%0a%1b", Some("a_b__")),
            ("http://h/%E2%80%AEgpj.exe", Some("_gpj.exe")),
            ("http://h/a%2", Some("a%2")),
            ("http://h/100%", Some("100%")),
            ("http://h/%25zz", Some("%zz")),
        ];
        for (url, want) in table {
            assert_eq!(from_url(&Url::parse(url).unwrap()).as_deref(), want, "{url}");
        }
    }

    #[test]
    fn names_in_fields() {
        let table: &[(&[u8], Option<&str>)] = &[
            (b"", None),
            (b"attachment", None),
            (b"attachment;", None),
            (b"attachment; filename=", None),
            (b"attachment; filename=\"\"", None),
            (b"attachment; filename=a.txt", Some("a.txt")),
            (b"ATTACHMENT;FILENAME=a.txt", Some("a.txt")),
            (b"inline; filename=\"a b.txt\"", Some("a b.txt")),
            (b"filename=a.txt", Some("a.txt")),
            (b"attachment; foo=bar; filename = \"a\" ; x=y", Some("a")),
            (b"attachment;; filename=a;", Some("a")),
            (b"attachment; filename=a b (1).txt", Some("a b (1).txt")),
            (b"attachment; filename=\"a;b=c\"", Some("a;b=c")),
            (br#"attachment; filename="\"q\".txt""#, Some("\"q\".txt")),
            (br#"attachment; filename="C:\dir\f.txt""#, Some("f.txt")),
            (b"attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            (b"attachment; filename=\"/\"", None),
            (b"attachment; filename=\"a/..\"", Some("_.")),
            (b"attachment; filename=\".bashrc\"", Some("_bashrc")),
            (b"attachment; filename=\"a%20b\"", Some("a%20b")),
            ("attachment; filename=\"ü.txt\"".as_bytes(), Some("ü.txt")),
            (b"attachment; filename=\"\xfc.txt\"", Some("ü.txt")),
            (b"attachment; filename*=UTF-8''%e2%82%ac%20rates", Some("€ rates")),
            (b"attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", Some("€ rates")),
            (b"attachment; filename*=UTF-8'en'a; filename=b", Some("a")),
            (b"attachment; filename*=iso-8859-1''%a3", Some("£")),
            (b"attachment; filename*=UTF-8''..%2f..%2fx", Some("x")),
            // What cannot be read does not hide what can.
            (b"attachment; filename*=UTF-8''%ff; filename=b", Some("b")),
            (b"attachment; filename*=koi8-r''a; filename=b", Some("b")),
            (b"attachment; filename*=a; filename=b", Some("b")),
            // RFC 6266 section 4.1 and RFC 9110 section 5.6.6: not to be trusted.
            (b"attachment; filename=a; filename=b", None),
            (b"attachment; filename=\"a", None),
            (b"attachment; filename=\"a\"b", None),
            (b"attachment; =a; filename=b", None),
            (b"attachment; filename", None),
        ];
        for (value, want) in table {
            assert_eq!(from_field(value).as_deref(), *want, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        assert_eq!(safe(&"ü".repeat(200)).unwrap(), "ü".repeat(127));
        assert_eq!(safe(&"x".repeat(255)).unwrap().len(), 255);
    }

    proptest! {
        #[test]
        fn a_name_is_one_name(name in "[./\\\\~%a2fF0 \\-\\u{202e}]{0,12}|\\PC{0,300}", raw: Vec<u8>, quote: bool) {
            let field = if quote { format!("a; filename=\"{name}\"") } else { format!("a; filename*=utf-8''{name}") };
            let url = Url::parse("http://h/").unwrap().redirect(format!("/{name}").as_bytes());
            let names = [from_field(field.as_bytes()), from_field(&raw), url.ok().and_then(|url| from_url(&url))];
            for name in names.into_iter().flatten() {
                prop_assert!(!name.is_empty() && name.len() <= MAX_NAME);
                prop_assert!(!name.contains(['/', '\\']) && !name.starts_with(['.', '-', '~']), "{}", name);
                prop_assert_eq!(crate::proto::escape(name.as_bytes()), name);
            }
        }
    }
}
