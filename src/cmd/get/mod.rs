//! `get`: HTTP requests, their redirects, and the bodies to standard output or a file.
//!
//! ```text
//!   Args ─plan─▶ Plan ─fetch─▶ for each URL: connections ─▶ relay::Exchange ─▶ the next URL, or the body
//!                                                  └─ open: the one place where a stream to an origin is made
//! ```

mod condition;
mod connections;
mod fetch;
mod plan;
mod upload;
mod who;

use clap::Args as ClapArgs;

use super::{in_context, open_output};
use crate::opts::address::{FamilyArgs, SourceArgs};
use crate::opts::http::{AnswerArgs, CredentialArgs, RequestArgs, RouteArgs};
use crate::opts::limits::{ConnectLimitArgs, LimitArgs};
use crate::opts::progress::ProgressArgs;
use crate::opts::relay::OutputArgs;
use crate::opts::socket::{ReuseArgs, SocketArgs, StreamArgs};
use crate::opts::tls::{TLS, TlsTrustArgs};
use crate::proto::http::Scheme;
use crate::relay::Delivery;
use crate::report::Voice;
use crate::stream::Stream;
use crate::stream::stdio::{Input, Stdio};
use connections::Connections;
use fetch::Fetch;
use upload::Upload;
use who::Who;

/// Options of `get`.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// What to fetch: `http[s]://HOST[:PORT][/PATH][?QUERY]`; without a scheme it means `http://`. Several are asked one after the other, over one connection where the server keeps it
    // Words and not URLs: clap would repeat what it can't parse, password and all.
    // Its scheme is what asks for TLS: the options of that group need no other.
    #[arg(value_name = "URL", required = true, group = TLS)]
    urls: Vec<String>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    connect_limit: ConnectLimitArgs,
    #[command(flatten)]
    route: RouteArgs,
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
    #[command(flatten)]
    tls: TlsTrustArgs,
}

/// Asks, follows, delivers the bodies, and says how it ended.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    let plan = args.plan()?;
    let who = Who::read(&args.credentials)?;
    let tls = plan.urls.iter().any(|url| url.scheme() == Scheme::Https).then(|| plan.tls.prepare()).transpose()?;
    in_context(voice, plan.limits.deadline, |ctx| {
        let secrets = who.secrets(ctx, &plan)?;
        let condition = plan.ask.condition.as_ref().map(|condition| condition::header(ctx, condition)).transpose()?;
        let upload = Upload::open(ctx, &plan)?;
        let local = Stdio::open(Input::Nothing, open_output(ctx, &args.output)?)?;
        let mut output = Delivery::new(ctx, Stream::Stdio(local), plan.limits.idle);
        let connections = Connections::new(ctx, &plan, tls);
        let condition = condition.flatten();
        let outcome = Fetch { ctx, voice, plan: &plan, secrets, condition, connections, upload }.all(&mut output);
        output.end(outcome)
    })
}
