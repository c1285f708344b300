//! What the user typed, or what a `Location` says → where to connect and what to ask for.
//!
//! Owns the URL's checks on top of the `url` crate (RFC 3986 syntax, RFC 9110 §4.2 http and https, §10.2.2 Location).
//! That crate follows the browsers: it strips tabs and newlines, trims, turns `\` into `/`, counts `http:host` and
//! `http:////host` as `http://host`, and reads `0x7f.1` as 127.0.0.1. A tool for scripts must not ask for something
//! else than what was written, so the raw text is checked first and all of that is refused. Refused too: user info
//! (RFC 9110 §4.2.4), which is cut out before ([`super::UserInfo`]); no error here repeats any part of the authority.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use ::url::{ParseError, Position};

use super::url_error::{RedirectError, UrlError};
use crate::proto::is_hidden;

/// The schemes that `get` speaks (RFC 9110 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP, port 80 unless the URL names another.
    Http,
    /// HTTP over TLS, port 443 unless the URL names another.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Scheme, host and port: credentials and cookies go to their own origin alone (RFC 9110 §4.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `http` or `https`: the same host over the other scheme is another origin.
    pub scheme: Scheme,
    /// As [`Url::host`].
    pub host: String,
    /// As [`Url::port`].
    pub port: u16,
}

/// An absolute http or https URL without user info and without fragment.
///
/// Shown (`Display`) in its normal form, which is printable ASCII: names in punycode, other bytes percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    inner: ::url::Url,
    scheme: Scheme,
    port: u16,
}

impl Url {
    /// Reads what the user typed; without a scheme it means `http://`.
    ///
    /// There is no `FromStr` on purpose: clap would quote the whole text in its own error, password and all.
    ///
    /// # Errors
    /// Says what is wrong (exit code 2), without repeating anything that could be a secret.
    pub fn parse(typed: &str) -> Result<Self, UrlError> {
        if let Some(c) = typed.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(UrlError::Forbidden(c));
        }
        let absolute: Cow<'_, str> = match typed.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => typed.into(),
            _ => format!("http://{typed}").into(),
        };
        let authority = authority_of(&absolute)?;
        if authority.is_some_and(|a| a.ends_with(':')) {
            // Legal (RFC 3986 §3.2.3), but it is how `mailto:/x` or a lost $PORT looks.
            return Err(UrlError::Port);
        }
        Self::checked(::url::Url::parse(&absolute), authority)
    }

    /// Resolves the value of a `Location` field against this URL: absolute, `//host/…`, or relative
    /// (RFC 9110 §10.2.2). Bytes that are not UTF-8 are percent-encoded, so are spaces (as curl does).
    ///
    /// # Errors
    /// [`RedirectError::Url`] for what [`Url::parse`] refuses as well, [`RedirectError::Downgrade`] for https → http.
    pub fn redirect(&self, location: &[u8]) -> Result<Self, RedirectError> {
        let next = self.redirect_even_down(location)?;
        if self.scheme == Scheme::Https && next.scheme == Scheme::Http {
            return Err(RedirectError::Downgrade);
        }
        Ok(next)
    }

    /// The same, from https to http too.
    ///
    /// # Errors
    /// [`RedirectError::Url`].
    pub fn redirect_even_down(&self, location: &[u8]) -> Result<Self, RedirectError> {
        let location = as_text(location);
        if let Some(c) = location.chars().find(|c| c.is_control()) {
            return Err(UrlError::Forbidden(c).into());
        }
        let authority = authority_of(&location)?;
        Ok(Self::checked(self.inner.join(&location), authority)?)
    }

    /// http or https.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host to connect to: a name (ASCII, lower case), an IPv4 or an IPv6 address, the latter without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.inner.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port to connect to, 1 to 65535; 80 or 443 if the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who may see the credentials that were given for this URL.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { scheme: self.scheme, host: self.host().to_owned(), port: self.port }
    }

    /// The request target in origin-form: path and query, at least `/` (RFC 9112 §3.2.1).
    #[must_use]
    pub fn target(&self) -> &str {
        &self.inner[Position::BeforePath..Position::AfterQuery]
    }

    /// The value for the `Host` field: IPv6 in brackets, the port only if it is not the scheme's own (RFC 9110 §7.2).
    #[must_use]
    pub fn host_header(&self) -> &str {
        &self.inner[Position::BeforeHost..Position::AfterPort]
    }

    fn checked(parsed: Result<::url::Url, ParseError>, typed_authority: Option<&str>) -> Result<Self, UrlError> {
        let mut inner = parsed.map_err(|e| reason(e, typed_authority))?;
        inner.set_fragment(None);
        let scheme = scheme_named(inner.scheme())?;
        check_host(&inner, typed_authority)?;
        match inner.port_or_known_default() {
            None | Some(0) => Err(UrlError::Port),
            Some(port) => Ok(Self { inner, scheme, port }),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.as_str())
    }
}

/// The authority as written, checked for what the `url` crate would let through; `None` for a relative reference.
fn authority_of(reference: &str) -> Result<Option<&str>, UrlError> {
    if reference.contains('\\') {
        return Err(UrlError::Backslash);
    }
    let slashes = match reference.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => {
            scheme_named(&scheme.to_ascii_lowercase())?;
            Some(rest.strip_prefix("//").ok_or(UrlError::NoHost)?)
        }
        _ => reference.strip_prefix("//"),
    };
    let Some(rest) = slashes else { return Ok(None) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(UrlError::Brackets);
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(UrlError::NoHost);
    }
    // IDNA drops some of these without a word: a name that reads the same would be another one.
    match authority.chars().find(|&c| is_hidden(c)) {
        Some(c) => Err(UrlError::Forbidden(c)),
        None => Ok(Some(authority)),
    }
}

fn check_host(parsed: &::url::Url, typed_authority: Option<&str>) -> Result<(), UrlError> {
    match (parsed.host(), typed_authority) {
        // Octal, hexadecimal, short or otherwise disguised (percent-encoded, full-width): it was not written so.
        (Some(::url::Host::Ipv4(ip)), Some(typed)) if typed_host(typed) != ip.to_string() => Err(UrlError::NumericHost),
        (Some(::url::Host::Domain(name)), _) => check_labels(name),
        (Some(_), _) => Ok(()),
        (None, _) => Err(UrlError::NoHost),
    }
}

/// RFC 1035 §2.3.4; one dot at the end (the name is complete) is fine.
fn check_labels(name: &str) -> Result<(), UrlError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(UrlError::Host);
    }
    Ok(())
}

fn typed_host(authority: &str) -> &str {
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// RFC 3986 §3.1.
pub(super) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn scheme_named(name: &str) -> Result<Scheme, UrlError> {
    match name {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        other => Err(UrlError::Scheme(other.chars().take(30).collect())),
    }
}

fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|&b| as_ascii(b)).collect::<String>().into(),
    }
}

fn as_ascii(byte: u8) -> Cow<'static, str> {
    if byte.is_ascii() { char::from(byte).to_string().into() } else { format!("%{byte:02X}").into() }
}

fn reason(error: ParseError, typed_authority: Option<&str>) -> UrlError {
    match error {
        ParseError::InvalidPort => UrlError::Port,
        ParseError::InvalidIpv4Address => UrlError::NumericHost,
        ParseError::InvalidIpv6Address if typed_authority.is_some_and(|a| a.contains('%')) => UrlError::Zone,
        ParseError::EmptyHost => UrlError::NoHost,
        _ => UrlError::Host,
    }
}

#[cfg(test)]
mod tests;
