//! Who asks, and for what is newer than what is there: credentials, cookies, the program's name, a condition.
//!
//! Owns spelling, help text and conversion. Opens nothing and reads no environment: it says where a secret is to be
//! found. Refuses to show one: what was typed has no `Debug`, and clap, which quotes what it can't parse, parses none.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::SystemTime;

use clap::{ArgGroup, Args};

use crate::error::{Error, Kind};
use crate::proto::http::Header;
use crate::proto::http::auth::{AuthError, Credentials};
use crate::proto::http::date::HttpDate;

/// Of the ways to log in one is taken.
const LOGIN: &str = "login";

/// `-u --user-file --bearer --bearer-file --bearer-env --netrc --netrc-file --cookie -A --time-cond`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Credentials", group = ArgGroup::new(LOGIN).multiple(false))]
pub struct CredentialArgs {
    /// Log in by name and password (Basic); NAME alone takes the password from `SOCKKIT_PASSWORD` or from the terminal. No redirect carries this, or another secret, from the origin of its URL (scheme, host, port) to another
    #[arg(short = 'u', long, value_name = "NAME[:PASSWORD]", group = LOGIN, allow_hyphen_values = true)]
    user: Option<Typed>,
    /// The same, with the NAME:PASSWORD that is the one line of FILE
    #[arg(long, value_name = "FILE", group = LOGIN)]
    user_file: Option<PathBuf>,
    /// Log in by this token (Bearer)
    #[arg(long, value_name = "TOKEN", group = LOGIN, allow_hyphen_values = true)]
    bearer: Option<Typed>,
    /// The same, with the token that is the one line of FILE
    #[arg(long, value_name = "FILE", group = LOGIN)]
    bearer_file: Option<PathBuf>,
    /// The same, with the token in `SOCKKIT_BEARER`
    #[arg(long, group = LOGIN)]
    bearer_env: bool,
    /// Log in as ~/.netrc says for the host of each URL, where it knows it
    #[arg(long, group = LOGIN)]
    netrc: bool,
    /// The same with FILE
    #[arg(long, value_name = "FILE", group = LOGIN)]
    netrc_file: Option<PathBuf>,
    /// Send these cookies, `NAME=VALUE; NAME=VALUE`; or those of FILE: one such line, or a cookie file of curl's or a browser's (Netscape), of which those are sent that fit the URL
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    cookie: Vec<Typed>,
    /// Call yourself TEXT (User-Agent); an empty one sends no such line
    #[arg(short = 'A', long, value_name = "TEXT", help_heading = "Request", allow_hyphen_values = true)]
    user_agent: Option<String>,
    /// Ask for what has changed since DATE, or since FILE was written; a FILE that is not there asks for all. With a `-` before it: for what has not
    #[arg(long, value_name = "[-]DATE|FILE", help_heading = "Request", allow_hyphen_values = true)]
    time_cond: Option<String>,
}

/// How somebody logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Not at all.
    None,
    /// With these.
    Known(Credentials),
    /// By this name, and a password that is not known yet.
    Name(String),
    /// With the `NAME:PASSWORD` in this file.
    UserFile(PathBuf),
    /// With the token in this file.
    BearerFile(PathBuf),
    /// With the token in the environment.
    BearerEnv,
    /// As this file says, or without one `~/.netrc`.
    Netrc(Option<PathBuf>),
}

/// Where cookies are.
#[derive(Clone)]
pub enum Cookie {
    /// The value of a `Cookie` field.
    Text(String),
    /// A file with one.
    File(PathBuf),
}

/// Of what time the resource has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Unchanged since then, in place of changed.
    pub unmodified: bool,
    /// When.
    pub since: Since,
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// This one.
    Date(HttpDate),
    /// When this file was written.
    File(PathBuf),
}

impl Condition {
    /// The field that says it.
    pub fn field(&self) -> &'static str {
        if self.unmodified { "If-Unmodified-Since" } else { "If-Modified-Since" }
    }
}

impl CredentialArgs {
    /// How somebody logs in.
    pub fn login(&self) -> Result<Login, Error> {
        let refused = |option| move |e: AuthError| Error::new(Kind::Usage, option, "", e);
        if let Some(Typed(text)) = &self.user {
            return match Credentials::parse(text) {
                Err(AuthError::NoPassword) => Ok(Login::Name(text.clone())),
                parsed => parsed.map(Login::Known).map_err(refused("-u")),
            };
        }
        if let Some(Typed(token)) = &self.bearer {
            return Credentials::bearer(token).map(Login::Known).map_err(refused("--bearer"));
        }
        let file = |path: &Option<PathBuf>, login: fn(PathBuf) -> Login| path.clone().map(login);
        let netrc = self.netrc.then_some(Login::Netrc(None));
        let in_file = file(&self.user_file, Login::UserFile).or_else(|| file(&self.bearer_file, Login::BearerFile));
        let in_netrc = netrc.or_else(|| file(&self.netrc_file, |path| Login::Netrc(Some(path))));
        let in_environment = self.bearer_env.then_some(Login::BearerEnv);
        Ok(in_file.or(in_netrc).or(in_environment).unwrap_or(Login::None))
    }

    /// The cookies.
    pub fn cookies(&self) -> impl Iterator<Item = Cookie> {
        self.cookie.iter().map(|Typed(text)| match text.strip_prefix('@') {
            Some(path) => Cookie::File(path.into()),
            None => Cookie::Text(text.clone()),
        })
    }

    /// The header line in which the program names itself, where it is to be another.
    pub fn user_agent(&self) -> Result<Option<Header>, Error> {
        let line = self.user_agent.as_deref().map(|text| match text {
            "" => Header::parse("User-Agent:"),
            text => Header::of("User-Agent", text),
        });
        line.transpose().map_err(|e| Error::new(Kind::Usage, "-A", "", e))
    }

    /// Of what time the resource has to be.
    pub fn condition(&self) -> Result<Option<Condition>, Error> {
        self.time_cond.as_deref().map(condition).transpose()
    }

    /// Each option that was given and the field that it sets: what -H must not set once more.
    pub fn fields(&self) -> Result<Vec<(&'static str, &'static str)>, Error> {
        let login = [
            (self.user.is_some(), "-u"),
            (self.user_file.is_some(), "--user-file"),
            (self.bearer.is_some(), "--bearer"),
            (self.bearer_file.is_some(), "--bearer-file"),
            (self.bearer_env, "--bearer-env"),
            (self.netrc, "--netrc"),
            (self.netrc_file.is_some(), "--netrc-file"),
        ];
        let login = login.into_iter().map(|(given, option)| (given, option, "Authorization"));
        let cookie = (!self.cookie.is_empty(), "--cookie", "Cookie");
        let agent = (self.user_agent.is_some(), "-A", "User-Agent");
        let given = login.chain([cookie, agent]).filter(|(given, ..)| *given).map(|(_, option, field)| (option, field));
        let condition = self.condition()?.map(|condition| ("--time-cond", condition.field()));
        Ok(given.chain(condition).collect())
    }
}

/// What was typed and may be a secret.
#[derive(Clone)]
struct Typed(String);

impl FromStr for Typed {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Typed(text.to_owned()))
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn condition(text: &str) -> Result<Condition, Error> {
    let (unmodified, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if text.is_empty() {
        return Err(Error::usage("--time-cond: a date or a file is needed"));
    }
    let since = date(text).map_or_else(|| Since::File(text.into()), Since::Date);
    Ok(Condition { unmodified, since })
}

/// A date as HTTP writes it, `2026-11-21`, or `2026-11-21T20:30:00` with a space for the T or not; in UTC.
fn date(text: &str) -> Option<HttpDate> {
    let now = HttpDate::from(SystemTime::now());
    let day = || humantime::parse_rfc3339_weak(&format!("{text}T00:00:00")).ok();
    let moment = || humantime::parse_rfc3339_weak(text).ok().or_else(day).map(HttpDate::from);
    HttpDate::parse(text.as_bytes(), now).map(|parsed| parsed.date).or_else(moment)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        credentials: CredentialArgs,
    }

    fn args(words: &[&str]) -> Result<CredentialArgs, clap::Error> {
        Line::try_parse_from([&["get"], words].concat()).map(|line| line.credentials)
    }

    #[test]
    fn ways_to_log_in() {
        let basic = Credentials::basic("u", "p:q").unwrap();
        let table: [(&[&str], Login); 11] = [
            (&[], Login::None),
            (&["-u", "u:p:q"], Login::Known(basic.clone())),
            (&["--user=u:p:q"], Login::Known(basic)),
            (&["-u", "-u:"], Login::Known(Credentials::basic("-u", "").unwrap())),
            (&["-u", "u"], Login::Name("u".into())),
            (&["--user-file", "f"], Login::UserFile("f".into())),
            (&["--bearer", "-t"], Login::Known(Credentials::bearer("-t").unwrap())),
            (&["--bearer-file", "f"], Login::BearerFile("f".into())),
            (&["--bearer-env"], Login::BearerEnv),
            (&["--netrc"], Login::Netrc(None)),
            (&["--netrc-file", "f"], Login::Netrc(Some("f".into()))),
        ];
        for (words, want) in table {
            assert_eq!(args(words).unwrap().login(), Ok(want), "{words:?}");
        }
    }

    #[test]
    fn one_way_at_a_time_and_no_secret_told() {
        let ways: [&[&str]; 7] = [
            &["-u", "hunter2"],
            &["--user-file", "f"],
            &["--bearer", "hunter2"],
            &["--bearer-file", "f"],
            &["--bearer-env"],
            &["--netrc"],
            &["--netrc-file", "f"],
        ];
        for (n, one) in ways.iter().enumerate() {
            for other in &ways[n + 1..] {
                let error = args(&[*one, *other].concat()).unwrap_err().to_string();
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
        for words in [["-u", "hunter2\n:x"], ["-u", "x:hunter2\r"], ["--bearer", "hunter2 "], ["--bearer", ""]] {
            let error = args(&words).unwrap().login().unwrap_err().to_string();
            assert!(error.starts_with(words[0]) && !error.contains("hunter2"), "{error}");
        }
        let shown = format!("{:?}", args(&["-u", "hunter2", "--cookie", "a=hunter2"]).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn fields_that_are_set() {
        let fields = |words: &[&str]| args(words).unwrap().fields().unwrap();
        assert_eq!(fields(&[]), []);
        let words = ["--netrc", "--cookie", "a=b", "-A", "x", "--time-cond", "2026-11-21"];
        let want = [
            ("--netrc", "Authorization"),
            ("--cookie", "Cookie"),
            ("-A", "User-Agent"),
            ("--time-cond", "If-Modified-Since"),
        ];
        assert_eq!(fields(&words), want);
        assert_eq!(fields(&["--time-cond", "-f"]), [("--time-cond", "If-Unmodified-Since")]);
    }

    #[test]
    fn conditions() {
        let day = HttpDate::from_unix(784_080_000);
        let moment = HttpDate::from_unix(784_111_777);
        let table = [
            ("Sun, 06 Nov 1994 08:49:37 GMT", false, Since::Date(moment)),
            ("-Sun, 06 Nov 1994 08:49:37 GMT", true, Since::Date(moment)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", false, Since::Date(moment)),
            ("1994-11-06T08:49:37Z", false, Since::Date(moment)),
            ("1994-11-06 08:49:37", false, Since::Date(moment)),
            ("1994-11-06", false, Since::Date(day)),
            ("-1994-11-06", true, Since::Date(day)),
            ("1994-13-06", false, Since::File("1994-13-06".into())),
            ("page.html", false, Since::File("page.html".into())),
            ("-page.html", true, Since::File("page.html".into())),
            ("./-page.html", false, Since::File("./-page.html".into())),
        ];
        for (text, unmodified, since) in table {
            assert_eq!(condition(text), Ok(Condition { unmodified, since }), "{text}");
        }
        assert!(condition("").is_err() && condition("-").is_err());
    }
}
