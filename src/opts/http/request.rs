//! What is asked: method, header lines, body, version.

use std::path::PathBuf;

use clap::Args;

use crate::error::{Error, Kind};
use crate::proto::http::{Header, Method, Version};

/// `-X -H -I --data --http1.0`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Request")]
pub struct RequestArgs {
    /// What to ask: GET, HEAD, OPTIONS, POST, PUT, DELETE or PATCH [default: GET, with --data POST]
    #[arg(short = 'X', long, value_name = "METHOD", value_parser = method)]
    method: Option<Method>,
    /// Ask for the head alone (HEAD) and write that
    #[arg(short = 'I', long, conflicts_with_all = ["method", "data"])]
    head: bool,
    /// Send this header line in place of ours of that name; `NAME:` removes it, `NAME;` sends it empty
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", allow_hyphen_values = true)]
    headers: Vec<String>,
    /// Send this body as it is: a text, the bytes of FILE, or stdin
    #[arg(long, value_name = "TEXT|@FILE|-", allow_hyphen_values = true)]
    data: Option<String>,
    /// Speak HTTP/1.0: one request a connection
    #[arg(long = "http1.0")]
    http10: bool,
}

/// Where the body of the request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// There is none.
    None,
    /// The command line.
    Text(Vec<u8>),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl RequestArgs {
    /// The method; one that takes no body has none.
    pub fn method(&self) -> Result<Method, Error> {
        let default = match &self.data {
            _ if self.head => Method::Head,
            Some(_) => Method::Post,
            None => Method::Get,
        };
        let method = self.method.unwrap_or(default);
        if self.data.is_some() && !method.takes_body() {
            return Err(Error::usage(format!("--data: a {method} request has no body")));
        }
        Ok(method)
    }

    /// Whether -I asks for the head alone: then that is what is written.
    pub fn is_head(&self) -> bool {
        self.head
    }

    /// The user's header lines.
    pub fn headers(&self) -> Result<Vec<Header>, Error> {
        let parse = |text: &String| Header::parse(text).map_err(|e| Error::new(Kind::Usage, "-H", "", e));
        self.headers.iter().map(parse).collect()
    }

    /// The body.
    pub fn data(&self) -> Data {
        match self.data.as_deref() {
            None => Data::None,
            Some("-" | "@-") => Data::Stdin,
            Some(text) => match text.strip_prefix('@') {
                Some(path) => Data::File(path.into()),
                None => Data::Text(text.as_bytes().to_vec()),
            },
        }
    }

    /// The version that is spoken.
    pub fn version(&self) -> Version {
        if self.http10 { Version::Http10 } else { Version::Http11 }
    }
}

fn method(text: &str) -> Result<Method, String> {
    let found = Method::ALL.into_iter().find(|method| method.to_string().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("one of {}", Method::ALL.map(|method| method.to_string()).join(", ")))
}
