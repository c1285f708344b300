//! `connect`: to a TCP or UNIX stream socket, and standard input and output through it; or only a check (-z), or probes
//! (--ping).

use std::time::Duration;

use clap::Args as ClapArgs;

use super::check::Check;
use super::session::{self, Shown};
use super::{check, in_context, open_local, ping, taps, too_many};
use crate::address::{Endpoint, Role};
use crate::error::Error;
use crate::net::SocketConfig;
use crate::opts::account::AccountArgs;
use crate::opts::address::{FamilyArgs, SourceArgs, refuse_for_unix};
use crate::opts::limits::{ConnectLimitArgs, LimitArgs, UntilIdleArgs};
use crate::opts::ping::PingArgs;
use crate::opts::progress::ProgressArgs;
use crate::opts::proxy::TunnelArgs;
use crate::opts::relay::{OutputArgs, SessionArgs};
use crate::opts::socket::{ReuseArgs, SocketArgs, StreamArgs};
use crate::opts::taps::{TAPS, TapArgs};
use crate::opts::tls::{CertificateArgs, TlsClientArgs};
use crate::opts::values::duration;
use crate::relay::{Policy, Taps};
use crate::report::Voice;
use crate::stream::dial::Dial;
use crate::stream::route::Route;
use crate::stream::stdio::Stdio;

/// What is about a session, and means nothing without one.
const NO_SESSION: [&str; 11] = [
    "no_stdin",
    "send_only",
    "crlf",
    "no_half_close",
    "no_splice",
    "end_on",
    "output",
    "force",
    "until_idle",
    "stats",
    "progress",
];

/// Options of `connect`.
#[derive(ClapArgs, Clone, Debug)]
#[command(mut_arg("ping", |arg| arg.conflicts_with_all(NO_SESSION).conflicts_with_all(TAPS)))]
#[command(mut_arg("timeout", |arg| arg.help("Give up when connecting takes longer, or when nothing has moved for this long; with --ping, how long an answer may take")))]
pub struct Args {
    /// HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH; with -z, PORT may be a list such as 22,80,8000-8010
    #[arg(value_name = "ADDRESS", required = true)]
    words: Vec<String>,
    /// Only check: connect and close, one line a port on stdout
    #[arg(short = 'z', long, conflicts_with_all = NO_SESSION, conflicts_with_all = TAPS, conflicts_with_all = ["idle_timeout", "ping"])]
    check: bool,
    /// Keep trying for DUR until it opens
    #[arg(long, value_name = "DUR", value_parser = duration)]
    retry_for: Option<Duration>,
    #[command(flatten)]
    ping: PingArgs,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    taps: TapArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    connect_limit: ConnectLimitArgs,
    #[command(flatten)]
    until_idle: UntilIdleArgs,
    #[command(flatten)]
    proxy: TunnelArgs,
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
    tls: TlsClientArgs,
    #[command(flatten)]
    certificate: CertificateArgs,
}

/// Connects, moves bytes until the session is over, and says how it ended.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    if args.check {
        let target = check::target(&args.words, args.inet_only())?;
        let how = Check { route: args.route()?, asked: args.certificate };
        return in_context(voice, args.limits.timeouts().deadline, |ctx| check::run(ctx, voice, &target, &how));
    }
    let (endpoint, rest) = Endpoint::from_words(&args.words, Role::Connects).map_err(Error::usage)?;
    too_many(rest, "connect")?;
    refuse_for_unix(&endpoint, args.inet_only())?;
    let route = Route { proxy: args.proxy.through(&endpoint)?, ..args.route()? };
    if let Some(plan) = args.ping.plan(args.limits.timeouts()) {
        return in_context(voice, args.limits.timeouts().deadline, |ctx| {
            ping::through(ctx, voice, plan, || route.open(ctx, &endpoint))
        });
    }
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        session::answer_report_requests(ctx)?;
        let local = open_local(ctx, &args.session, &args.output)?;
        let taps = taps::open(ctx, voice, (&args.taps, &args.output), args.limits.timeouts().idle)?;
        let policy = args.policy(&local);
        let remote = route.open(ctx, &endpoint)?;
        session::run(ctx, &args.shown(voice, &taps), local, remote, policy)
    })
}

impl Args {
    fn route(&self) -> Result<Route, Error> {
        let tls = self.tls.client().map(|client| client.prepare()).transpose()?;
        Ok(Route { dial: self.dial(), proxy: None, starttls: self.tls.starttls(), tls })
    }

    fn dial(&self) -> Dial {
        Dial {
            lookup: self.family.lookup(false),
            config: self.config(),
            limit: self.connect_limit.with(self.limits.timeouts()).connect,
            retry_for: self.retry_for,
        }
    }

    fn config(&self) -> SocketConfig {
        self.reuse.with(self.stream.with(self.source.with(self.socket.config())))
    }

    fn shown<'a>(&self, voice: &'a Voice, taps: &'a Taps<'a>) -> Shown<'a> {
        Shown { voice, account: self.account, progress: self.progress, taps }
    }

    fn policy(&self, local: &Stdio) -> Policy {
        Policy {
            idle: self.limits.timeouts().idle,
            until_idle: self.until_idle.until_idle,
            probe: !self.stream.has_keepalive(),
            ..self.session.policy(local.input_kind(), true)
        }
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        let addresses = self.family.inet_only().chain(self.source.inet_only());
        addresses.chain(self.socket.inet_only()).chain(self.stream.inet_only())
    }
}
