//! The list of what is measured. A scenario is a value: a name to ask for, its tools, and two functions.

use std::time::Duration;

use crate::Bench;
use crate::echo;
use crate::echo::tools::{CROWD_SERVERS, DATAGRAM_SERVERS, SERVERS_THAT_BUFFER, STREAM_SERVERS};
use crate::ends::{Input, Output};
use crate::exchange;
use crate::get::tools::{OF_CHUNKS, OF_LENGTH};
use crate::get::{self, Goal, Manner};
use crate::place::Medium;
use crate::sample::{Measure, Sample};
use crate::tls;
use crate::tools::{STREAM, Tool};
use crate::transfer::{self, Transfer};
use crate::udp;
use crate::udp::tools::{RECEIVERS, SENDERS};

/// Something that is measured with each of several tools.
pub struct Scenario {
    pub name: &'static str,
    pub title: &'static str,
    /// What its tools are compared by.
    pub measure: Measure,
    /// What else is shown.
    pub also: &'static [Measure],
    pub tools: &'static [Tool],
    /// Once before the rounds: whether every byte comes out as it went in.
    pub check: fn(&Bench, &Tool) -> Result<(), String>,
    pub run: fn(&Bench, &Tool) -> Result<Sample, String>,
}

pub static ALL: &[Scenario] = &[
    Scenario {
        name: "file-tcp-null",
        title: "file → TCP → /dev/null",
        measure: Measure::Rate,
        also: &[],
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FILE_TCP_NULL),
        run: |bench, tool| transfer::run(bench, tool, FILE_TCP_NULL),
    },
    Scenario {
        name: "file-tcp-file",
        title: "file → TCP → file",
        measure: Measure::Rate,
        also: &[],
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FILE_TCP_FILE),
        run: |bench, tool| transfer::run(bench, tool, FILE_TCP_FILE),
    },
    Scenario {
        name: "pipe-tcp-pipe",
        title: "pipe → TCP → pipe",
        measure: Measure::Rate,
        also: &[],
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, PIPE_TCP_PIPE),
        run: |bench, tool| transfer::run(bench, tool, PIPE_TCP_PIPE),
    },
    Scenario {
        name: "full-duplex",
        title: "file → TCP → /dev/null, both ways at once",
        measure: Measure::Rate,
        also: &[],
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FULL_DUPLEX),
        run: |bench, tool| transfer::run(bench, tool, FULL_DUPLEX),
    },
    Scenario {
        name: "file-unix-null",
        title: "file → UNIX socket → /dev/null",
        measure: Measure::Rate,
        also: &[],
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FILE_UNIX_NULL),
        run: |bench, tool| transfer::run(bench, tool, FILE_UNIX_NULL),
    },
    Scenario {
        name: "ping-pong",
        title: "one byte there and back through `connect`",
        measure: Measure::Time,
        also: &[],
        tools: STREAM,
        check: |bench, tool| exchange::ping_pong(bench, tool).map(drop),
        run: exchange::ping_pong,
    },
    Scenario {
        name: "start-up",
        title: "6 bytes to an echo server and back, the whole process",
        measure: Measure::Time,
        also: &[],
        tools: STREAM,
        check: |bench, tool| exchange::start_up(bench, tool).map(drop),
        run: exchange::start_up,
    },
    Scenario {
        name: "get-null",
        title: "nginx → HTTP → /dev/null",
        measure: Measure::Rate,
        also: &[],
        tools: OF_LENGTH,
        check: |bench, tool| get::check(bench, tool, Goal::Null),
        run: |bench, tool| get::run(bench, tool, Goal::Null),
    },
    Scenario {
        name: "get-file",
        title: "nginx → HTTP → file",
        measure: Measure::Rate,
        also: &[],
        tools: OF_LENGTH,
        check: |bench, tool| get::check(bench, tool, Goal::File),
        run: |bench, tool| get::run(bench, tool, Goal::File),
    },
    Scenario {
        name: "get-pipe",
        title: "nginx → HTTP → pipe",
        measure: Measure::Rate,
        also: &[],
        tools: OF_LENGTH,
        check: |bench, tool| get::check(bench, tool, Goal::Pipe),
        run: |bench, tool| get::run(bench, tool, Goal::Pipe),
    },
    Scenario {
        name: "get-startup",
        title: "1 kB over HTTP, the whole process",
        measure: Measure::Time,
        also: &[],
        tools: OF_LENGTH,
        check: get::check_start_up,
        run: get::start_up,
    },
    Scenario {
        name: "get-chunked",
        title: "10,000 chunks of 100 bytes, written at once",
        measure: Measure::Time,
        also: &[],
        tools: OF_CHUNKS,
        check: |bench, tool| get::check_chunks(bench, tool, Manner::AtOnce),
        run: |bench, tool| get::chunks(bench, tool, Manner::AtOnce),
    },
    Scenario {
        name: "get-chunked-pieces",
        title: "10,000 chunks of 100 bytes, a write each",
        measure: Measure::Time,
        also: &[],
        tools: OF_CHUNKS,
        check: |bench, tool| get::check_chunks(bench, tool, Manner::InPieces),
        run: |bench, tool| get::chunks(bench, tool, Manner::InPieces),
    },
    Scenario {
        name: "echo-messages",
        title: "echo: 100 clients, 64-byte messages",
        measure: Measure::PerSecond,
        also: &[Measure::Busy, Measure::P99],
        tools: STREAM_SERVERS,
        check: |bench, tool| echo::messages(bench, tool, CHECK).map(drop),
        run: |bench, tool| echo::messages(bench, tool, bench.options.load),
    },
    Scenario {
        name: "echo-churn",
        title: "echo: connect, 64 bytes, close, 50 at a time",
        measure: Measure::PerSecond,
        also: &[Measure::Busy, Measure::P99],
        tools: STREAM_SERVERS,
        check: |bench, tool| echo::churn(bench, tool, CHECK).map(drop),
        run: |bench, tool| echo::churn(bench, tool, bench.options.load),
    },
    Scenario {
        name: "echo-crowd",
        title: "echo: 10,000 clients, 64-byte messages",
        measure: Measure::PerSecond,
        also: &[Measure::Busy, Measure::P99, Measure::Idle],
        tools: CROWD_SERVERS,
        check: |bench, tool| echo::crowd(bench, tool, CHECK).map(drop),
        run: |bench, tool| echo::crowd(bench, tool, bench.options.load),
    },
    Scenario {
        name: "echo-bullies",
        title: "echo: 100 clients, one that does not read, one that dribbles",
        measure: Measure::PerSecond,
        also: &[Measure::Kept, Measure::Growth],
        tools: SERVERS_THAT_BUFFER,
        check: |bench, tool| echo::bullies(bench, tool, CHECK).map(drop),
        run: |bench, tool| echo::bullies(bench, tool, bench.options.load),
    },
    Scenario {
        name: "echo-udp",
        title: "echo: 100 UDP sockets, a datagram of 64 bytes each",
        measure: Measure::PerSecond,
        also: &[Measure::Busy, Measure::P99, Measure::Resent],
        tools: DATAGRAM_SERVERS,
        check: |bench, tool| echo::datagrams(bench, tool, 100, CHECK).map(drop),
        run: |bench, tool| echo::datagrams(bench, tool, 100, bench.options.load),
    },
    Scenario {
        name: "echo-udp-one",
        title: "echo: one UDP socket, a datagram of 64 bytes",
        measure: Measure::PerSecond,
        also: &[Measure::Busy, Measure::P99, Measure::Resent],
        tools: DATAGRAM_SERVERS,
        check: |bench, tool| echo::datagrams(bench, tool, 1, CHECK).map(drop),
        run: |bench, tool| echo::datagrams(bench, tool, 1, bench.options.load),
    },
    Scenario {
        name: "tls-file-null",
        title: "file → TLS 1.3 → /dev/null",
        measure: Measure::Rate,
        also: &[],
        tools: tls::tools::STREAM,
        check: |bench, tool| tls::check(bench, tool, FILE_TCP_NULL),
        run: |bench, tool| transfer::run(bench, tool, FILE_TCP_NULL),
    },
    Scenario {
        name: "tls-handshakes",
        title: "echo over TLS 1.3: connect, shake hands, 64 bytes, close, 50 at a time",
        measure: Measure::PerSecond,
        also: &[Measure::Busy, Measure::P99],
        tools: tls::tools::SERVERS,
        check: |bench, tool| tls::handshakes(bench, tool, CHECK).map(drop),
        run: |bench, tool| tls::handshakes(bench, tool, bench.options.load),
    },
    Scenario {
        name: "udp-send",
        title: "file → UDP, 1,200 bytes a datagram",
        measure: Measure::PerSecond,
        also: &[Measure::Kept],
        tools: SENDERS,
        check: udp::check_send,
        run: udp::send,
    },
    Scenario {
        name: "udp-recv-400k",
        title: "UDP → file, 400,000 datagrams of 1,200 bytes a second",
        measure: Measure::Kept,
        also: &[Measure::Offered],
        tools: RECEIVERS,
        check: |bench, tool| udp::check_receive(bench, tool, 400_000),
        run: |bench, tool| udp::receive(bench, tool, 400_000),
    },
    Scenario {
        name: "udp-recv-1m",
        title: "UDP → file, 1,000,000 datagrams of 1,200 bytes a second",
        measure: Measure::Kept,
        also: &[Measure::Offered],
        tools: RECEIVERS,
        check: |bench, tool| udp::check_receive(bench, tool, 1_000_000),
        run: |bench, tool| udp::receive(bench, tool, 1_000_000),
    },
];

/// How long an echo server is looked at before it is measured.
const CHECK: Duration = Duration::from_millis(100);

const FILE_TCP_NULL: Transfer =
    Transfer { input: Input::File, output: Output::Null, medium: Medium::Tcp, both_ways: false };
const FILE_TCP_FILE: Transfer = Transfer { output: Output::File, ..FILE_TCP_NULL };
const PIPE_TCP_PIPE: Transfer = Transfer { input: Input::Pipe, output: Output::Pipe, ..FILE_TCP_NULL };
const FULL_DUPLEX: Transfer = Transfer { both_ways: true, ..FILE_TCP_NULL };
const FILE_UNIX_NULL: Transfer = Transfer { medium: Medium::Unix, ..FILE_TCP_NULL };
