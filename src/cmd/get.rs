//! `get`: one HTTP request, its redirects, and the body to standard output or a file.

use clap::Args as ClapArgs;

use super::{in_context, open_output};
use crate::address::{Endpoint, Host, HostPort, Port};
use crate::error::{Error, Kind};
use crate::event::{Event, Http};
use crate::net::{Context, SocketConfig};
use crate::opts::address::{FamilyArgs, SourceArgs};
use crate::opts::limits::{ConnectLimitArgs, LimitArgs};
use crate::opts::progress::ProgressArgs;
use crate::opts::relay::OutputArgs;
use crate::opts::socket::{ReuseArgs, SocketArgs, StreamArgs};
use crate::proto::escape;
use crate::proto::http::{Header, Method, Request, ResponseHead, Scheme, Url};
use crate::relay::{Delivery, Exchange};
use crate::report::Voice;
use crate::report::bar::Bar;
use crate::stream::Stream;
use crate::stream::dial::{Dial, connect};
use crate::stream::stdio::{Input, Stdio};

/// So much of each URL is shown where a chain of them is told.
const SHOWN: usize = 100;

/// Options of `get`.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// What to fetch: `http://HOST[:PORT][/PATH][?QUERY]`; without a scheme it means `http://`
    // A word and not a URL: clap would repeat what it can't parse, password and all.
    #[arg(value_name = "URL")]
    url: String,
    // For the same reason a word too many is ours to refuse.
    #[arg(hide = true)]
    more: Vec<String>,
    /// Write the head of each response, as received, before the body
    #[arg(short = 'i', long)]
    include: bool,
    /// Ask for the head alone (HEAD) and write that
    #[arg(short = 'I', long)]
    head: bool,
    /// Send this header line in place of ours of that name; `NAME:` removes it, `NAME;` sends it empty
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", allow_hyphen_values = true)]
    headers: Vec<String>,
    /// Exit with 22, without the body, when the status is 400 or more
    #[arg(long)]
    fail: bool,
    /// Follow this many redirects; with 0, a redirect is the answer
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_redirects: u16,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    connect_limit: ConnectLimitArgs,
    #[command(flatten)]
    family: FamilyArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    reuse: ReuseArgs,
}

/// Asks, follows, delivers the body, and says how it ended.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    let (asked, headers) = (args.url()?, args.headers()?);
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        let local = Stdio::open(Input::Nothing, open_output(ctx, &args.output)?)?;
        let mut output = Delivery::new(ctx, Stream::Stdio(local), args.limits.timeouts().idle);
        let outcome = Fetch { ctx, voice, args, asked: &asked, headers: &headers }.follow(&mut output);
        output.end(outcome)
    })
}

/// What all requests of a run share.
struct Fetch<'a> {
    ctx: &'a Context<'a>,
    voice: &'a Voice,
    args: &'a Args,
    /// What the user asked for: its origin alone may see the credentials among `headers`.
    asked: &'a Url,
    headers: &'a [Header],
}

impl Fetch<'_> {
    /// Request after request, until a response is the answer.
    fn follow(&self, output: &mut Delivery<'_>) -> Result<(), Error> {
        let mut chain = vec![self.asked.clone()];
        let mut next = Some(self.asked.clone());
        while let Some(url) = next {
            next = self.ask(&url, &chain, output)?;
            if let Some(url) = &next {
                self.ctx.tell(&Event::Http(Http::Redirect(url)));
                chain.push(url.clone());
            }
        }
        Ok(())
    }

    /// One request. Gives the URL that its response redirects to, or delivers the response.
    fn ask(&self, url: &Url, chain: &[Url], output: &mut Delivery<'_>) -> Result<Option<Url>, Error> {
        let mut remote = self.open(url)?;
        let method = self.args.method();
        let mut exchange = Exchange::new(self.ctx, &mut remote, method, self.args.limits.timeouts().idle);
        let head = exchange.head(&self.request(url, method), output)?;
        if self.args.include || self.args.head {
            output.write(&head.raw)?;
        }
        if let Some(next) = self.redirect(url, chain, &head)? {
            return Ok(Some(next));
        }
        if self.args.fail && head.status >= 400 {
            return Err(refused(url, &head));
        }
        let bar = Bar::new(self.voice, self.args.progress.when(self.args.output.path().is_some()), exchange.length());
        exchange.body(output, &|size| bar.at(size))?;
        Ok(None)
    }

    fn open(&self, url: &Url) -> Result<Stream, Error> {
        if url.scheme() == Scheme::Https {
            let reason = "https needs TLS, and TLS is not in this build yet";
            return Err(Error::new(Kind::Tls, "get", shown(url), reason));
        }
        let host = url.host().parse().map_err(Error::usage)?;
        let endpoint = Endpoint::Inet(HostPort { host, port: Port::Number(url.port()) });
        connect(self.ctx, &endpoint, &self.args.dial())
    }

    fn request(&self, url: &Url, method: Method) -> Vec<u8> {
        let version = env!("CARGO_PKG_VERSION");
        Request { method, url, asked: self.asked, headers: self.headers, version }.encode()
    }

    /// Where to go next; `None` if this response is the answer.
    fn redirect(&self, url: &Url, chain: &[Url], head: &ResponseHead) -> Result<Option<Url>, Error> {
        let most = usize::from(self.args.max_redirects);
        let Some(location) = head.redirect().filter(|_| most > 0) else { return Ok(None) };
        if chain.len() > most {
            let all: Vec<_> = chain.iter().map(shown).collect();
            let reason = format!("more than {most} redirects: {}", all.join(" -> "));
            return Err(Error::new(Kind::Redirects, "get", shown(self.asked), reason));
        }
        let next = url.redirect(location).map_err(|e| Error::new(Kind::Malformed, "get", shown(url), e))?;
        // A name that the address grammar refuses is the server's mistake here, not the user's.
        let unusable = |e| Error::new(Kind::Malformed, "get", shown(url), format_args!("redirect refused: {e}"));
        next.host().parse::<Host>().map_err(unusable)?;
        Ok(Some(next))
    }
}

/// The error of a status under --fail.
fn refused(url: &Url, head: &ResponseHead) -> Error {
    let reason = format!("the server answered {} {}", head.status, escape(&head.reason));
    Error::new(Kind::HttpStatus, "get", shown(url), reason.trim_end())
}

/// A URL for people: a server can make it longer than any screen. It is ASCII.
fn shown(url: &Url) -> String {
    let text = url.to_string();
    match text.get(..SHOWN) {
        Some(start) if text.len() > SHOWN => format!("{start}..."),
        _ => text,
    }
}

impl Args {
    fn url(&self) -> Result<Url, Error> {
        match self.more.len() {
            0 => Url::parse(&self.url).map_err(Error::usage),
            more => Err(Error::usage(format!("get takes one URL, not {}", more + 1))),
        }
    }

    fn headers(&self) -> Result<Vec<Header>, Error> {
        let parse = |text: &String| Header::parse(text).map_err(|e| Error::new(Kind::Usage, "-H", "", e));
        self.headers.iter().map(parse).collect()
    }

    fn method(&self) -> Method {
        if self.head { Method::Head } else { Method::Get }
    }

    fn dial(&self) -> Dial {
        Dial {
            lookup: self.family.lookup(false),
            config: self.config(),
            limit: self.connect_limit.with(self.limits.timeouts()).connect,
            retry_for: None,
        }
    }

    fn config(&self) -> SocketConfig {
        self.reuse.with(self.stream.with(self.source.with(self.socket.config())))
    }
}
