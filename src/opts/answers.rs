//! What a receiver of datagrams answers: a text, the datagram, or what a command says.

use std::time::Duration;

use clap::Args;

use super::values::{Bytes, duration};
use crate::serve::answers::Reply;
use crate::serve::exec::Exec;

/// So many commands run at once without --max-children.
const CHILDREN: u16 = 16;

/// A command may take so long without --exec-timeout.
const EXEC_LIMIT: Duration = Duration::from_secs(10);

/// `--reply`, `--echo`, `--exec`.
#[derive(Args, Clone, Debug)]
pub struct AnswerArgs {
    /// Answer each datagram with TEXT; it may contain \n \r \t \0 \xNN \\
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["echo", "exec"])]
    reply: Option<Bytes>,
    /// Answer each datagram with itself
    #[arg(long, conflicts_with = "exec")]
    echo: bool,
    /// Answer each datagram with what CMD, run by /bin/sh -c, makes of it: the datagram is its stdin, its stdout the answer
    #[arg(long, value_name = "CMD", long_help = EXEC_IN_FULL)]
    exec: Option<String>,
    /// With --exec, run so many commands at once; meanwhile further datagrams wait in the receive queue [16]
    #[arg(long, value_name = "N", requires = "exec", value_parser = clap::value_parser!(u16).range(1..=1024))]
    max_children: Option<u16>,
    /// With --exec, end a command that takes longer (SIGTERM, 1 s later SIGKILL) [10 s]
    #[arg(long, value_name = "DUR", requires = "exec", value_parser = time)]
    exec_timeout: Option<Duration>,
}

impl AnswerArgs {
    /// What each sender is answered.
    pub fn reply(&self) -> Reply {
        let exec = self.exec.clone().map(|command| Exec {
            command,
            most: self.max_children.unwrap_or(CHILDREN).into(),
            limit: self.exec_timeout.unwrap_or(EXEC_LIMIT),
        });
        let text = self.reply.clone().map(|text| Reply::Text(text.0));
        let echo = self.echo.then_some(Reply::Echo);
        text.or(echo).or(exec.map(Reply::Exec)).unwrap_or_default()
    }
}

const EXEC_IN_FULL: &str = "Answer each datagram with what CMD, run by /bin/sh -c, makes of it: the datagram is its stdin, its stdout \
    the answer

A command that says nothing answers nothing, and one that says more than a datagram holds neither; that it failed is told, \
and its answer sent. SOCKKIT_REMOTE_ADDR, SOCKKIT_REMOTE_PORT, SOCKKIT_LOCAL_ADDR and SOCKKIT_LOCAL_PORT are in its environment, \
except over UNIX sockets. It is a process group of its own: what it leaves behind is killed.";

/// In no time nothing can be said.
fn time(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| if time.is_zero() { Err("more than 0 is needed".into()) } else { Ok(time) })
}
