//! The file .netrc: which login and password belong to which machine.
//!
//! Owns its grammar as curl reads it: words with white space between them, keywords without regard to case, `#`
//! before a word makes the rest of the line a comment, `"…"` holds white space and the escapes `\n \r \t \" \\`.
//! Macros (`macdef`) are skipped up to an empty line, words that are no keyword are passed over. Refuses a quote
//! that does not end, a keyword without its value, and files larger than curl takes. No `Debug` shows a password.

use std::fmt;

/// The largest file that is read.
pub const MAX_FILE: usize = 128 * 1024;

/// The file's entries in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

/// What the file says of one machine, or by `default` of all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// `None` for `default`.
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
    account: Option<String>,
}

impl Netrc {
    /// Reads the file.
    ///
    /// # Errors
    /// Names the line (exit code 2), and repeats nothing of it.
    pub fn parse(file: &[u8]) -> Result<Self, NetrcError> {
        if file.len() > MAX_FILE {
            return Err(NetrcError { line: 1, fault: Fault::TooLarge });
        }
        let mut reader = Reader::default();
        let mut line = 0;
        for text in file.split(|&b| b == b'\n') {
            line += 1;
            reader.line(text).map_err(|fault| NetrcError { line, fault })?;
        }
        reader.end().map_err(|fault| NetrcError { line, fault })
    }

    /// The first entry for `host` (a name without regard to case, an address without brackets), or `default`,
    /// whichever comes first; with `login`, the first of those with that login.
    #[must_use]
    pub fn find(&self, host: &str, login: Option<&str>) -> Option<&Entry> {
        let is_for = |entry: &&Entry| entry.machine.as_ref().is_none_or(|machine| machine.eq_ignore_ascii_case(host));
        let has_login = |entry: &&Entry| login.is_none_or(|login| entry.login.as_deref() == Some(login));
        self.entries.iter().filter(is_for).find(has_login)
    }
}

impl Entry {
    /// The login; empty if there is none.
    #[must_use]
    pub fn login(&self) -> &str {
        self.login.as_deref().unwrap_or_default()
    }

    /// The password; empty if there is none. Never print it.
    #[must_use]
    pub fn password(&self) -> &str {
        self.password.as_deref().unwrap_or_default()
    }

    /// The account, a second password of some FTP servers.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// Where the file is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetrcError {
    /// The line, from 1.
    pub line: usize,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    TooLarge,
    NotText,
    OpenQuote,
    NoValue,
}

impl fmt::Display for NetrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match self.fault {
            Fault::TooLarge => write!(f, "the file is over {MAX_FILE} bytes"),
            Fault::NotText => write!(f, "line {line} is not UTF-8"),
            Fault::OpenQuote => write!(f, "line {line} has a quote that does not end"),
            Fault::NoValue => write!(f, "the file ends in line {line} behind a keyword without its value"),
        }
    }
}

impl std::error::Error for NetrcError {}

/// What the next word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    Keyword,
    Machine,
    Login,
    Password,
    Account,
    /// The body of a macro, up to an empty line.
    MacroEnd,
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    /// The entry that the words are about; behind a macro they are about none.
    open: Option<Entry>,
    awaited: Awaited,
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let text = str::from_utf8(line).map_err(|_| Fault::NotText)?;
        let text = text.strip_suffix('\r').unwrap_or(text);
        if self.awaited == Awaited::MacroEnd {
            if text.is_empty() {
                self.awaited = Awaited::Keyword;
            }
            return Ok(());
        }
        let mut rest = text.trim_start_matches(is_blank);
        while !rest.is_empty() && !rest.starts_with('#') {
            let (word, behind) = next_word(rest)?;
            self.word(word);
            if self.awaited == Awaited::MacroEnd {
                // The rest of the line is the macro's name.
                return Ok(());
            }
            rest = behind.trim_start_matches(is_blank);
        }
        Ok(())
    }

    fn word(&mut self, word: String) {
        let awaited = std::mem::take(&mut self.awaited);
        if awaited == Awaited::Keyword {
            return self.keyword(&word);
        }
        // Values behind no machine belong to nobody.
        let Some(entry) = &mut self.open else { return };
        match awaited {
            Awaited::Machine => entry.machine = Some(word),
            Awaited::Login => entry.login = Some(word),
            Awaited::Password => entry.password = Some(word),
            Awaited::Account => entry.account = Some(word),
            Awaited::Keyword | Awaited::MacroEnd => {}
        }
    }

    fn keyword(&mut self, word: &str) {
        let (awaited, starts) = match word.to_ascii_lowercase().as_str() {
            "machine" => (Awaited::Machine, Some(true)),
            "default" => (Awaited::Keyword, Some(true)),
            "macdef" => (Awaited::MacroEnd, Some(false)),
            "login" => (Awaited::Login, None),
            "password" => (Awaited::Password, None),
            "account" => (Awaited::Account, None),
            _ => (Awaited::Keyword, None),
        };
        self.awaited = awaited;
        if let Some(starts) = starts {
            self.entries.extend(self.open.take());
            self.open = starts.then(Entry::default);
        }
    }

    fn end(mut self) -> Result<Netrc, Fault> {
        if !matches!(self.awaited, Awaited::Keyword | Awaited::MacroEnd) {
            return Err(Fault::NoValue);
        }
        self.entries.extend(self.open.take());
        Ok(Netrc { entries: self.entries })
    }
}

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace()
}

/// The first word of a text that begins with one, and what stands behind it.
fn next_word(text: &str) -> Result<(String, &str), Fault> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = text.split_at(text.find(is_blank).unwrap_or(text.len()));
        return Ok((word.to_owned(), rest));
    };
    let mut word = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next().ok_or(Fault::OpenQuote)? {
            '"' => return Ok((word, chars.as_str())),
            '\\' => word.push(unescaped(chars.next().ok_or(Fault::OpenQuote)?)),
            c => word.push(c),
        }
    }
}

fn unescaped(c: char) -> char {
    match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the file says of a host: `login/password`.
    fn of(file: &str, host: &str) -> Option<String> {
        let netrc = Netrc::parse(file.as_bytes()).unwrap_or_else(|e| panic!("{file:?}: {e}"));
        netrc.find(host, None).map(|entry| format!("{}/{}", entry.login(), entry.password()))
    }

    #[test]
    fn files() {
        // File, host, login and password.
        let table = [
            ("", "h", None),
            ("machine h login u password p", "h", Some("u/p")),
            ("machine h\n\tlogin u\n\tpassword p\n", "h", Some("u/p")),
            ("machine h\r\nlogin u\r\npassword p\r\n", "h", Some("u/p")),
            ("machine\nh\nlogin\nu\npassword\np\n", "h", Some("u/p")),
            ("MACHINE H Login U Password P", "h", Some("U/P")),
            ("machine h login u password p", "i", None),
            ("machine h login u password p", "h.example", None),
            ("machine ::1 login u password p", "::1", Some("u/p")),
            ("machine h password p login u", "h", Some("u/p")),
            ("machine h login u", "h", Some("u/")),
            ("machine h password p", "h", Some("/p")),
            ("machine h account a login u password p", "h", Some("u/p")),
            ("machine g login x password y machine h login u password p", "h", Some("u/p")),
            ("machine h login u password p machine h login x password y", "h", Some("u/p")),
            ("machine h login u password p default login x password y", "h", Some("u/p")),
            ("machine h login u password p default login x password y", "i", Some("x/y")),
            ("default login x password y machine h login u password p", "h", Some("x/y")),
            ("login x password y machine h login u password p", "h", Some("u/p")),
            // A value is a value, whatever it looks like.
            ("machine h login machine password password", "h", Some("machine/password")),
            ("machine machine login u password p", "machine", Some("u/p")),
            ("machine h nonsense login u password p", "h", Some("u/p")),
            ("# machine h login x\nmachine h login u password p", "h", Some("u/p")),
            ("  # x \"\nmachine h login u password p # password q\n", "h", Some("u/p")),
            ("machine h login u#1 password p#2", "h", Some("u#1/p#2")),
            ("machine h login u password \"#p\"", "h", Some("u/#p")),
            ("machine h login \"u v\" password \"\"", "h", Some("u v/")),
            (r#"machine h login "\"u\"" password "a\\b\t\x""#, "h", Some("\"u\"/a\\b\tx")),
            (r"machine h login a\b password c\n", "h", Some(r"a\b/c\n")),
            (r#"machine h login u"v password "p"login w"#, "h", Some(r"w/p")),
            ("machine \"h\" \"login\" u password p", "h", Some("u/p")),
            ("macdef init\nmachine h login x password y\n\nmachine h login u password p", "h", Some("u/p")),
            ("machine h login u password p\nmacdef a\npassword z\n\nlogin z\n", "h", Some("u/p")),
            ("machine h login u password p\nmacdef a\n\"", "h", Some("u/p")),
            ("machine h login grün password p", "h", Some("grün/p")),
        ];
        for (file, host, want) in table {
            assert_eq!(of(file, host).as_deref(), want, "{file:?}");
        }
        let netrc = Netrc::parse(b"machine h login a password 1 machine h login b password 2 account 3").unwrap();
        assert_eq!(netrc.find("H", Some("b")).map(Entry::password), Some("2"));
        assert_eq!(netrc.find("h", Some("b")).and_then(Entry::account), Some("3"));
        assert_eq!(netrc.find("h", Some("B")), None);
    }

    #[test]
    fn refused() {
        let large = "#".repeat(MAX_FILE + 1);
        let table: [(&[u8], usize, &str); 7] = [
            (b"machine h\nlogin \"u\n\"", 2, "line 2 has a quote that does not end"),
            (b"machine h login \"u\\", 1, "line 1 has a quote"),
            (b"machine h login u\npassword\n\n", 4, "in line 4 behind a keyword without its value"),
            (b"machine", 1, "in line 1 behind"),
            (b"machine h login u password # p", 1, "behind a keyword"),
            (b"\nmachine h login \xff", 2, "line 2 is not UTF-8"),
            (large.as_bytes(), 1, "over 131072 bytes"),
        ];
        for (file, line, want) in table {
            let error = Netrc::parse(file).unwrap_err();
            assert_eq!(error.line, line);
            assert!(error.to_string().contains(want), "{error}");
        }
    }

    #[test]
    fn debug_hides_the_password() {
        let shown = format!("{:?}", Netrc::parse(b"machine h login u password hunter2 account hunter2").unwrap());
        assert!(shown.contains("\"h\"") && !shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_quoted_word_is_read_as_it_is(login in "[^\n\r]{0,20}", password in "\\PC{0,20}") {
            let quote = |word: &str| word.replace('\\', "\\\\").replace('"', "\\\"");
            let file = format!("machine h login \"{}\" password \"{}\"", quote(&login), quote(&password));
            prop_assert_eq!(of(&file, "h"), Some(format!("{login}/{password}")));
        }

        #[test]
        fn noise_is_survived(words in prop::collection::vec("machine|default|login|macdef|\n|\"|#|\\\\|h|\u{fc}", 0..20)) {
            let _ = Netrc::parse(words.join(" ").as_bytes()).map(|netrc| netrc.find("h", None).cloned());
            let _ = Netrc::parse(words.concat().as_bytes());
        }
    }
}
