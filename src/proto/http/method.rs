//! The methods that `get` sends, and what becomes of them under a redirect.
//!
//! Owns what the protocol says of each (RFC 9110 §9.2, §9.3; RFC 5789 for PATCH). Refuses methods that nobody here could
//! frame: CONNECT changes what the connection is, TRACE carries the request back with its secrets.

use std::fmt;

/// What is asked of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The head and the body.
    Get,
    /// The head alone.
    Head,
    /// What the server can do.
    Options,
    /// The target is to process the body.
    Post,
    /// The body is to be what is there.
    Put,
    /// What is there is to go.
    Delete,
    /// The body says how to change what is there.
    Patch,
}

impl Method {
    /// All of them, in the order of the help text.
    pub const ALL: [Method; 7] =
        [Self::Get, Self::Head, Self::Options, Self::Post, Self::Put, Self::Delete, Self::Patch];

    /// Whether asking twice comes to the same as asking once, so that a request whose fate is unknown may be sent again
    /// (RFC 9110 §9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }

    /// Whether a request with this method may carry a body of the user's. For the others its meaning is not defined
    /// (RFC 9110 §9.3.1, §9.3.2), and a server may refuse it or take it for another request.
    #[must_use]
    pub fn takes_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Delete | Self::Patch)
    }

    /// Whether a server expects a length although there is no body (RFC 9110 §8.6).
    #[must_use]
    pub(super) fn expects_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    /// The method with which a redirect by `status` is followed, and so whether the body goes along: it does where the
    /// method stays (RFC 9110 §15.4.2, §15.4.3, §15.4.4, §15.4.8, §15.4.9).
    #[must_use]
    pub fn redirected(self, status: u16) -> Self {
        match (status, self) {
            (303, Self::Head) => Self::Head,
            // The first is what every client has made of it since before there was a standard.
            (301 | 302, Self::Post) | (303, _) => Self::Get,
            _ => self,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_of_all_five_kinds() {
        use Method::{Delete, Get, Head, Options, Patch, Post, Put};
        let table = [
            (301, [Get, Head, Options, Get, Put, Delete, Patch]),
            (302, [Get, Head, Options, Get, Put, Delete, Patch]),
            (303, [Get, Head, Get, Get, Get, Get, Get]),
            (307, Method::ALL),
            (308, [Get, Head, Options, Post, Put, Delete, Patch]),
        ];
        for (status, wanted) in table {
            assert_eq!(Method::ALL.map(|method| method.redirected(status)), wanted, "{status}");
        }
    }

    #[test]
    fn what_may_be_sent_twice_and_what_carries_a_body() {
        let named = |is: fn(Method) -> bool| {
            Method::ALL.into_iter().filter(|&m| is(m)).map(|m| m.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(named(Method::is_idempotent), ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
        assert_eq!(named(Method::takes_body), ["POST", "PUT", "DELETE", "PATCH"]);
    }
}
