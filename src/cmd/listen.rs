//! `listen`: one client, standard input and output through it; or with -k many, side by side.

use clap::Args as ClapArgs;

use super::announce::announce;
use super::encryption::encryption;
use super::session::{self, Shown};
use super::{in_context, open_local, taps, too_many};
use crate::address::{Endpoint, Role};
use crate::deadline::{Deadline, Timeouts};
use crate::error::{Error, Kind};
use crate::event::{Event, Serve};
use crate::net::Context;
use crate::opts::account::AccountArgs;
use crate::opts::address::{FamilyArgs, refuse_for_unix};
use crate::opts::announce::AnnounceArgs;
use crate::opts::limits::{AcceptLimitArgs, LimitArgs, UntilIdleArgs};
use crate::opts::progress::ProgressArgs;
use crate::opts::relay::{OutputArgs, SessionArgs};
use crate::opts::socket::{ListenArgs, SocketArgs, StreamArgs};
use crate::opts::taps::{TAPS, TapArgs};
use crate::opts::tls_server::TlsServerArgs;
use crate::relay::Policy;
use crate::report::Voice;
use crate::serve::encryption::Encryption;
use crate::serve::hub::{self, Hub};
use crate::stream::Stream;
use crate::stream::listener::{Bind, Listener};
use crate::stream::stdio::Stdio;

/// Options of `listen`.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// [HOST] PORT, HOST:PORT, [V6]:PORT or unix:PATH; PORT alone listens on every address, port 0 picks a free one
    #[arg(value_name = "ADDRESS", required = true)]
    words: Vec<String>,
    /// Serve client after client, side by side; stdin goes to all of them
    #[arg(short = 'k', long, conflicts_with_all = ["ignore_empty", "end_on", "no_half_close", "until_idle", "accept_timeout", "no_splice", "stats", "progress"], conflicts_with_all = TAPS)]
    keep_open: bool,
    /// At most this many clients at once; further ones wait
    #[arg(short = 'm', long, value_name = "N", requires = "keep_open", default_value_t = hub::DEFAULT_MAX, value_parser = hub_size)]
    max_conns: usize,
    /// A client counts at its first byte, with --tls after its handshake: health checks that connect and close do not use up
    /// the one accept
    #[arg(long, conflicts_with = "send_only")]
    ignore_empty: bool,
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
    announce: AnnounceArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    accept_limit: AcceptLimitArgs,
    #[command(flatten)]
    until_idle: UntilIdleArgs,
    #[command(flatten)]
    family: FamilyArgs,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    tls: TlsServerArgs,
}

/// Listens, takes its client or clients, moves bytes, and says how it ended.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    let (endpoint, rest) = Endpoint::from_words(&args.words, Role::Binds).map_err(Error::usage)?;
    too_many(rest, "listen")?;
    refuse_for_unix(&endpoint, args.inet_only())?;
    let server = args.tls.server()?.map(|server| server.prepare(voice)).transpose()?;
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        if !args.keep_open {
            session::answer_report_requests(ctx)?;
        }
        let local = open_local(ctx, &args.session, &args.output)?;
        let taps = taps::open(ctx, voice, (&args.taps, &args.output), args.timeouts().idle)?;
        let listener = Listener::bind(ctx, &endpoint, &args.bind())?;
        let limit = args.tls.handshake_limit(args.limits.timeouts());
        let encryption = server.map(|server| encryption(ctx, server, &[(&endpoint, &listener)], limit)).transpose()?;
        announce(ctx, &[listener.name()], &args.announce)?;
        let shown = Shown { voice, account: args.account, progress: args.progress, taps: &taps };
        if args.keep_open {
            args.hub(encryption).run(ctx, local, listener)
        } else {
            let remote = args.take_one(ctx, listener, encryption.as_ref())?;
            let policy = args.policy(&local);
            session::run(ctx, &shown, local, remote, policy)
        }
    })
}

impl Args {
    /// The one client. Whoever comes after it is told at once that nobody will serve him.
    fn take_one(
        &self,
        ctx: &Context<'_>,
        listener: Listener,
        encryption: Option<&Encryption>,
    ) -> Result<Stream, Error> {
        let limit = Deadline::starting_now(self.timeouts().accept);
        if self.ignore_empty {
            return take_serious(ctx, &listener, encryption, limit);
        }
        let remote = listener.accept(ctx, limit)?;
        drop(listener);
        encrypted(ctx, remote, encryption)
    }

    fn hub(&self, encryption: Option<Encryption>) -> Hub {
        Hub { max_clients: self.max_conns, idle: self.timeouts().idle, crlf: self.session.is_crlf(), encryption }
    }

    fn timeouts(&self) -> Timeouts {
        self.accept_limit.with(self.limits.timeouts())
    }

    fn bind(&self) -> Bind {
        let config = self.listen.with(self.stream.with(self.socket.config()));
        Bind { lookup: self.family.lookup(false), config }
    }

    fn policy(&self, local: &Stdio) -> Policy {
        Policy {
            idle: self.timeouts().idle,
            until_idle: self.until_idle.until_idle,
            probe: !self.stream.has_keepalive(),
            ..self.session.policy(local.input_kind(), false)
        }
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        let socket = self.socket.inet_only().chain(self.stream.inet_only());
        self.family.inet_only().chain(socket).chain(self.listen.inet_only())
    }
}

/// The first client that has something to say; with TLS, the first whose handshake succeeds.
fn take_serious(
    ctx: &Context<'_>,
    listener: &Listener,
    encryption: Option<&Encryption>,
    limit: Deadline,
) -> Result<Stream, Error> {
    loop {
        let remote = listener.accept_speaking(ctx, limit)?;
        let name = remote.name();
        match encrypted(ctx, remote, encryption) {
            Err(error) if is_the_clients(&error) && ctx.deadline.expired().is_none() => {
                ctx.tell(&Event::Serve(Serve::Failed(&name, &error)));
            }
            other => return other,
        }
    }
}

fn encrypted(ctx: &Context<'_>, remote: Stream, encryption: Option<&Encryption>) -> Result<Stream, Error> {
    match encryption {
        Some(Encryption { server, limit }) => server.wrap(ctx, remote, Deadline::starting_now(Some(*limit))),
        None => Ok(remote),
    }
}

/// Whether another client may do better.
fn is_the_clients(error: &Error) -> bool {
    matches!(error.kind, Kind::Tls | Kind::Untrusted | Kind::Reset | Kind::Send | Kind::TimedOut)
}

fn hub_size(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=hub::CEILING).contains(n))
        .ok_or_else(|| format!("a number from 1 to {}", hub::CEILING))
}
