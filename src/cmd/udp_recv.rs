//! `udp-recv`: datagrams, UDP or UNIX, to standard output. Or a chat with their senders.

use clap::Args as ClapArgs;

use super::announce::announce;
use super::{in_context, open_output, taps, too_many};
use crate::address::{Endpoint, Role};
use crate::error::{Error, Kind};
use crate::net::Context;
use crate::net::datagram::DatagramSocket;
use crate::opts::address::{FamilyArgs, refuse_for_unix};
use crate::opts::announce::AnnounceArgs;
use crate::opts::answers::AnswerArgs;
use crate::opts::chat::ChatArgs;
use crate::opts::intake::{INTAKE, IntakeArgs};
use crate::opts::limits::{LimitArgs, UntilIdleArgs};
use crate::opts::multicast::JoinArgs;
use crate::opts::prefix::PrefixArg;
use crate::opts::relay::OutputArgs;
use crate::opts::socket::{ShareArgs, SocketArgs};
use crate::opts::values::Bytes;
use crate::report::Voice;
use crate::serve::place::{How, receive_at};
use crate::serve::receiver::{Borders, Receiver};
use crate::stream::stdio::{Input, Stdio};

/// Options of `udp-recv`.
#[derive(ClapArgs, Clone, Debug)]
#[command(mut_arg("interactive", |arg| arg.help(INTERACTIVE).long_help(INTERACTIVE_IN_FULL).conflicts_with_all(["lines", "separator", "length_prefix", "count", "reply", "echo", "exec", "until_idle"]).conflicts_with_all(INTAKE)))]
#[command(mut_arg("exit_word", |arg| arg.help("Leave the last sender unanswered when a typed line is exactly WORD; can be given more than once")))]
#[command(mut_arg("until_idle", |arg| arg.help("End well (0) once nothing has come for this long")))]
#[command(mut_arg("timeout", |arg| arg.help("Give up when a lookup takes longer, or when nothing has come for this long")))]
pub struct Args {
    /// [HOST] PORT, HOST:PORT, [V6]:PORT or unix:PATH; PORT alone is every address, port 0 a free one; a multicast
    /// address is joined
    #[arg(value_name = "ADDRESS", required = true)]
    words: Vec<String>,
    /// Write a newline after each datagram
    #[arg(long, conflicts_with = "separator")]
    lines: bool,
    /// Write TEXT after each datagram; it may contain \n \r \t \0 \xNN \\
    #[arg(long, value_name = "TEXT")]
    separator: Option<Bytes>,
    /// Write its length before each datagram, in network byte order
    #[arg(long, value_name = "WIDTH", conflicts_with_all = ["lines", "separator"])]
    length_prefix: Option<PrefixArg>,
    /// End (0) after N datagrams; without it ctrl-C is the normal end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    answers: AnswerArgs,
    #[command(flatten)]
    chat: ChatArgs,
    #[command(flatten)]
    intake: IntakeArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    announce: AnnounceArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    until_idle: UntilIdleArgs,
    #[command(flatten)]
    family: FamilyArgs,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    share: ShareArgs,
    #[command(flatten)]
    join: JoinArgs,
}

/// Binds, says where, and writes what comes.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    let (endpoint, rest) = Endpoint::from_words(&args.words, Role::Binds).map_err(Error::usage)?;
    too_many(rest, "udp-recv")?;
    refuse_for_unix(&endpoint, args.inet_only())?;
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        let chat = args.chat.chat(None, args.limits.timeouts().idle);
        let input = if chat.is_some() { Input::Stdin } else { Input::Nothing };
        let local = Stdio::open(input, open_output(ctx, &args.output)?)?;
        let receiver = args.receiver(ctx, voice)?;
        let socket = receive_at(ctx, &endpoint, &args.how())?;
        args.prepare(ctx, &socket, &receiver)?;
        let name = socket.local_name().map_err(|e| Error::io(Kind::Bind, "bind to", &endpoint, &e))?;
        announce(ctx, &[&name], &args.announce)?;
        match chat {
            Some(chat) => chat.with_senders(ctx, &socket, local),
            None => receiver.run(ctx, &socket, local),
        }
    })
}

impl Args {
    fn how(&self) -> How {
        let config = self.join.with(self.share.with(self.socket.config()));
        How { lookup: self.family.lookup(true), config, limit: self.limits.timeouts().connect }
    }

    /// Opens the dump, before anything can come.
    fn receiver<'a>(&self, ctx: &'a Context<'a>, voice: &'a Voice) -> Result<Receiver<'a>, Error> {
        let idle = self.limits.timeouts().idle;
        let settings = voice.settings();
        Ok(Receiver {
            count: self.count,
            borders: self.borders(),
            reply: self.answers.reply(),
            allow: self.intake.allow(),
            narrate: settings.verbose > 0 && !settings.quiet,
            stats: self.intake.stats(),
            gathers: self.intake.gathers(),
            dump: taps::open_dump(ctx, voice, (self.intake.hex(), &self.output), idle)?,
            idle,
            until_idle: self.until_idle.until_idle,
        })
    }

    fn borders(&self) -> Borders {
        let newline = self.lines.then(|| b"\n".to_vec());
        let separator = self.separator.clone().map(|text| text.0).or(newline).unwrap_or_default();
        self.length_prefix.map_or(Borders::After(separator), |prefix| Borders::Before(prefix.into()))
    }

    /// Asks the kernel for what this run needs of it, and for no more: each thing told costs time a datagram.
    fn prepare(&self, ctx: &Context<'_>, socket: &DatagramSocket, receiver: &Receiver<'_>) -> Result<(), Error> {
        socket.widen_receive_buffer(ctx, self.socket.recv_buffer());
        if receiver.gathers {
            socket.gather(ctx)?;
        }
        if receiver.narrate { socket.ask_for_facts() } else { Ok(()) }
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        self.family
            .inet_only()
            .chain(self.socket.inet_only())
            .chain(self.share.inet_only())
            .chain(self.intake.inet_only())
            .chain(self.join.inet_only())
    }
}

const INTERACTIVE: &str = "Chat: show each datagram as a line with its sender, send each typed line to the last sender";

const INTERACTIVE_IN_FULL: &str = "Chat: show each datagram as a line with its sender, 'ADDRESS: TEXT' with what a terminal could \
    obey escaped; send each typed line, without its newline, to the last sender

The end of the input ends it, and ctrl-C; an input that was closed at start or is /dev/null only shows. While there is \
nobody to answer, a line that a person types is not sent, and that is told; where the input is no terminal, it waits for \
the next datagram. At the end the code is 55 if a line could not be sent, 7 if nobody was there to take it and nothing has \
come since.";
