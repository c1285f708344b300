//! echo-server as a partner: dialogues, old small services, faults on purpose.

use crate::support::{run, sockkit};

/// An option that would be ignored, or that makes no sense, is refused with its name.
#[test]
fn command_lines_that_are_refused() {
    let table: [(&[&str], &str); 34] = [
        (&["--reply", "{"], "lone {"),
        (&["--reply", "a}"], "lone }"),
        (&["--reply", r"\q"], "backslash"),
        (&["--greeting", r"\x4"], "two hex digits"),
        (&["--exit-word", r"\"], "backslash"),
        (&["--farewell", "bye"], "--exit-word"),
        (&["--max-messages", "0"], "--max-messages"),
        (&["--delay", "2..1"], "A..B"),
        (&["--delay", "25h"], "a day"),
        (&["--chunk", "0"], "at least 1 byte"),
        (&["--chunk", "7..1"], "A..B"),
        (&["--corrupt", "101"], "0 to 100"),
        (&["--corrupt", "-1%"], "-1"),
        (&["--close-before-reply", "x"], "0 to 100"),
        (&["--reset-after", "1", "--close-after", "1"], "--close-after"),
        (&["--reset-after", "1", "--stall-after", "1"], "--stall-after"),
        (&["--close-after", "1", "--stall-after", "1"], "--stall-after"),
        (&["--reset-after", "1T"], "unknown unit"),
        (&["--drop", "5%"], "--udp"),
        (&["--duplicate", "5%"], "--udp"),
        (&["--reorder", "5%"], "--udp"),
        (&["--seed", "5"], "--delay"),
        (&["--seed", "5", "--swallow", "3"], "--delay"),
        (&["--seed", "-5", "--chunk", "1..2"], "-5"),
        (&["--mode", "qotd"], "chargen"),
        (&["--mode", "discard", "--print"], "--print means nothing for --mode discard"),
        (&["--mode", "chargen", "--greeting", "x"], "--greeting"),
        (&["--mode", "daytime", "--reply", "x"], "--reply"),
        (&["--mode", "daytime", "--exit-word", "x"], "--exit-word"),
        (&["--mode", "chargen", "--lines"], "--lines"),
        (&["--mode", "chargen", "--swallow", "1"], "--swallow"),
        (&["--mode", "discard", "--delay", "1"], "--delay"),
        (&["--mode", "discard", "--reset-after", "0"], "--reset-after"),
        (&["--mode", "discard", "--udp", "--drop", "1"], "--drop"),
    ];
    for (options, reason) in table {
        let words = [&["echo-server", "127.0.0.1", "0"], options].concat();
        let refused = run(&mut sockkit(&words), b"").expect(2);
        assert!(refused.stderr.contains(reason), "{options:?}: {}", refused.stderr);
    }
}
