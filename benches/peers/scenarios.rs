//! The list of what is measured. A scenario is a value: a name to ask for, its tools, and two functions.

use crate::Bench;
use crate::ends::{Input, Output};
use crate::exchange;
use crate::place::Medium;
use crate::sample::{Measure, Sample};
use crate::tools::{STREAM, Tool};
use crate::transfer::{self, Transfer};

/// Something that is measured with each of several tools.
pub struct Scenario {
    pub name: &'static str,
    pub title: &'static str,
    pub measure: Measure,
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
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FILE_TCP_NULL),
        run: |bench, tool| transfer::run(bench, tool, FILE_TCP_NULL),
    },
    Scenario {
        name: "file-tcp-file",
        title: "file → TCP → file",
        measure: Measure::Rate,
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FILE_TCP_FILE),
        run: |bench, tool| transfer::run(bench, tool, FILE_TCP_FILE),
    },
    Scenario {
        name: "pipe-tcp-pipe",
        title: "pipe → TCP → pipe",
        measure: Measure::Rate,
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, PIPE_TCP_PIPE),
        run: |bench, tool| transfer::run(bench, tool, PIPE_TCP_PIPE),
    },
    Scenario {
        name: "full-duplex",
        title: "file → TCP → /dev/null, both ways at once",
        measure: Measure::Rate,
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FULL_DUPLEX),
        run: |bench, tool| transfer::run(bench, tool, FULL_DUPLEX),
    },
    Scenario {
        name: "file-unix-null",
        title: "file → UNIX socket → /dev/null",
        measure: Measure::Rate,
        tools: STREAM,
        check: |bench, tool| transfer::check(bench, tool, FILE_UNIX_NULL),
        run: |bench, tool| transfer::run(bench, tool, FILE_UNIX_NULL),
    },
    Scenario {
        name: "ping-pong",
        title: "one byte there and back through `connect`",
        measure: Measure::Time,
        tools: STREAM,
        check: |bench, tool| exchange::ping_pong(bench, tool).map(drop),
        run: exchange::ping_pong,
    },
    Scenario {
        name: "start-up",
        title: "6 bytes to an echo server and back, the whole process",
        measure: Measure::Time,
        tools: STREAM,
        check: |bench, tool| exchange::start_up(bench, tool).map(drop),
        run: exchange::start_up,
    },
];

const FILE_TCP_NULL: Transfer =
    Transfer { input: Input::File, output: Output::Null, medium: Medium::Tcp, both_ways: false };
const FILE_TCP_FILE: Transfer = Transfer { output: Output::File, ..FILE_TCP_NULL };
const PIPE_TCP_PIPE: Transfer = Transfer { input: Input::Pipe, output: Output::Pipe, ..FILE_TCP_NULL };
const FULL_DUPLEX: Transfer = Transfer { both_ways: true, ..FILE_TCP_NULL };
const FILE_UNIX_NULL: Transfer = Transfer { medium: Medium::Unix, ..FILE_TCP_NULL };
