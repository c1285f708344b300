//! `--exec`: one datagram in, the standard output of a command one datagram out.
//!
//! Owns the bounds: how many commands run at once, for how long each, how much each may say. What a peer sent reaches
//! a command on its standard input alone; its environment has addresses and ports. Refuses to send.

use std::fmt::Display;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::deadline::Seconds;
use crate::error::{Error, Kind, plain};
use crate::net::datagram::Sender;
use crate::net::{Context, SocketName};
use crate::stream::child::Child;
use crate::sys::poll::{Interest, poll};
use crate::sys::process::Watch;
use crate::sys::signals;

/// How long a command that was asked to end (SIGTERM) has until it is killed (SIGKILL).
const GRACE: Duration = Duration::from_secs(1);

/// What answers datagrams, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// What `/bin/sh -c` is given.
    pub command: String,
    /// So many run at once; meanwhile further datagrams wait in the receive queue.
    pub most: usize,
    /// A command that takes longer is ended, and its sender gets no answer.
    pub limit: Duration,
}

/// The commands that run.
pub(super) struct Children<'a> {
    ctx: &'a Context<'a>,
    exec: &'a Exec,
    watch: Watch,
    local: SocketName,
    running: Vec<Session>,
}

/// One command, for one datagram.
struct Session {
    child: Child,
    from: Sender,
    output: Vec<u8>,
    /// The answer may have so many bytes.
    largest: usize,
    since: Instant,
    answered: bool,
    /// When it was asked to end.
    asked: Option<Instant>,
}

/// A command's answer.
pub(super) type Answer = (Sender, Vec<u8>);

impl<'a> Children<'a> {
    /// None runs yet. `local` is where the datagrams come to.
    pub(super) fn new(ctx: &'a Context<'a>, exec: &'a Exec, local: SocketName) -> Result<Self, Error> {
        let watch = Watch::new().map_err(|e| Error::io(Kind::Bind, "watch", "for the ends of commands", &e))?;
        Ok(Children { ctx, exec, watch, local, running: Vec::new() })
    }

    /// How many more may run.
    pub(super) fn room(&self) -> usize {
        self.exec.most.saturating_sub(self.running.len())
    }

    /// Whether none runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Starts the command for a datagram. One that can't be started is told, and others may be.
    pub(super) fn start(&mut self, datagram: &[u8], from: &Sender, largest: usize) {
        match Child::start(&self.exec.command, &environment(&self.local, from), datagram.to_vec()) {
            Ok(child) => self.running.push(Session {
                child,
                from: from.clone(),
                output: Vec::new(),
                largest,
                since: Instant::now(),
                answered: false,
                asked: None,
            }),
            Err(e) => self.ctx.warn(format_args!("no answer to {}: --exec: {}", from.name(), plain(&e))),
        }
    }

    /// Gives each command what it takes, and collects what it says; gives the answers that are complete.
    pub(super) fn turn(&mut self) -> Vec<Answer> {
        self.watch.clear();
        let mut answers = Vec::new();
        for mut session in std::mem::take(&mut self.running) {
            answers.extend(session.turn(self.ctx, self.exec));
            if session.is_over() {
                session.reap(self.ctx);
            } else {
                self.running.push(session);
            }
        }
        answers
    }

    /// What to wait for.
    pub(super) fn interests(&self) -> impl Iterator<Item = Interest<'_>> {
        let ends = (!self.is_idle()).then(|| Interest::read(self.watch.as_fd()));
        ends.into_iter().chain(self.running.iter().flat_map(|session| session.child.interests()))
    }

    /// The longest time that no command needs to be ended.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.running.iter().map(|session| session.left(self.exec)).min()
    }

    /// Ends all, at once or after their time of grace.
    pub(super) fn stop(&mut self) {
        for session in &mut self.running {
            session.ask_to_end();
        }
        while let Some(pause) = self.pause() {
            let mut ends: Vec<_> = self.interests().collect();
            if poll(&mut ends, None, Some(pause)).is_err() {
                // Dropped, they are killed.
                return self.running.clear();
            }
            self.turn();
        }
    }
}

impl Session {
    fn turn(&mut self, ctx: &Context<'_>, exec: &Exec) -> Option<Answer> {
        let tell = |what: &dyn Display, from: &Sender| ctx.warn(format_args!("no answer to {}: {what}", from.name()));
        self.child.feed();
        self.child.collect(&mut self.output, self.largest);
        if self.asked.is_none() && self.output.len() > self.largest {
            tell(&format_args!("--exec said more than one datagram holds, {} bytes", self.largest), &self.from);
            self.ask_to_end();
        }
        if self.asked.is_none() && self.since.elapsed() >= exec.limit {
            let limit = Seconds(exec.limit);
            if self.answered {
                ctx.warn(format_args!("--exec for {} took longer than {limit} and is ended", self.from.name()));
            } else {
                tell(&format_args!("--exec took longer than {limit} (--exec-timeout) and is ended"), &self.from);
            }
            self.ask_to_end();
        }
        let is_due = self.asked.is_none() && !self.answered && self.child.has_said_all();
        self.answered |= is_due;
        (is_due && !self.output.is_empty()).then(|| (self.from.clone(), std::mem::take(&mut self.output)))
    }

    fn ask_to_end(&mut self) {
        if self.asked.is_none() {
            self.output = Vec::new();
            self.child.terminate();
            self.asked = Some(Instant::now());
        }
    }

    fn is_over(&self) -> bool {
        self.child.is_over() || self.asked.is_some_and(|asked| asked.elapsed() >= GRACE)
    }

    /// A failure is told, unless it is that we ended it.
    fn reap(self, ctx: &Context<'_>) {
        let (name, asked) = (self.from.name(), self.asked.is_some());
        match self.child.reap() {
            Ok(status) if status.success() || asked => {}
            Ok(status) => ctx.warn(format_args!("--exec for {name} ended with {}", how(status))),
            Err(e) => ctx.warn(format_args!("--exec for {name}: {}", plain(&e))),
        }
    }

    fn left(&self, exec: &Exec) -> Duration {
        match self.asked {
            Some(asked) => GRACE.saturating_sub(asked.elapsed()),
            None => exec.limit.saturating_sub(self.since.elapsed()),
        }
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => signals::name(signal).into(),
        (None, None) => "an unknown status".into(),
    }
}

/// Numbers alone: the name of a UNIX peer is a text of its choice, and stays out. What another sockkit left in our own
/// environment is taken away.
fn environment(local: &SocketName, from: &Sender) -> [(&'static str, Option<String>); 4] {
    let parts = |name: &SocketName| match name {
        SocketName::Inet(address) => (Some(host(address)), Some(address.port().to_string())),
        SocketName::Unix(_) => (None, None),
    };
    let ((remote_addr, remote_port), (local_addr, local_port)) = (parts(&from.name()), parts(local));
    [
        ("SOCKKIT_REMOTE_ADDR", remote_addr),
        ("SOCKKIT_REMOTE_PORT", remote_port),
        ("SOCKKIT_LOCAL_ADDR", local_addr),
        ("SOCKKIT_LOCAL_PORT", local_port),
    ]
}

/// With its zone, without which a link-local address can't be used.
fn host(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        _ => address.ip().to_string(),
    }
}
