//! `get`: HTTP requests, their redirects, and the bodies to standard output or a file.
//!
//! ```text
//!   Args ─plan─▶ Plan ─fetch─▶ for each URL: connections ─▶ relay::Exchange ─▶ the next URL, or the body
//!                                                  └─ open: the one place where a stream to an origin is made
//! ```

mod addresses;
mod condition;
mod connections;
mod fetch;
mod glass;
mod judge;
mod lint;
mod places;
mod plan;
mod repeat;
mod retry;
mod upload;
mod way;
mod who;

use clap::Args as ClapArgs;

use super::in_context;
use crate::net::Context;
use crate::opts::address::{FamilyArgs, SourceArgs};
use crate::opts::http::{
    AnswerArgs, CredentialArgs, FileArgs, GlassArgs, JudgeArgs, ProxyArgs, RequestArgs, RouteArgs,
};
use crate::opts::limits::{ConnectLimitArgs, LimitArgs};
use crate::opts::progress::ProgressArgs;
use crate::opts::socket::{ReuseArgs, SocketArgs, StreamArgs};
use crate::opts::tls::{TLS, TlsTrustArgs};
use crate::proto::http::Scheme;
use crate::report::Voice;
use crate::report::waterfall::Glass;
use connections::Connections;
use fetch::Fetch;
use lint::Linter;
use places::Places;
use retry::Retries;
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
    judge: JudgeArgs,
    #[command(flatten)]
    glass: GlassArgs,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    connect_limit: ConnectLimitArgs,
    #[command(flatten)]
    route: RouteArgs,
    #[command(flatten)]
    proxy: ProxyArgs,
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
        let condition = condition.flatten();
        let glass = Glass::new(voice, args.glass.timing(), plan.survey.is_some());
        let ctx = &Context { tell: &glass, ..*ctx };
        let upload = Upload::open(ctx, &plan)?;
        let linter = args.glass.lint().then(|| Linter::new(voice));
        let connections = Connections::new(ctx, &plan, tls);
        let linter = linter.as_ref();
        let retries = Retries(plan.retries.clone());
        let mut fetch = Fetch { ctx, voice, plan: &plan, secrets, condition, connections, upload, linter, retries };
        if let Some(survey) = plan.survey {
            return survey.run(&glass, fetch);
        }
        let mut places = Places::open(ctx, &plan)?;
        let outcome = fetch.all(&mut places);
        let outcome = places.end(outcome);
        // What came is kept whatever is wrong with its form.
        let verdict = linter.map_or(Ok(()), |linter| linter.end(&mut fetch, outcome.is_ok()));
        outcome.and(verdict)
    })
}
