//! Why a URL or a redirect is refused, in words.
//!
//! Owns the wording alone. Refuses to repeat the URL: it may hold a password.

use std::fmt;

/// Why a URL is refused (exit code 2 for one that was typed). None of the texts repeats the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// A control character, a space, or in the host an invisible character.
    Forbidden(char),
    /// A backslash, which browsers count as a slash and curl does not.
    Backslash,
    /// Another scheme than http and https (its name, cut to 30 characters).
    Scheme(String),
    /// `user:password@` before the host, where nobody may write one.
    UserInfo,
    /// It has two readings, or none.
    UserInfoForm,
    /// There is no host.
    NoHost,
    /// An IPv6 address without brackets.
    Brackets,
    /// An IPv4 address that is not four plain decimal numbers.
    NumericHost,
    /// An IPv6 address with a zone.
    Zone,
    /// The host is neither a name nor an address.
    Host,
    /// The port is missing after its colon, no number, 0, or over 65535.
    Port,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden(' ') => "a URL holds no spaces (write %20)",
            Self::Forbidden(c) => return write!(f, "the URL holds the character {}", c.escape_unicode()),
            Self::Backslash => "a URL holds no backslash (write / or %5C)",
            Self::Scheme(name) => return write!(f, "only http:// and https:// URLs are known, not {name}:"),
            Self::UserInfo => "the URL holds user info before an @, which has no place here",
            Self::UserInfoForm => {
                "what stands before the @ of a URL is USER:PASSWORD, with %40 for an @ in it and %25 for a %"
            }
            Self::NoHost => "the URL has no host (write http://HOST/…)",
            Self::Brackets => "an IPv6 address in a URL stands in brackets (write http://[::1]/)",
            Self::NumericHost => "an IPv4 address is four decimal numbers from 0 to 255, without leading zeros",
            Self::Zone => "an IPv6 zone (%…) cannot stand in a URL",
            Self::Host => "the URL's host is neither a valid name nor an address",
            Self::Port => "the URL's port is missing or not a number from 1 to 65535",
        })
    }
}

impl std::error::Error for UrlError {}

/// Why a redirect is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectError {
    /// The `Location` is no URL that would be taken from the user either.
    Url(UrlError),
    /// From https to http: what was asked for in secret would go in the clear.
    Downgrade,
}

impl From<UrlError> for RedirectError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(UrlError::UserInfo) => f.write_str("redirect refused: its URL holds user info before an @"),
            Self::Url(why) => write!(f, "redirect refused: {why}"),
            Self::Downgrade => f.write_str("redirect refused: it leads from https to http"),
        }
    }
}

impl std::error::Error for RedirectError {}
