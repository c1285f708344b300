//! `echo-server`: gives back what comes, over TCP or a UNIX socket, and over UDP beside it (RFC 862).

use clap::Args as ClapArgs;

use super::announce::{announce, unguessable};
use super::{in_context, too_many};
use crate::address::{Endpoint, Family, Port, Role};
use crate::error::{Error, Kind};
use crate::net::datagram::DatagramSocket;
use crate::net::{Context, SocketName};
use crate::opts::address::{FamilyArgs, given, refuse_for_unix};
use crate::opts::announce::AnnounceArgs;
use crate::opts::dialogue::DialogueArgs;
use crate::opts::faults::FaultArgs;
use crate::opts::limits::LimitArgs;
use crate::opts::service::ServiceArgs;
use crate::opts::socket::{ListenArgs, SocketArgs, StreamArgs};
use crate::report::Voice;
use crate::serve::echo::{self, Echo};
use crate::serve::partner::Partner;
use crate::stream::listener::{Bind, Listener};

/// How often another free TCP port is asked for because UDP has the number already.
const PAIR_TRIES: usize = 32;

/// Options of `echo-server`.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// [HOST] PORT, HOST:PORT, [V6]:PORT or unix:PATH; PORT alone listens on every address, port 0 picks a free one
    #[arg(value_name = "ADDRESS", required = true)]
    words: Vec<String>,
    /// Answer datagrams too, on the same port number
    #[arg(long)]
    udp: bool,
    /// At most this many clients at once; further ones wait
    #[arg(short = 'm', long, value_name = "N", default_value_t = echo::DEFAULT_MAX, hide_default_value = true, value_parser = at_least_one)]
    max_conns: usize,
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
}

/// Binds, announces, and serves until ctrl-C.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    let (endpoint, rest) = Endpoint::from_words(&args.words, Role::Binds).map_err(Error::usage)?;
    too_many(rest, "echo-server")?;
    refuse_for_unix(&endpoint, args.inet_only())?;
    if !args.partner()?.is_plain_echo() {
        return Err(Error::usage("dialogues, other modes and faults are not served yet").into());
    }
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        let (listener, datagrams) = args.open(ctx, &endpoint)?;
        announce(ctx, listener.name(), &args.announce)?;
        let echo = Echo { max_clients: args.max_conns, idle: args.limits.timeouts().idle };
        echo.run(ctx, listener, datagrams)
    })
}

impl Args {
    /// What is played to the clients. A seed that nobody chose is short, as somebody may have to type it.
    fn partner(&self) -> Result<Partner, Error> {
        let seed = self.faults.seed().unwrap_or_else(|| unguessable() >> 32);
        self.service.partner(&self.dialogue, &self.faults, seed)
    }

    /// Both sockets on one number; where any will do, one that is free for both.
    fn open(&self, ctx: &Context<'_>, endpoint: &Endpoint) -> Result<(Listener, Option<DatagramSocket>), Error> {
        let any_port = matches!(endpoint, Endpoint::Inet(target) if target.port == Port::Number(0));
        let mut tries = if any_port { PAIR_TRIES } else { 1 };
        loop {
            let listener = Listener::bind(ctx, endpoint, &self.bind())?;
            if !self.udp {
                return Ok((listener, None));
            }
            tries -= 1;
            match self.beside(ctx, &listener) {
                Ok(datagrams) => return Ok((listener, Some(datagrams))),
                Err(error) if error.kind == Kind::Bind && tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn beside(&self, ctx: &Context<'_>, listener: &Listener) -> Result<DatagramSocket, Error> {
        let SocketName::Inet(address) = listener.name() else {
            return Err(Error::usage(format!("--udp means nothing for {}", listener.name())));
        };
        let bind = self.bind();
        DatagramSocket::bind(ctx, *address, &bind.config, bind.lookup.family == Family::V6)
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
