//! Who asks: credentials and cookies from wherever the options say that they are, bound to the origin of each URL.
//!
//! Owns reading them (files, environment, terminal), and that nothing is given twice. Refuses to decide who may see
//! them: that is `proto::http::auth::Secrets`. No error here repeats a secret.

use std::fmt::Display;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::plan::Plan;
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::opts::http::{Cookie, CredentialArgs, Login};
use crate::proto::escape;
use crate::proto::http::auth::{AuthError, Credentials, Secrets};
use crate::proto::http::cookie_file::{self, CookieFile};
use crate::proto::http::date::HttpDate;
use crate::proto::http::netrc::{self, Netrc};
use crate::proto::http::{Header, Url, UserInfo};
use crate::sys::poll::Interest;
use crate::sys::terminal::Unseen;

/// The password of -u NAME. Only an option asks for it: of itself it is never sent.
const PASSWORD: &str = "SOCKKIT_PASSWORD";
/// The token of --bearer-env.
const BEARER: &str = "SOCKKIT_BEARER";
/// No header line that a server takes is longer.
const MAX_LINE: usize = 64 * 1024;

/// Who asks, as far as it is known before anybody is asked.
pub(super) struct Who {
    login: Found,
    cookies: Vec<String>,
    stored: CookieFile,
}

enum Found {
    None,
    Known(Credentials),
    /// The password of this name is still to be asked for.
    Name(String),
    Netrc(Netrc),
}

impl Who {
    /// Reads the files and the environment. To be called before the signals are ours: a FIFO that nobody writes to is
    /// left by ctrl-C then.
    pub(super) fn read(args: &CredentialArgs) -> Result<Self, Error> {
        let (mut cookies, mut stored) = (Vec::new(), CookieFile::default());
        for cookie in args.cookies() {
            match Cookies::read(cookie)? {
                Cookies::Text(text) => cookies.push(text),
                Cookies::Stored(file) => stored = stored.and(file),
            }
        }
        let login = Found::read(args.login()?)?;
        Ok(Who { login, cookies, stored })
    }

    /// What the origin of each URL may see, in the order of the URLs.
    pub(super) fn secrets(mut self, ctx: &Context<'_>, plan: &Plan) -> Result<Vec<Secrets>, Error> {
        if let Found::Name(name) = &self.login {
            self.login = Found::Known(ask(ctx, name)?);
        }
        plan.urls.iter().zip(&plan.user_infos).map(|(url, info)| self.secrets_of(url, info.as_ref())).collect()
    }

    fn secrets_of(&self, url: &Url, info: Option<&UserInfo>) -> Result<Secrets, Error> {
        let empty = Secrets::of(url);
        let named = |name: &str, value: Result<Secrets, AuthError>| {
            value.map_err(|e| Error::new(Kind::Usage, "", format_args!("{name} for {}", url.host()), e))
        };
        let with_netrc = match &self.login {
            Found::None | Found::Name(_) => empty,
            Found::Known(credentials) => empty.credentials(credentials),
            Found::Netrc(_) if info.is_some_and(UserInfo::has_password) => empty,
            Found::Netrc(netrc) => named(".netrc", empty.netrc(netrc, info.map(UserInfo::user)))?,
        };
        let with_login = match info {
            Some(info) if !with_netrc.has_credentials() => {
                with_netrc.credentials(&info.credentials().map_err(|e| Error::new(Kind::Usage, "", "URL", e))?)
            }
            _ => with_netrc,
        };
        let with_stored = with_login.stored(self.stored.clone());
        self.cookies.iter().try_fold(with_stored, |secrets, cookie| named("--cookie", secrets.cookie(cookie)))
    }
}

impl Found {
    fn read(login: Login) -> Result<Self, Error> {
        let refused = |option, path: &Path| {
            let subject = path.display().to_string();
            move |e: AuthError| Error::new(Kind::Usage, option, subject, e)
        };
        let credentials = match login {
            Login::None => return Ok(Found::None),
            Login::Netrc(path) => return read_netrc(path).map(Found::Netrc),
            Login::Name(name) => match environment(PASSWORD)? {
                Some(password) => basic(&name, &password)?,
                None => return Ok(Found::Name(name)),
            },
            Login::Known(credentials) => credentials,
            Login::UserFile(path) => Credentials::parse(&line(&path)?).map_err(refused("--user-file", &path))?,
            Login::BearerFile(path) => Credentials::bearer(&line(&path)?).map_err(refused("--bearer-file", &path))?,
            Login::BearerEnv => bearer_from_environment()?,
        };
        Ok(Found::Known(credentials))
    }
}

/// Refuses what would be sent twice, or one of the two for nothing.
pub(super) fn refuse_twice(
    args: &CredentialArgs,
    headers: &[Header],
    user_infos: &[Option<UserInfo>],
) -> Result<(), Error> {
    let given = args.fields()?;
    let by_url = user_infos.iter().any(Option::is_some).then_some(("the URL", "Authorization"));
    for (option, field) in given.iter().copied().chain(by_url) {
        if headers.iter().any(|header| header.name().eq_ignore_ascii_case(field)) {
            return Err(Error::usage(format!("{option} and -H both give the field {field}")));
        }
    }
    let login = given.iter().find(|(option, field)| *field == "Authorization" && !option.starts_with("--netrc"));
    match (login, by_url) {
        (Some((option, _)), Some(_)) => Err(Error::usage(format!("{option} and the URL both say who logs in"))),
        _ => Ok(()),
    }
}

/// What one --cookie gives.
enum Cookies {
    Text(String),
    Stored(CookieFile),
}

impl Cookies {
    fn read(cookie: Cookie) -> Result<Self, Error> {
        let (text, name) = match cookie {
            Cookie::Text(text) => (text, String::new()),
            Cookie::File(path) => (utf8(&path, cookie_file::MAX_FILE)?, path.display().to_string()),
        };
        let refused = |why: &dyn Display| Error::new(Kind::Usage, "--cookie", &name, why);
        if !name.is_empty() && CookieFile::is_one(&text) {
            let now = HttpDate::from(SystemTime::now());
            return CookieFile::parse(&text, now).map(Cookies::Stored).map_err(|e| refused(&e));
        }
        let line = without_end(&text);
        match line.contains('=') {
            true if line.len() > MAX_LINE => Err(refused(&TOO_LONG)),
            true => Ok(Cookies::Text(line.to_owned())),
            false => Err(refused(&"a cookie is written NAME=VALUE; @FILE reads it from a file")),
        }
    }
}

fn environment(name: &'static str) -> Result<Option<String>, Error> {
    let value = std::env::var_os(name).map(std::ffi::OsString::into_string);
    value.transpose().map_err(|_| Error::new(Kind::Usage, "", name, "it is not UTF-8"))
}

fn bearer_from_environment() -> Result<Credentials, Error> {
    let token = environment(BEARER)?;
    let token = token.ok_or_else(|| Error::new(Kind::Usage, "--bearer-env", BEARER, "it is not set"))?;
    Credentials::bearer(&token).map_err(|e| Error::new(Kind::Usage, "--bearer-env", BEARER, e))
}

fn basic(name: &str, password: &str) -> Result<Credentials, Error> {
    Credentials::basic(name, password).map_err(|e| Error::new(Kind::Usage, "-u", "", e))
}

/// The password of `name`, from whoever sits at the terminal.
fn ask(ctx: &Context<'_>, name: &str) -> Result<Credentials, Error> {
    let missing = || {
        Error::new(Kind::Usage, "-u", "", "the password is missing")
            .hint(format_args!("set {PASSWORD}, or write NAME:PASSWORD into a file and name that with --user-file"))
    };
    if !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal() {
        return Err(missing());
    }
    let terminal = Unseen::open().map_err(|_| missing())?;
    let failed = |e| Error::io(Kind::ReadLocal, "read the password from", "the terminal", &e);
    terminal.say(&format!("password of {}: ", escape(name.as_bytes()))).map_err(failed)?;
    let typed = &mut [Interest::read(terminal.as_fd())];
    ctx.wait(typed, Deadline::NEVER).map_err(|cut| cut.during("wait for the password from", "the terminal"))?;
    let line = terminal.line().map_err(failed)?.ok_or_else(missing)?;
    let password =
        String::from_utf8(line).map_err(|_| Error::new(Kind::Usage, "-u", "", "the password is not UTF-8"))?;
    basic(name, &password)
}

fn read_netrc(path: Option<PathBuf>) -> Result<Netrc, Error> {
    let path = match (path, std::env::var_os("HOME")) {
        (Some(path), _) => path,
        (None, Some(home)) => Path::new(&home).join(".netrc"),
        (None, None) => return Err(Error::usage("--netrc: HOME is not set").hint("--netrc-file FILE names one")),
    };
    Netrc::parse(&read(&path, netrc::MAX_FILE)?).map_err(|e| Error::new(Kind::Usage, "read", path.display(), e))
}

const TOO_LONG: &str = "it is too long for a header line";

/// The one line of a file, without its end.
fn line(path: &Path) -> Result<String, Error> {
    let text = utf8(path, MAX_LINE)?;
    Ok(without_end(&text).to_owned())
}

fn without_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn utf8(path: &Path, most: usize) -> Result<String, Error> {
    let refused = |why: &str| Error::new(Kind::Usage, "read", path.display(), why);
    let bytes = read(path, most)?;
    if bytes.len() > most {
        return Err(refused(if most == MAX_LINE { TOO_LONG } else { "it is too long" }));
    }
    String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8"))
}

/// All of a file, and no more than one byte over `most`.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|e| Error::io(Kind::ReadLocal, "read", path.display(), &e))?;
    Ok(bytes)
}
