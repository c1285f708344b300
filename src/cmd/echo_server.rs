//! `echo-server`: gives back what comes, over TCP or a UNIX socket, and over UDP beside it (RFC 862).

use std::fmt::Display;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::announce::{announce, unguessable};
use super::encryption::encryption;
use super::{in_context, session};
use crate::address::{Endpoint, Family, Port, Role};
use crate::error::{Error, Kind};
use crate::event::{Event, Open, Serve};
use crate::net::datagram::DatagramSocket;
use crate::net::{Context, SocketName};
use crate::opts::address::{FamilyArgs, given, refuse_for_unix};
use crate::opts::announce::AnnounceArgs;
use crate::opts::dialogue::DialogueArgs;
use crate::opts::faults::FaultArgs;
use crate::opts::limits::LimitArgs;
use crate::opts::service::ServiceArgs;
use crate::opts::socket::{ListenArgs, SocketArgs, StreamArgs};
use crate::opts::tls_server::TlsServerArgs;
use crate::opts::values::positive_duration;
use crate::report::Voice;
use crate::serve::echo::{self, Echo, Sockets};
use crate::serve::encryption::Encryption;
use crate::serve::partner::Partner;
use crate::stream::listener::{Bind, Listener};
use crate::stream::stdio::{Input, Output, Stdio};
use crate::stream::tls::PreparedServer;
use crate::sys::fd;

/// How often another free TCP port is asked for because UDP has the number already.
const PAIR_TRIES: usize = 32;

/// Options of `echo-server`.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// [HOST] PORT, or one or several of PORT, HOST:PORT, [V6]:PORT, unix:PATH; PORT alone listens on every address,
    /// port 0 picks a free one
    #[arg(value_name = "ADDRESS", required = true)]
    words: Vec<String>,
    /// Answer datagrams too, on the same port number
    #[arg(long)]
    udp: bool,
    /// At most this many clients at once; further ones wait
    #[arg(short = 'm', long, value_name = "N", default_value_t = echo::DEFAULT_MAX, hide_default_value = true, value_parser = at_least_one)]
    max_conns: usize,
    /// Say the counts this often while it runs, even with -q; SIGUSR1 asks for them at any time
    #[arg(long, value_name = "DUR", value_parser = positive_duration)]
    stats_every: Option<Duration>,
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    dialogue: DialogueArgs,
    #[command(flatten)]
    faults: FaultArgs,
    #[command(flatten)]
    announce: AnnounceArgs,
    #[command(flatten)]
    limits: LimitArgs,
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

/// Binds, announces, and serves until ctrl-C.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    let endpoints = Endpoint::several_from_words(&args.words, Role::Binds).map_err(Error::usage)?;
    args.refuse_what_none_can_honour(&endpoints)?;
    let mut echo = args.echo()?;
    let server = args.tls.server()?.map(|server| server.prepare(voice)).transpose()?;
    if echo.partner.has_dialogue() {
        voice.introduce_guests();
    }
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        session::answer_report_requests(ctx)?;
        raise_file_limit(ctx);
        let sockets = args.open(ctx, &endpoints)?;
        echo.encryption = server.map(|server| args.encryption(ctx, server, &endpoints, &sockets)).transpose()?;
        let names: Vec<_> = sockets.listeners.iter().map(Listener::name).collect();
        let output = echo.partner.print.then(|| Stdio::open(Input::Nothing, Output::Stdout)).transpose()?;
        announce(ctx, &names, &args.announce)?;
        if echo.partner.is_left_to_chance(args.udp) {
            ctx.tell(&Event::Serve(Serve::Seeded(echo.partner.seed)));
        }
        echo.run(ctx, sockets, output)
    })
}

/// Ten thousand clients need ten thousand descriptors; the usual soft limit is a tenth of that.
fn raise_file_limit(ctx: &Context<'_>) {
    let limit: &dyn Display = match fd::raise_limit() {
        Some(limit) => &limit.to_string(),
        None => &"unlimited",
    };
    ctx.tell(&Event::Open(Open::OptionSet("RLIMIT_NOFILE", limit)));
}

impl Args {
    fn echo(&self) -> Result<Echo, Error> {
        Ok(Echo {
            max_clients: self.max_conns,
            idle: self.limits.timeouts().idle,
            stats_every: self.stats_every,
            partner: self.partner()?,
            encryption: None,
        })
    }

    fn encryption(
        &self,
        ctx: &Context<'_>,
        server: PreparedServer,
        endpoints: &[Endpoint],
        sockets: &Sockets,
    ) -> Result<Encryption, Error> {
        let bound: Vec<_> = endpoints.iter().zip(&sockets.listeners).collect();
        encryption(ctx, server, &bound, self.tls.handshake_limit(self.limits.timeouts()))
    }

    fn refuse_what_none_can_honour(&self, endpoints: &[Endpoint]) -> Result<(), Error> {
        if self.udp && self.tls.is_asked_for() {
            return Err(
                Error::usage("--udp with --tls: datagrams would go unencrypted beside it").hint("run two servers")
            );
        }
        match endpoints.iter().find(|endpoint| matches!(endpoint, Endpoint::Inet(_))) {
            Some(_) => Ok(()),
            None => endpoints.iter().try_for_each(|endpoint| refuse_for_unix(endpoint, self.inet_only())),
        }
    }

    fn open(&self, ctx: &Context<'_>, endpoints: &[Endpoint]) -> Result<Sockets, Error> {
        let mut sockets = Sockets::default();
        for endpoint in endpoints {
            let (listener, datagrams) = self.open_pair(ctx, endpoint)?;
            sockets.listeners.push(listener);
            sockets.datagrams.extend(datagrams);
        }
        Ok(sockets)
    }

    /// What is played to the clients. A seed that nobody chose is short, as somebody may have to type it.
    fn partner(&self) -> Result<Partner, Error> {
        let seed = self.faults.seed().unwrap_or_else(|| unguessable() >> 32);
        self.service.partner(&self.dialogue, &self.faults, seed)
    }

    /// Both sockets on one number; where any will do, one that is free for both.
    fn open_pair(&self, ctx: &Context<'_>, endpoint: &Endpoint) -> Result<(Listener, Option<DatagramSocket>), Error> {
        let any_port = matches!(endpoint, Endpoint::Inet(target) if target.port == Port::Number(0));
        let mut tries = if any_port { PAIR_TRIES } else { 1 };
        loop {
            let listener = Listener::bind(ctx, endpoint, &self.bind())?;
            tries -= 1;
            match self.beside(ctx, &listener) {
                Ok(datagrams) => return Ok((listener, datagrams)),
                Err(error) if error.kind == Kind::Bind && tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn beside(&self, ctx: &Context<'_>, listener: &Listener) -> Result<Option<DatagramSocket>, Error> {
        let (true, SocketName::Inet(address)) = (self.udp, listener.name()) else { return Ok(None) };
        let bind = self.bind();
        DatagramSocket::bind(ctx, *address, &bind.config, bind.lookup.family == Family::V6).map(Some)
    }

    fn bind(&self) -> Bind {
        let config = self.listen.with(self.stream.with(self.socket.config()));
        Bind { lookup: self.family.lookup(false), config }
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        let socket = self.socket.inet_only().chain(self.stream.inet_only()).chain(self.listen.inet_only());
        self.family.inet_only().chain(socket).chain(given([("--udp", self.udp)]))
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=echo::DEFAULT_MAX).contains(n))
        .ok_or_else(|| format!("a number from 1 to {}", echo::DEFAULT_MAX))
}
